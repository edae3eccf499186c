// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The history of one room in memory. Times are arguments: milliseconds since 1970.
package struct RoomEventLog: Sendable {
    package let epoch: BootID
    /// The number that was given out last.
    package private(set) var last: UInt64 = 0
    /// What the kept events need in memory.
    package private(set) var bytes = 0
    private var entries = CircularBuffer<KeptEvent>()

    /// What an event needs beside its own bytes.
    private static let overhead = 128

    package init(epoch: BootID) { self.epoch = epoch }

    package var count: Int { entries.count }

    private static func size(_ event: KeptEvent) -> Int { event.content.bytes + overhead }

    /// Keeps an event and returns its number.
    package mutating func append(_ content: EventToKeep, now: Int64, _ limits: RoomHistoryLimits) -> UInt64 {
        last += 1
        let event = KeptEvent(number: last, time: max(now, entries.last?.time ?? now), content: content)
        entries.append(event)
        bytes += Self.size(event)
        trim(now: now, limits)
        return last
    }

    /// Drops what exceeds the limits; never the newest event, unless it is too old.
    package mutating func trim(now: Int64, _ limits: RoomHistoryLimits) {
        let oldest = now - Int64(limits.ageMilliseconds)
        while let first = entries.first {
            let isTooMuch = entries.count > limits.maxEvents || bytes - entries.count * Self.overhead > limits.maxBytes
            guard (isTooMuch && entries.count > 1) || first.time < oldest else { return }
            dropOldest()
        }
    }

    /// Drops the oldest event. Returns whether there was one.
    @discardableResult
    package mutating func dropOldest() -> Bool {
        guard let first = entries.popFirst() else { return false }
        bytes -= Self.size(first)
        return true
    }

    /// At most so many events with about so many bytes, but at least one if there is any.
    package func page(_ query: RoomQuery, count: Int, bytes: Int) -> RoomPage {
        var page = RoomPage()
        page.epoch = epoch
        page.last = last
        page.first = entries.first?.number ?? last + 1
        var size = 0
        func take(_ event: KeptEvent) -> Bool {
            guard page.events.count < count else { return false }
            size += Self.size(event)
            guard size <= bytes || page.events.isEmpty else { return false }
            page.events.append(event)
            return true
        }
        switch query {
        case .after(let number):
            // Numbers follow each other without gaps.
            let skipped = number < page.first ? 0 : Int(clamping: number - page.first + 1)
            for event in entries.dropFirst(skipped) where !take(event) { break }
        case .before, .newest:
            var end = entries.count
            if case .before(let number) = query {
                end = number <= page.first ? 0 : min(end, Int(clamping: number - page.first))
            }
            for event in entries.prefix(end).reversed() where !take(event) { break }
            page.events.reverse()
        }
        return page
    }
}
