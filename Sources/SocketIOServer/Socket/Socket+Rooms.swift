// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
internal import LoopConfinement
public import SocketIOCore
internal import Synchronization

/// The key of a typed value that belongs to a socket, see ``Socket/subscript(_:)``.
public protocol SocketStorageKey {
    /// The type of the value.
    associatedtype Value: Sendable
}

extension Socket {
    // MARK: Rooms

    /// The rooms that the socket is in, with the one named after its id; empty after its disconnection. Any thread may read it.
    public var rooms: NameSet {
        shared.withLock { shared in
            let others = shared.extras?.rooms ?? []
            return shared.isInOwnRoom ? others.union([id]) : others
        }
    }

    /// Joins rooms, at once on the socket's event loop and a moment later elsewhere. Joining twice, or after the disconnection, does
    /// nothing. Joins over the limits of the configuration are refused and reported to the listeners of ``onError(_:)``. A join counts towards ``RateLimits/Rates/joinsPerSecond`` of the client.
    public func join(_ rooms: String...) { join(rooms) }

    /// Joins rooms.
    public func join(_ rooms: [String]) { core.run { $0.joinCharged(rooms) } }

    /// Charges the client for a join, and tells whether its rates allow one.
    package func chargeJoin() async -> Bool { await core.get { !$0.isJoinRefused() } }

    /// Joins a room after ``chargeJoin()``, and tells whether the socket is in it afterwards: a limit may have refused it.
    package func joinTelling(_ room: String) async -> Bool {
        await core.get { core in
            core.join([room])
            return core.handle?.rooms.contains(room) ?? false
        }
    }

    /// Leaves rooms. Leaving a room that was not joined does nothing.
    public func leave(_ rooms: String...) { leave(rooms) }

    /// Leaves rooms.
    public func leave(_ rooms: [String]) { core.run { $0.leave(rooms) } }

    // MARK: Rates

    /// The user that this client belongs to for ``RateLimits/user``: all sessions with the same text are one user. Nil,
    /// the default, means that no user is charged. It applies to the whole client, with its sockets in other
    /// namespaces: the last assignment counts. `SocketIOJWT` sets it to the subject of the token.
    public var rateIdentity: String? {
        get { shared.withLock { $0.extras?.rateIdentity } }
        set {
            shared.withLock { $0.makeExtras().rateIdentity = newValue }
            let key = newValue.map { RateKey(user: $0) }
            core.run { $0.client.setRateIdentity(key) }
        }
    }

    // MARK: Data

    /// Free storage, which `fetchSockets` also shows to other servers. It begins as an empty object. Any thread may read and change it.
    public var data: SocketValue {
        get { shared.withLock { $0.extras?.data ?? Extras.noData } }
        set {
            shared.withLock { $0.makeExtras().data = newValue }
            if namespace.local.log?.isShared == true { core.run { $0.recordChanged() } }
        }
    }

    /// Reads and changes ``data`` in one step; no other thread can change it in between. `body` runs under a lock and must be short.
    public func withData<Result: Sendable>(_ body: @Sendable (inout SocketValue) throws -> Result) rethrows -> Result {
        try shared.withLock { try body(&$0.makeExtras().data) }
    }

    /// A typed value that only this server knows, by a key of your own.
    public subscript<Key: SocketStorageKey>(key: Key.Type) -> Key.Value? {
        get { shared.withLock { $0.extras?.storage[ObjectIdentifier(key)] as? Key.Value } }
        set { shared.withLock { $0.makeExtras().storage[ObjectIdentifier(key)] = newValue } }
    }

    /// Keeps a value, one per type, that only this server knows.
    public func set<Value: Sendable>(_ value: Value) {
        shared.withLock { $0.makeExtras().storage[ObjectIdentifier(Value.self)] = value }
    }

    /// The value of this type that was kept with ``set(_:)``.
    public func get<Value: Sendable>(_ type: Value.Type = Value.self) -> Value? {
        shared.withLock { $0.extras?.storage[ObjectIdentifier(type)] as? Value }
    }

    var snapshot: SocketDescription {
        SocketDescription(id: id, handshake: handshake, rooms: rooms, data: data)
    }
}
