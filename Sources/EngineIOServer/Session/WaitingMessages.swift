// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The messages that wait for one client, in order.
struct WaitingMessages {
    /// Nil where a message was removed from the middle.
    private var places: [HeldMessage?] = []
    /// Everything in front of this place is nil.
    private var first = 0
    /// The number of the place with index 0; numbers are never used again.
    private var base = 0
    private var count = 0
    private var volatileCount = 0
    /// The numbers of the places that hold messages with a key.
    private var keys: [CoalescingKey: Int] = [:]
    /// What the messages cost.
    private(set) var bytes = 0

    var isEmpty: Bool { count == 0 }

    /// The memory of the messages alone.
    var messageBytes: Int { bytes - count * HeldMessage.overhead }

    /// How many places there are, gaps included.
    var placeCount: Int { places.count }

    mutating func append(_ held: HeldMessage) {
        if let key = held.message.coalescingKey { keys[key] = base + places.count }
        places.append(held)
        count += 1
        bytes += held.bytes
        if held.message.isVolatile { volatileCount += 1 }
    }

    /// The first message, removed.
    mutating func popFirst() -> HeldMessage? {
        guard first < places.count, let held = places[first] else { return nil }
        remove(at: first)
        return held
    }

    /// The first messages, removed: as many as cost `limit` bytes together, but one at least.
    mutating func popFirst(upTo limit: Int) -> [HeldMessage] {
        var taken: [HeldMessage] = []
        var cost = 0
        while first < places.count, let next = places[first], taken.isEmpty || cost + next.bytes <= limit {
            cost += next.bytes
            taken.append(next)
            remove(at: first)
        }
        return taken
    }

    /// Removes the message with this key; false when there is none.
    mutating func removeMessage(with key: CoalescingKey) -> Bool {
        guard let number = keys[key] else { return false }
        remove(at: number - base)
        return true
    }

    /// Removes messages that may be dropped, the oldest first, until `isEnough` says so; returns how many.
    ///
    /// Packets of the engine stay: without its ping a client would be lost.
    mutating func removeOldest(
        where isDroppable: (OutboundMessage) -> Bool, until isEnough: (_ bytes: Int) -> Bool
    ) -> Int {
        var removed = 0
        // Numbers stay what they are when places in front are let go of.
        var number = base + first
        let end = base + places.count
        while number < end, !isEmpty, !isEnough(bytes) {
            let index = number - base
            number += 1
            guard index >= first, let held = places[index], held.message.isApplicationMessage,
                isDroppable(held.message)
            else { continue }
            remove(at: index)
            removed += 1
        }
        return removed
    }

    /// The same, the newest first.
    mutating func removeNewest(
        where isDroppable: (OutboundMessage) -> Bool, until isEnough: (_ bytes: Int) -> Bool
    ) -> Int {
        var removed = 0
        var number = base + places.count - 1
        while number >= base + first, first < places.count, !isEnough(bytes) {
            if let held = places[number - base], held.message.isApplicationMessage, isDroppable(held.message) {
                remove(at: number - base)
                removed += 1
            }
            number -= 1
        }
        return removed
    }

    /// Removes all volatile messages; returns how many there were.
    mutating func removeVolatile() -> Int {
        guard volatileCount > 0 else { return 0 }
        return removeOldest(where: \.isVolatile, until: { _ in false })
    }

    /// Whether some application message is like this.
    func contains(where isWanted: (OutboundMessage) -> Bool) -> Bool {
        places[first...].contains { $0.map { $0.message.isApplicationMessage && isWanted($0.message) } ?? false }
    }

    /// So many places are kept for other messages when the last one has gone.
    private static let keptPlaces = 64

    private mutating func remove(at index: Int) {
        guard let held = places[index] else { return }
        places[index] = nil
        count -= 1
        bytes -= held.bytes
        if held.message.isVolatile { volatileCount -= 1 }
        if let key = held.message.coalescingKey, keys[key] == base + index { keys[key] = nil }
        if count == 0 {
            base += places.count
            if places.capacity > Self.keptPlaces { places = [] } else { places.removeAll(keepingCapacity: true) }
            if keys.capacity > Self.keptPlaces { keys = [:] }
            first = 0
            return
        }
        while places[first] == nil { first += 1 }
        if first > 64, first * 2 > places.count {
            base += first
            places.removeFirst(first)
            first = 0
        }
    }

    /// Closes the gaps when most places are gaps, as they are after much coalescing.
    mutating func compact() {
        guard places.count > 64, count * 4 < places.count - first else { return }
        base += places.count
        places = places[first...].filter { $0 != nil }
        first = 0
        keys.removeAll(keepingCapacity: true)
        for (index, held) in places.enumerated() {
            if let key = held?.message.coalescingKey { keys[key] = base + index }
        }
    }
}

extension OutboundMessage {
    /// Whether this is a `message` packet rather than one of the engine's own, which are never compressed.
    var isApplicationMessage: Bool {
        head.isBinary || head.isCompressed || head.payload.first == UInt8(ascii: "4")
    }
}
