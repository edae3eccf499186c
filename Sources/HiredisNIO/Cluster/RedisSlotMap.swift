// Part of socketio-server, MIT licence; see LICENSE.

/// Which primary of a Redis Cluster is responsible for which slots, as one of its servers said.
package struct RedisSlotMap: Sendable, Equatable {
    /// The primaries, each with at least one slot when the map was read.
    package private(set) var primaries: [RedisHost] = []
    /// For each slot the place of its primary in `primaries`; -1 for none.
    private var owners = [Int16](repeating: -1, count: RedisSlot.count)

    /// More primaries than the specification of Redis Cluster foresees.
    private static let maximumPrimaries = 1024

    /// Reads the answer to `CLUSTER SLOTS`: an array of `[first, last, [host, port, …], replicas…]`.
    ///
    /// - Parameter asked: The server that answered. An address without a host is at its host.
    /// - Throws: `protocolViolation` for an answer of another form.
    package init(_ reply: RESPValue, asked: RedisHost) throws(RedisError) {
        guard let ranges = reply.arrayValue else { throw Self.error }
        var places: [RedisHost: Int16] = [:]
        for range in ranges {
            guard let parts = range.arrayValue, parts.count >= 3,
                let first = parts[0].integerValue.flatMap(Self.slot),
                let last = parts[1].integerValue.flatMap(Self.slot),
                first <= last, let host = try Self.host(parts[2], asked: asked)
            else { throw Self.error }
            let place = places[host] ?? Int16(primaries.count)
            if places[host] == nil {
                guard primaries.count < Self.maximumPrimaries else { throw Self.error }
                places[host] = place
                primaries.append(host)
            }
            for slot in first...last { owners[slot] = place }
        }
    }

    private static let error = RedisError(.protocolViolation, "CLUSTER SLOTS was answered by something else")

    private static func slot(_ number: Int64) -> Int? {
        Int(exactly: number).flatMap { (0..<RedisSlot.count).contains($0) ? $0 : nil }
    }

    private static func host(_ value: RESPValue, asked: RedisHost) throws(RedisError) -> RedisHost? {
        guard let parts = value.arrayValue, parts.count >= 2,
            let port = parts[1].integerValue.flatMap({ Int(exactly: $0) }), (1...65_535).contains(port)
        else { return nil }
        // Nil or empty when the server does not know its own address, `?` for a node whose name is not known.
        let name = parts[0].stringValue ?? ""
        return RedisHost(host: name.isEmpty || name == "?" ? asked.host : name, port: port)
    }

    /// Whether every slot has a primary.
    package var isComplete: Bool { !primaries.isEmpty && !owners.contains(-1) }

    /// The primary of a slot; nil when there is none.
    package func owner(of slot: Int) -> RedisHost? {
        guard owners.indices.contains(slot), owners[slot] >= 0 else { return nil }
        return primaries[Int(owners[slot])]
    }

    /// A server has said that a slot is elsewhere now.
    package mutating func move(_ slot: Int, to host: RedisHost) {
        guard owners.indices.contains(slot) else { return }
        if let place = primaries.firstIndex(of: host) { return owners[slot] = Int16(place) }
        guard primaries.count < Self.maximumPrimaries else { return }
        owners[slot] = Int16(primaries.count)
        primaries.append(host)
    }
}

/// Where a server of a Redis Cluster sends a command that is not for it (`MOVED`, `ASK`).
package struct RedisRedirection: Sendable, Hashable {
    package let slot: Int
    /// Nil for another port of the server that was asked.
    package let host: String?
    package let port: Int
    /// Only for this command, while the slot is being moved.
    package let isAsk: Bool

    /// Reads `MOVED 3999 127.0.0.1:6381`; nil for any other text.
    init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, parts[0] == "MOVED" || parts[0] == "ASK",
            let slot = Int(parts[1]), (0..<RedisSlot.count).contains(slot), let colon = parts[2].lastIndex(of: ":"),
            let port = Int(parts[2][parts[2].index(after: colon)...]), (1...65_535).contains(port)
        else { return nil }
        let name = parts[2][..<colon]
        self.slot = slot
        self.port = port
        isAsk = parts[0] == "ASK"
        host = name.isEmpty || name == "?" ? nil : String(name)
    }

    /// The address, when `asked` has answered.
    package func target(asked: RedisHost) -> RedisHost { RedisHost(host: host ?? asked.host, port: port) }
}
