// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import LoopConfinement
package import NIOCore
package import SocketIOCore

/// Where the sessions of a namespace are kept for all servers of a cluster. From any thread.
///
/// With one, the events of the namespace have the order, and the positions, that the adapter gives them.
package protocol SessionStore: AnyObject, Sendable {
    /// This server's name in records of connected sockets.
    var owner: String { get }

    /// Keeps a record for so long, in the place of an earlier one.
    func keep(_ record: KeptSession, for life: TimeAmount)

    /// The session is over.
    func forget(_ pid: PackedID)

    /// Looks a session up and leaves it where it is, when this server has delivered everything up to the client's offset.
    func find(
        _ pid: PackedID, in namespace: String, offset: EventPosition
    ) async throws(RecoveryFailure) -> KeptSession

    /// Takes the record for one caller; a server with a connected socket of the session closes it before.
    func claim(_ record: KeptSession) async throws(RecoveryFailure) -> KeptSession
}

/// A namespace whose events have the order of an adapter.
extension MemoryAdapter {
    /// Whether sessions can be continued at all.
    package var keepsEvents: Bool { log != nil }

    /// How long events are kept for clients that return.
    package var eventAge: TimeAmount { log?.limits.maximumAge ?? .zero }

    /// From now on, positions come with ``deliver(_:_:at:isNew:)``. Before the first socket connects.
    package func share(_ store: any SessionStore) { log?.share(store) }

    /// An event at its place in the order; without `isNew` it is only kept, because the sockets here have it already.
    package func deliver(
        _ packet: AdapterSPI.BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, isNew: Bool
    ) {
        guard let log else { return broadcast(packet, options: options) }
        broadcast(packet, options: options, in: log, at: position, isNew: isNew)
    }

    /// Earlier events follow, the first of them after this position.
    package func beginHistory(after position: EventPosition) { log?.begin(after: position) }

    /// An event that was sent so long ago, for clients that return.
    package func remember(
        _ packet: AdapterSPI.BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, age: TimeAmount
    ) {
        log?.remember(packet, options, at: position, now: shards[0].shard.eventLoop.now - age)
    }

    /// Events may be missing.
    package func noteGap() { log?.noteGap() }

    /// Another server continues a session whose socket counts as connected here.
    package func releaseSession(_ pid: String) {
        guard let pid = PackedID(pid), let holder = holder(of: pid), holder.namespace.name.hasSameBytes(as: name) else {
            return
        }
        holder.core.run { $0.releaseSession() }
    }
}
