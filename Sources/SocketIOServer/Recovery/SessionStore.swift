// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import LoopConfinement
package import NIOCore
package import SocketIOCore

/// Keeps the sessions of a namespace for all servers of a cluster. From any thread.
///
/// With a store, the events of the namespace have the order and the positions that the adapter gives them.
package protocol SessionStore: AnyObject, Sendable {
    /// This server's name in records of connected sockets.
    var owner: String { get }

    /// Keeps a record for the time `life`, and replaces an earlier one.
    func keep(_ record: KeptSession, for life: TimeAmount)

    /// Forgets a session that is over.
    func forget(_ pid: PackedID)

    /// Returns when this server has delivered everything up to a client's offset, and has in its log everything that it has
    /// delivered early.
    ///
    /// - Parameter early: What the client has got early, of this server or another.
    /// - Returns: The positions of these events, as far as they are after the offset.
    func settle(
        offset: EventPosition, _ early: EarlyMark?, in namespace: String
    ) async throws(RecoveryFailure) -> Set<EventPosition>

    /// Looks a session up without changing it.
    func find(_ pid: PackedID, in namespace: String) async throws(RecoveryFailure) -> KeptSession

    /// Takes the record for one caller. If a server has a connected socket of the session, that server closes it first.
    func claim(_ record: KeptSession) async throws(RecoveryFailure) -> KeptSession

    /// Calls `body` when everything that this server has sent in the namespace until now has been delivered here. On any
    /// thread.
    func whenDelivered(in namespace: String, _ body: @escaping @Sendable () -> Void)

    // Messages of clients that are to be handled once, see ``HandledMessages``.

    /// Takes a message for this server, for the time that it may need. Waits while another server has it.
    ///
    /// - Returns: The answer, if the message has been handled; nil when this server is to handle it.
    /// - Throws: `storeUnavailable`, also when another server has not finished in time.
    func claimMessage(_ name: String, for life: TimeAmount) async throws(RecoveryFailure) -> RawJSON?

    /// Keeps the answer to a message. Returns when it is kept, or cannot be.
    func keepAnswer(_ answer: RawJSON, of name: String, for life: TimeAmount) async

    /// Gives a message up that could not be handled.
    func releaseMessage(_ name: String)
}

/// The interface for adapters that define the order of a namespace's events.
extension MemoryAdapter {
    /// Whether sessions can be continued at all.
    package var keepsEvents: Bool { log != nil }

    /// How long events are kept for clients that return.
    package var eventAge: TimeAmount { log?.limits.maximumAge ?? .zero }

    /// Makes the adapter define the positions, see ``deliver(_:_:at:isNew:)``. Call it before the first socket
    /// connects.
    package func share(_ store: any SessionStore) { log?.share(store) }

    /// Delivers an event at its place in the order. Without `isNew` it is only kept, because the sockets here have it
    /// already.
    package func deliver(
        _ packet: AdapterSPI.BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, isNew: Bool
    ) {
        guard let log else { return broadcast(packet, options: options) }
        broadcast(packet, options: options, in: log, at: position, isNew: isNew)
    }

    /// Announces that earlier events follow; the first of them comes after this position.
    package func beginHistory(after position: EventPosition) { log?.begin(after: position) }

    /// Keeps an earlier event for returning clients, with the time since it was sent.
    package func remember(
        _ packet: AdapterSPI.BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, age: TimeAmount
    ) {
        log?.remember(packet, options, at: position, now: shards[0].shard.eventLoop.now - age)
    }

    /// Notes which events are delivered here without a position, because the order cannot be reached; nil when all have
    /// got one.
    package func setEarly(_ mark: EarlyMark?) { log?.setEarly(mark) }

    /// Notes that events may be missing.
    package func noteGap() { log?.noteGap() }

    /// Closes the socket of a session that another server continues.
    package func releaseSession(_ pid: String) {
        guard let pid = PackedID(pid), let holder = holder(of: pid), holder.namespace.name.hasSameBytes(as: name) else {
            return
        }
        holder.core.run { $0.releaseSession() }
    }
}
