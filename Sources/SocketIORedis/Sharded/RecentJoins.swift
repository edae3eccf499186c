// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// The rooms that this node has just asked the sockets of other nodes to join. From any thread.
///
/// Another node subscribes to the channel of a new room when it has got the request to join. A broadcast that follows
/// the request at once would come too early on that channel, so for a while it takes the channel of all nodes, behind the
/// request.
final class RecentJoins: Sendable {
    private struct Rooms {
        var rooms: NameDictionary<NIODeadline> = [:]
        /// There are more rooms than are kept: until then every room counts.
        var everyRoom: NIODeadline?
    }

    /// How long a room is kept. A node in need of that much time for a subscription has other problems.
    static let duration = TimeAmount.seconds(2)
    static let maximumRooms = 1024

    private let rooms = NIOLockedValueBox(Rooms())
    /// When the last room ends to be one; 0 as long as there has been none.
    private let end = Atomic<UInt64>(0)

    func add(_ names: [String], at now: NIODeadline = .now()) {
        let until = now + Self.duration
        rooms.withLockedValue { rooms in
            if rooms.rooms.count + names.count > Self.maximumRooms {
                for (name, until) in rooms.rooms where until <= now { rooms.rooms[name] = nil }
            }
            guard rooms.rooms.count + names.count <= Self.maximumRooms else { return rooms.everyRoom = until }
            for name in names { rooms.rooms[name] = until }
        }
        end.store(until.uptimeNanoseconds, ordering: .releasing)
    }

    func contains(_ room: String, at now: @autoclosure () -> NIODeadline = .now()) -> Bool {
        let end = end.load(ordering: .acquiring)
        guard end > 0 else { return false }
        let now = now()
        guard now.uptimeNanoseconds < end else { return false }
        return rooms.withLockedValue { rooms in
            if let everyRoom = rooms.everyRoom, everyRoom > now { return true }
            return rooms.rooms[room].map { $0 > now } ?? false
        }
    }
}
