// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import Synchronization

/// What happened to a room of a namespace on this node.
public enum RoomEvent: Sendable {
    /// `create-room`: the first socket of this node is about to be in it.
    case created(room: String)
    /// `join-room`: a socket has joined.
    case joined(room: String, socketID: String)
    /// `leave-room`: a socket has left.
    case left(room: String, socketID: String)
    /// `delete-room`: the last socket of this node has left.
    case deleted(room: String)
}

extension RoomEvent: Hashable {
    /// The kind of the event, its room, and its socket if it has one.
    private var parts: (kind: Int, room: ExactName, socketID: ExactName?) {
        switch self {
        case .created(let room): (0, ExactName(room), nil)
        case .joined(let room, let id): (1, ExactName(room), ExactName(id))
        case .left(let room, let id): (2, ExactName(room), ExactName(id))
        case .deleted(let room): (3, ExactName(room), nil)
        }
    }

    /// Whether both are the same event; names compare by their bytes.
    public static func == (left: RoomEvent, right: RoomEvent) -> Bool { left.parts == right.parts }

    /// Feeds the event into the hasher.
    public func hash(into hasher: inout Hasher) {
        let parts = parts
        hasher.combine(parts.kind)
        hasher.combine(parts.room)
        hasher.combine(parts.socketID)
    }
}

/// How many rooms of all namespaces have sockets in them, without those that sockets have to themselves.
final class RoomTotal: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func change(by difference: Int) { count.wrappingAdd(difference, ordering: .relaxed) }
}

/// The non-empty rooms of a namespace on this node: on how many shards each has members.
///
/// This is the only state of rooms that is not confined to a shard. Its lock is taken when a room becomes non-empty or empty
/// on a shard, never for a message.
final class NodeRooms: Sendable {
    /// A server has at most 64 shards, and one entry for each socket at least. One more bit marks the rooms that ``total``
    /// counts.
    private static let countedBit: UInt8 = 0x80
    private let shardCounts = NIOLockedValueBox<[ExactName: UInt8]>([:])
    /// The rooms of the node.
    let total: RoomTotal

    init(total: RoomTotal = RoomTotal()) { self.total = total }

    /// A room has its first member on a shard. Returns whether it is the first on the node; only then `isCounted` matters, which
    /// says whether ``total`` counts the room until its end.
    func becameNonEmpty(_ room: String, isCounted: Bool) -> Bool {
        let room = ExactName(room)
        let isNew = shardCounts.withLockedValue { counts in
            let count = counts[room] ?? (isCounted ? Self.countedBit : 0)
            counts[room] = count + 1
            return count & ~Self.countedBit == 0
        }
        if isNew, isCounted { total.change(by: 1) }
        return isNew
    }

    /// A room has lost its last member on a shard. Returns whether it was the last on the node.
    func becameEmpty(_ room: String) -> Bool {
        let room = ExactName(room)
        let (isEnd, wasCounted) = shardCounts.withLockedValue { counts in
            guard let count = counts[room] else { return (false, false) }
            guard count & ~Self.countedBit <= 1 else {
                counts[room] = count - 1
                return (false, false)
            }
            counts[room] = nil
            return (true, count & Self.countedBit != 0)
        }
        if wasCounted { total.change(by: -1) }
        return isEnd
    }

    func contains(_ room: String) -> Bool { shardCounts.withLockedValue { $0[ExactName(room)] != nil } }

    /// Whether there is such a room that is not the one a socket has to itself.
    func containsShared(_ room: String) -> Bool {
        shardCounts.withLockedValue { ($0[ExactName(room)] ?? 0) & Self.countedBit != 0 }
    }

    var count: Int { shardCounts.withLockedValue { $0.count } }

    var names: NameSet { NameSet(shardCounts.withLockedValue { $0.keys.map(\.text) }) }
}

/// The application's and the adapter's observers of room events.
final class RoomObservers: Sendable {
    private let observers = NIOLockedValueBox<[@Sendable (RoomEvent) -> Void]>([])
    private let areThereAny = Atomic(false)

    func add(_ observer: @escaping @Sendable (RoomEvent) -> Void) {
        observers.withLockedValue { $0.append(observer) }
        areThereAny.store(true, ordering: .releasing)
    }

    func notify(_ event: @autoclosure () -> RoomEvent) {
        guard areThereAny.load(ordering: .acquiring) else { return }
        let event = event()
        for observer in observers.withLockedValue({ $0 }) { observer(event) }
    }
}
