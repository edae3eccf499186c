// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Listens to the channels of the rooms with sockets of this node, in one namespace. From any thread.
///
/// Rooms come and go on all event loops. Each change is noted here, and the loop of the bus then looks whether the room
/// exists, so the order in which the changes arrive does not matter.
final class RoomSubscriptions: Sendable {
    private struct Changes {
        /// Rooms that the loop has not looked at since they came or went, and those that it is looking at.
        var rooms: NameSet = []
        var taken: NameSet = []
        /// Rooms that are subscribed to.
        var wanted: NameSet = []
        /// Subscriptions that Redis has not confirmed.
        var unconfirmed = 0
        var isClosed = false
    }

    private let mode: ShardedPubSub.SubscriptionMode
    private let names: ShardedNames
    private let local: MemoryAdapter
    private let subscriptions: LoopBound<ShardedSubscriptions>
    private let handler: @Sendable (_ room: String) -> RedisBusCore.Handler
    private let changes = NIOLockedValueBox(Changes())

    /// - Parameter handler: Makes the closure that receives the messages for a room.
    init(
        _ mode: ShardedPubSub.SubscriptionMode, names: ShardedNames, local: MemoryAdapter,
        subscriptions: LoopBound<ShardedSubscriptions>,
        handler: @escaping @Sendable (_ room: String) -> RedisBusCore.Handler
    ) {
        self.mode = mode
        self.names = names
        self.local = local
        self.subscriptions = subscriptions
        self.handler = handler
    }

    /// Whether Redis has confirmed the subscriptions to all rooms that there are.
    var isSettled: Bool {
        changes.withLockedValue { $0.rooms.isEmpty && $0.taken.isEmpty && $0.unconfirmed == 0 }
    }

    /// Begins with the rooms that exist.
    func start() {
        local.onRoomEvent { [weak self] event in
            switch event {
            case .created(let room): self?.created(room)
            case .deleted(let room): self?.deleted(room)
            case .joined, .left: break
            }
        }
        for room in local.rooms { created(room) }
    }

    /// Leaves all channels. On the event loop.
    func close() {
        let rooms = changes.withLockedValue { changes in
            changes.isClosed = true
            changes.rooms = []
            defer { changes.wanted = [] }
            return changes.wanted
        }
        let user = ObjectIdentifier(self)
        subscriptions.run { [names] in for room in rooms { $0.remove(names.room(room), for: user) } }
    }

    private func isWanted(_ room: String) -> Bool {
        mode == .dynamicPrivate ? local.hasRoom(room) : local.hasSharedRoom(room)
    }

    private func created(_ room: String) {
        // Most rooms are those that sockets have to themselves, and mode `dynamic` has no use for them.
        if isWanted(room) { note(room) { _ in true } }
    }

    private func deleted(_ room: String) {
        note(room) { $0.wanted.contains(room) || $0.taken.contains(room) }
    }

    /// Has the loop look at a room, if it has to.
    private func note(_ room: String, if condition: (Changes) -> Bool) {
        let isFirst = changes.withLockedValue { changes in
            guard !changes.isClosed, !changes.rooms.contains(room), condition(changes) else { return false }
            changes.rooms.insert(room)
            return changes.rooms.count == 1
        }
        if isFirst { subscriptions.execute { [weak self] in self?.update($0) } }
    }

    private func update(_ subscriptions: ShardedSubscriptions) {
        let rooms = changes.withLockedValue { changes in
            changes.taken = changes.rooms
            changes.rooms = []
            return changes.taken
        }
        // No lock is held while another one is taken.
        let found = rooms.map { (room: $0, isWanted: isWanted($0)) }
        let (added, removed) = changes.withLockedValue { changes in
            changes.taken = []
            var (added, removed): ([String], [String]) = ([], [])
            guard !changes.isClosed else { return (added, removed) }
            for (room, isWanted) in found where isWanted != changes.wanted.contains(room) {
                if isWanted { changes.wanted.insert(room) } else { changes.wanted.remove(room) }
                if isWanted { added.append(room) } else { removed.append(room) }
            }
            changes.unconfirmed += added.count
            return (added, removed)
        }
        let user = ObjectIdentifier(self)
        for room in removed { subscriptions.remove(names.room(room), for: user) }
        for room in added {
            subscriptions.add(names.room(room), for: user, handler(room)) { [weak self] _ in
                self?.changes.withLockedValue { $0.unconfirmed -= 1 }
            }
        }
    }
}
