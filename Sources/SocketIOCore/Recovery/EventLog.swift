// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import NIOCore

/// How many of a namespace's events are kept, and for how long.
package struct EventLogLimits: Sendable, Hashable {
    /// The most events.
    package var maximumEvents: Int
    /// The most bytes of all events together.
    package var maximumBytes: Int
    /// The longest time for which an event is kept.
    package var maximumAge: TimeAmount
    /// The most rooms of dropped events, see ``DroppedEvents``.
    package var maximumRooms: Int

    package init(
        maximumEvents: Int = 10_000, maximumBytes: Int = 64 << 20, maximumAge: TimeAmount = .minutes(3),
        maximumRooms: Int = 40_000
    ) {
        self.maximumEvents = maximumEvents
        self.maximumBytes = maximumBytes
        self.maximumAge = maximumAge
        self.maximumRooms = maximumRooms
    }
}

/// How much may be sent to one returning client.
package struct ReplayLimits: Sendable, Hashable {
    package var maximumEvents: Int
    package var maximumBytes: Int

    package init(maximumEvents: Int = 10_000, maximumBytes: Int = 16 << 20) {
        self.maximumEvents = maximumEvents
        self.maximumBytes = maximumBytes
    }
}

/// The newest events of a namespace, in order, for returning clients (protocol 5.2).
///
/// The log remembers for which rooms the dropped events were. A client that got no events for a long time can therefore
/// still return, if none of the dropped events was for it.
package struct EventLog<Message: Sendable>: Sendable {
    private struct Entry: Sendable {
        let position: EventPosition
        let time: NIODeadline
        let bytes: Int
        let rooms: [String]
        let except: [String]
        let message: Message

        /// Whether the event is for a session in these rooms.
        func isMeant(for membership: Set<ExactName>) -> Bool {
            if !rooms.isEmpty, !rooms.contains(where: { membership.contains(ExactName($0)) }) { return false }
            return except.isEmpty || !except.contains { membership.contains(ExactName($0)) }
        }
    }

    private let limits: EventLogLimits
    private var entries = CircularBuffer<Entry>()
    /// The number of the oldest entry: entries are numbered in order, dropped ones included.
    private var firstNumber = 0
    /// The numbers of the entries for each room, and of those for everyone. Without them each of many clients that return at
    /// once would have to look at the events of all others.
    private var byRoom: [ExactName: CircularBuffer<Int>] = [:]
    private var forEveryone = CircularBuffer<Int>()
    private var dropped: DroppedEvents
    /// Bytes of all kept events.
    package private(set) var bytes = 0
    /// The newest position that was given out.
    package private(set) var last: EventPosition

    package init(limits: EventLogLimits, begin: EventPosition = .zero) {
        self.limits = limits
        self.last = begin
        self.dropped = DroppedEvents(maximumRooms: limits.maximumRooms, begin: begin)
    }

    /// How many events are kept.
    package var count: Int { entries.count }

    /// What the names of an event's rooms need in memory. Peers choose their number and their length.
    package static func bytes(of names: [String]) -> Int { names.reduce(0) { $0 + nameOverhead + $1.utf8.count } }

    private static var nameOverhead: Int { 64 }

    /// Appends an event. Its position must be above all earlier ones. `size` is what is kept of it, with
    /// ``bytes(of:)`` of its rooms and exceptions.
    package mutating func append(
        _ message: Message, at position: EventPosition, bytes size: Int, rooms: [String], except: [String],
        now: NIODeadline
    ) {
        last = position
        let number = firstNumber + entries.count
        if rooms.isEmpty { forEveryone.append(number) }
        for room in rooms {
            let name = ExactName(room)
            // A room that is named twice counts once.
            guard byRoom[name]?.last != number else { continue }
            byRoom[name, default: CircularBuffer(initialCapacity: 1)].append(number)
        }
        entries.append(
            Entry(position: position, time: now, bytes: size, rooms: rooms, except: except, message: message))
        bytes += size
        trim(now: now)
    }

    /// Records that events of other nodes may have been missed, so that no client can return to a position before this
    /// moment.
    package mutating func noteGap() {
        firstNumber += entries.count
        entries.removeAll()
        byRoom = [:]
        forEveryone.removeAll()
        bytes = 0
        dropped.dropEverything(through: last)
    }

    /// Drops events until the limits are met.
    package mutating func trim(now: NIODeadline) {
        let oldest = now - limits.maximumAge
        while let first = entries.first,
            entries.count > limits.maximumEvents || bytes > limits.maximumBytes || first.time < oldest
        {
            dropOldest(first)
        }
    }

    /// Drops the oldest events until the others have at most so many bytes.
    package mutating func trim(bytes most: Int) {
        while bytes > most, let first = entries.first { dropOldest(first) }
    }

    private mutating func dropOldest(_ first: Entry) {
        entries.removeFirst()
        bytes -= first.bytes
        if first.rooms.isEmpty { _ = forEveryone.popFirst() }
        for room in first.rooms {
            let name = ExactName(room)
            if byRoom[name]?.first == firstNumber { byRoom[name]?.removeFirst() }
            if byRoom[name]?.isEmpty == true { byRoom[name] = nil }
        }
        firstNumber += 1
        dropped.drop(first.position, rooms: first.rooms)
    }

    /// Whether the log still has every event for a session after a position.
    package func isComplete(for record: KeptSession, after position: EventPosition) -> Bool {
        !dropped.concern(record.allRooms, after: position)
    }

    /// The events for a session after one position and up to another, in order, without those that it has ``KeptSession/seen``.
    package func missed(
        by record: KeptSession, after start: EventPosition, through end: EventPosition, limits: ReplayLimits
    ) throws(RecoveryFailure) -> [Message] {
        guard isComplete(for: record, after: start) else { throw .trimmed }
        let names = record.allRooms
        let membership = Set(names.lazy.map { ExactName($0) })
        var (found, size) = ([Message](), 0)
        for number in candidates(for: names, after: start, through: end) {
            let entry = self[number]
            guard entry.isMeant(for: membership), !record.seen.contains(entry.position) else { continue }
            size += entry.bytes
            guard found.count < limits.maximumEvents, size <= limits.maximumBytes else { throw .replayTooLarge }
            found.append(entry.message)
        }
        return found
    }

    private subscript(number: Int) -> Entry {
        entries[entries.index(entries.startIndex, offsetBy: number - firstNumber)]
    }

    /// The numbers of the entries between two positions that are for everyone or for one of these rooms, in order.
    func candidates(for rooms: [String], after start: EventPosition, through end: EventPosition) -> [Int] {
        let first = firstNumber + firstIndex(after: start)
        let beyond = firstNumber + firstIndex(after: end)
        guard first < beyond else { return [] }
        var numbers = Self.part(of: forEveryone, first, beyond)
        var lists = numbers.isEmpty ? 0 : 1
        for room in rooms {
            guard let list = byRoom[ExactName(room)] else { continue }
            let part = Self.part(of: list, first, beyond)
            if !part.isEmpty { lists += 1 }
            numbers += part
            // As many as there are: an event may be for several of the rooms.
            if numbers.count >= 2 * (beyond - first) { return Array(first..<beyond) }
        }
        guard lists > 1 else { return numbers }
        numbers.sort()
        var previous = first - 1
        numbers.removeAll { number in
            defer { previous = number }
            return number == previous
        }
        return numbers
    }

    /// The numbers of a sorted list from `first` to before `beyond`.
    private static func part(of list: CircularBuffer<Int>, _ first: Int, _ beyond: Int) -> [Int] {
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if list[list.index(list.startIndex, offsetBy: middle)] < first { low = middle + 1 } else { high = middle }
        }
        var numbers: [Int] = []
        while low < list.count {
            let number = list[list.index(list.startIndex, offsetBy: low)]
            if number >= beyond { break }
            numbers.append(number)
            low += 1
        }
        return numbers
    }

    /// The number of events up to and including a position.
    private func firstIndex(after position: EventPosition) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            let entry = entries[entries.index(entries.startIndex, offsetBy: middle)]
            if entry.position <= position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
