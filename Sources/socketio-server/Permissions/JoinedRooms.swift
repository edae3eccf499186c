// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import Synchronization

/// The rooms that a client has joined by `room_join`: it may leave them, whatever rules and callbacks say by then.
final class JoinedRooms: Sendable {
    private let names = Mutex(NameSet())

    /// How many are remembered.
    var count: Int { names.withLock { $0.count } }

    /// Remembers a room.
    ///
    /// - Parameters:
    ///   - most: With more than these, the ones that the client is no longer in are forgotten. It left them by the server's
    ///     hand.
    ///   - current: The rooms that the client is in, the new one among them.
    func insert(_ room: String, most: Int, current: () -> NameSet) {
        let tooMany = names.withLock { names -> NameSet? in
            names.insert(room)
            return names.count > most ? names : nil
        }
        guard let tooMany else { return }
        // What another thread adds meanwhile stays.
        let gone = tooMany.subtracting(current())
        names.withLock { $0.subtract(gone) }
    }

    /// Forgets a room, and tells whether it was remembered.
    func remove(_ room: String) -> Bool { names.withLock { $0.remove(room) != nil } }
}
