// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// How much clients may ask of a server in a second: each session, each user, each address. Nothing is limited unless it is set.
///
/// Who stays within the rates costs next to nothing. What one client has sent is looked at in slices in any case, so that the others
/// need not wait for it; rates keep it from taking the processor for itself.
public struct RateLimits: Sendable, Hashable {
    /// What becomes of a client that goes over a rate.
    public enum Action: String, Sendable, Codable, Hashable, CaseIterable {
        /// What it asked for is done, then nothing more of it is read until it has paid; TCP holds it back. Nothing is lost.
        case delay
        /// Nothing, but its first socket gets the event `rate_limited`, once a second at most: `{kind, scope, retryAfterMs}`.
        case warn
        /// Events over the rate are dropped, joins and namespaces refused, questions fail with
        /// ``SocketError/Code/rateLimited``.
        case drop
        /// Its session is closed, with the reason `forced server close`.
        case disconnect
    }

    /// Rates per second; nil means no limit.
    public struct Rates: Sendable, Hashable {
        /// Packets: events, acknowledgements, CONNECT, DISCONNECT. Attachments belong to their packet.
        public var eventsPerSecond: Int?
        /// Bytes of messages, attachments included, without framing. One message of the largest size always fits into a burst.
        public var bytesPerSecond: Int?
        /// Rooms joined with ``Socket/join(_:)-(String...)``.
        public var joinsPerSecond: Int?
        /// Namespaces asked for, whether the client gets in or not.
        public var connectsPerSecond: Int?
        /// Questions that asynchronous handlers of the client's events ask of all servers, such as
        /// ``BroadcastOperator/fetchSockets()``.
        public var questionsPerSecond: Int?

        /// No limits.
        public init() {}
    }

    /// Default ``Action/delay``.
    public var action = Action.delay
    /// For how many seconds' worth a client may go ahead after a pause, in one burst; default 5.
    public var burstSeconds = 5
    /// Of one session.
    public var session = Rates()
    /// Of all sessions of one user on this server, see ``Socket/rateIdentity``; adapters that join servers take care that it is
    /// about that for all of them together.
    public var user = Rates()
    /// Of all sessions of one address on this server; of IPv6 the first 64 bits. Behind proxies see
    /// ``EngineConfiguration/trustedProxies``, or all clients are one address.
    public var address = Rates()

    /// No limits.
    public init() {}

    /// What can be used, or problems in words.
    func check(_ problems: inout [String]) {
        if !(1...3600).contains(burstSeconds) { problems.append("rates.burstSeconds must be 1 to 3600") }
        for (name, rates) in [("session", session), ("user", user), ("address", address)] {
            for kind in RateKind.allCases {
                guard let rate = rates[kind] else { continue }
                let limit = kind == .bytes ? 1 << 40 : 1_000_000_000
                if !(1...limit).contains(rate) {
                    problems.append("rates.\(name).\(kind.rawValue)PerSecond must be 1 to \(limit)")
                }
            }
        }
    }

    /// Nil when nothing is limited.
    /// - Parameter largestMessage: bytes that have to fit into a burst.
    func policy(largestMessage: Int) -> RatePolicy? {
        let policy = RatePolicy(
            session: rules(session, largestMessage), user: rules(user, largestMessage),
            address: rules(address, largestMessage), action: RateAction(action))
        return policy.isEmpty ? nil : policy
    }

    private func rules(_ rates: Rates, _ largestMessage: Int) -> RateRules {
        var rules = RateRules()
        for kind in RateKind.allCases {
            guard let rate = rates[kind] else { continue }
            let (burst, overflow) = rate.multipliedReportingOverflow(by: burstSeconds)
            let least = kind == .bytes ? largestMessage : 1
            rules[kind] = RateRule(perSecond: rate, burst: max(overflow ? .max : burst, least))
        }
        return rules
    }
}

extension RateLimits.Rates {
    subscript(kind: RateKind) -> Int? {
        switch kind {
        case .events: eventsPerSecond
        case .bytes: bytesPerSecond
        case .joins: joinsPerSecond
        case .connects: connectsPerSecond
        case .questions: questionsPerSecond
        }
    }
}

extension RateAction {
    fileprivate init(_ action: RateLimits.Action) {
        self =
            switch action {
            case .delay: .delay
            case .warn: .warn
            case .drop: .drop
            case .disconnect: .disconnect
            }
    }
}
