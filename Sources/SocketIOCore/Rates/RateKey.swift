// Part of socketio-server, MIT licence; see LICENSE.

/// Identifies a user or an address in tables: a 128-bit digest made by the owner, so that the length of a peer's name
/// does not matter.
package struct RateKey: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
