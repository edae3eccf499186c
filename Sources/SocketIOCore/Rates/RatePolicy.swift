// Part of socketio-server, MIT licence; see LICENSE.

/// What the server does when a client exceeds a rate.
package enum RateAction: String, CaseIterable, Sendable {
    /// Stops reading from it until its debt is paid.
    case delay
    /// Sends it a warning.
    case warn
    /// Drops what exceeds the rate.
    case drop
    /// Closes its session.
    case disconnect
}

/// The grant: how much a session may use before the buckets are checked again.
package struct RateGrant: Sendable, Hashable {
    package var events: Int32
    package var bytes: Int32

    package init(events: Int32, bytes: Int32) {
        self.events = events
        self.bytes = bytes
    }

    /// Without rates.
    package static let unlimited = RateGrant(events: .max, bytes: .max)
}

/// The whole configuration of rates. An object, because all clients share one.
package final class RatePolicy: Sendable {
    package let session: RateRules
    package let user: RateRules
    package let address: RateRules
    package let action: RateAction
    /// The largest grant: an eighth of the smallest burst, at most 32 events and 64 KiB.
    package let step: RateGrant

    package init(session: RateRules, user: RateRules, address: RateRules, action: RateAction) {
        self.session = session
        self.user = user
        self.address = address
        self.action = action
        let scopes = [session, user, address]
        func step(_ bursts: [Int], _ limit: Int) -> Int32 {
            bursts.min().map { Int32(clamping: min(max($0 / 8, 1), limit)) } ?? .max
        }
        self.step = RateGrant(
            events: step(scopes.compactMap { $0.events?.burst }, 32),
            bytes: step(scopes.compactMap { $0.bytes?.burst }, 64 * 1024))
    }

    package var isEmpty: Bool { session.isEmpty && user.isEmpty && address.isEmpty }

    /// Whether any scope limits this kind.
    package func limits(_ kind: RateKind) -> Bool {
        session[kind] != nil || user[kind] != nil || address[kind] != nil
    }
}
