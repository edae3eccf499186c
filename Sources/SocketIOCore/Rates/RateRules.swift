// Part of socketio-server, MIT licence; see LICENSE.

/// The rules of one scope; what has none is not limited.
package struct RateRules: Sendable, Hashable {
    package var events: RateRule?
    package var bytes: RateRule?
    package var joins: RateRule?
    package var connects: RateRule?
    package var questions: RateRule?

    package init() {}

    package subscript(kind: RateKind) -> RateRule? {
        get {
            switch kind {
            case .events: events
            case .bytes: bytes
            case .joins: joins
            case .connects: connects
            case .questions: questions
            }
        }
        set {
            switch kind {
            case .events: events = newValue
            case .bytes: bytes = newValue
            case .joins: joins = newValue
            case .connects: connects = newValue
            case .questions: questions = newValue
            }
        }
    }

    package var isEmpty: Bool { self == RateRules() }
}

/// What becomes of a client that goes over a rate.
package enum RateAction: String, CaseIterable, Sendable {
    /// Nothing more of it is read until it has paid.
    case delay
    /// It is told.
    case warn
    /// What is over the rate is dropped.
    case drop
    /// Its session is closed.
    case disconnect
}

/// How much may pass before somebody looks at the buckets again.
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

/// Everything that is set about rates. An object, because all clients share one.
package final class RatePolicy: Sendable {
    package let session: RateRules
    package let user: RateRules
    package let address: RateRules
    package let action: RateAction
    /// The largest grant: an eighth of the smallest burst, 32 events and 64 KiB at most.
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

    /// Whether anything is limited of this kind.
    package func limits(_ kind: RateKind) -> Bool {
        session[kind] != nil || user[kind] != nil || address[kind] != nil
    }
}
