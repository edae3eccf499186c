// Part of socketio-server, MIT licence; see LICENSE.

/// The place of an event in the order of its namespace (protocol 4.12.3).
///
/// In memory it is a counter, and `high` is always 0. In a Redis stream it is the id of the entry: milliseconds and a
/// sequence number.
package struct EventPosition: Sendable, Hashable, Comparable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The position of an event in a counted order.
    package init(_ count: UInt64) {
        self.init(high: 0, low: count)
    }

    /// The position before every event.
    package static let zero = EventPosition(0)

    package static func < (left: EventPosition, right: EventPosition) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

extension EventPosition: ExpressibleByIntegerLiteral {
    /// The position with this count.
    package init(integerLiteral value: UInt64) { self.init(value) }
}
