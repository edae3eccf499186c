// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// How a broadcast is delivered.
public struct BroadcastFlags: Sendable, Hashable {
    /// Drop the packet for clients whose transport cannot take it at this moment. Default: false.
    public var isVolatile: Bool
    /// Whether transports may compress the packet. Default: true.
    public var compress: Bool
    /// Reach only the clients of this node. Default: false.
    public var isLocal: Bool
    /// How long to wait for acknowledgements; nil when none are asked for, or the default is to be used.
    public var timeout: Duration?
    /// Whether one socket is meant and its answer is wanted alone. Passed on to other nodes, where it has no effect.
    package var expectsSingleResponse = false
    /// Replaces a packet with the same key that is still queued for a client of this node; not sent to other nodes.
    package var coalescingKey: CoalescingKey?
    /// The place of the event in the history of its only room; nil for an event that is in none. Never sent to other nodes.
    package var roomPosition: RoomPosition?

    /// Whether the event is kept for clients that continue their session. Others have a history for that, or are volatile.
    package var isKeptForReturns: Bool { !isVolatile && roomPosition == nil }

    /// Flags of an ordinary broadcast.
    public init(
        isVolatile: Bool = false, compress: Bool = true, isLocal: Bool = false, timeout: Duration? = nil
    ) {
        self.isVolatile = isVolatile
        self.compress = compress
        self.isLocal = isLocal
        self.timeout = timeout
    }
}

/// The recipients of a broadcast and its flags (protocol 4.3).
///
/// The targets are the union of `rooms`, or every socket of the namespace when `rooms` is empty, without the members
/// of any room in `except`. Each socket is reached at most once.
public struct BroadcastOptions: Sendable {
    /// The rooms to reach, each once, in the order they were named. Empty: the whole namespace.
    public private(set) var rooms: [String]
    /// The rooms whose members are left out, each once. A socket id is the name of a room, so it excludes that socket.
    public private(set) var except: [String]
    /// How the packet is delivered.
    public var flags: BroadcastFlags

    /// Options that reach `rooms`, or everyone, without `except`.
    public init(rooms: [String] = [], except: [String] = [], flags: BroadcastFlags = BroadcastFlags()) {
        self.rooms = Self.unique(rooms)
        self.except = Self.unique(except)
        self.flags = flags
    }

    /// The names without repetitions, in order. Other nodes may send any number of them.
    private static func unique(_ names: [String]) -> [String] {
        guard names.count > 1 else { return names }
        var seen = Set<ExactName>(minimumCapacity: names.count)
        return names.filter { seen.insert(ExactName($0)).inserted }
    }

    /// Adds a room to reach; naming it twice changes nothing.
    public mutating func add(room: String) {
        if !rooms.hasBytes(of: room) { rooms.append(room) }
    }

    /// Adds a room to leave out; naming it twice changes nothing.
    public mutating func add(except room: String) {
        if !except.hasBytes(of: room) { except.append(room) }
    }

    /// Whether every socket of the namespace is meant.
    public var reachesEveryone: Bool { rooms.isEmpty && except.isEmpty }
}

extension BroadcastOptions: Hashable {
    /// Whether both name the same rooms, by their bytes, in the same order.
    public static func == (left: BroadcastOptions, right: BroadcastOptions) -> Bool {
        left.flags == right.flags
            && left.rooms.elementsEqual(right.rooms) { $0.hasSameBytes(as: $1) }
            && left.except.elementsEqual(right.except) { $0.hasSameBytes(as: $1) }
    }

    /// Feeds the names and flags into the hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(rooms.map { ExactName($0) })
        hasher.combine(except.map { ExactName($0) })
        hasher.combine(flags)
    }
}
