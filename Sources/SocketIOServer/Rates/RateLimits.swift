// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// How much each session, each user and each address may send and request in a second. Nothing is limited by default.
///
/// Counting costs almost nothing for a client that stays within its rates. The server always handles the input of one client in
/// slices, so that the others need not wait for it; rates also limit how much processor time the client can use.
public struct RateLimits: Sendable, Hashable {
    /// What the server does when a client exceeds a rate.
    public enum Action: String, Sendable, Codable, Hashable, CaseIterable {
        /// Handles the packet, and then reads nothing more from the client until its rate allows more; TCP holds the client back.
        /// Nothing is lost.
        case delay
        /// Only sends the event `rate_limited` to the client's first socket, at most once a second: `{kind, scope,
        /// retryAfterMs}`.
        case warn
        /// Drops events over the rate, refuses joins and namespaces, and lets requests to other servers fail with
        /// ``SocketError/Code/rateLimited``.
        case drop
        /// Closes the client's session with the reason `forced server close`.
        case disconnect
    }

    /// Rates per second; nil means no limit.
    public struct Rates: Sendable, Hashable {
        /// Packets: events, acknowledgements, CONNECT, DISCONNECT. Attachments belong to their packet.
        public var eventsPerSecond: Int?
        /// Bytes of messages, attachments included, without framing. A burst always holds one message of the largest
        /// size.
        public var bytesPerSecond: Int?
        /// Rooms that sockets of the client join with ``Socket/join(_:)-(String...)``.
        public var joinsPerSecond: Int?
        /// CONNECT packets, whether accepted or not.
        public var connectsPerSecond: Int?
        /// Requests to all servers that asynchronous handlers send while they handle the client's events, such as
        /// ``BroadcastOperator/fetchSockets(timeout:partialResults:)``.
        public var questionsPerSecond: Int?

        /// No limits.
        public init() {}
    }

    /// What happens when a rate is exceeded; default ``Action/delay``.
    public var action = Action.delay
    /// The size of a burst: after a pause a client may send as much at once as the rate allows in this many seconds.
    /// Default 5.
    public var burstSeconds = 5
    /// The rates of one session.
    public var session = Rates()
    /// The rates of all sessions of one user on this server together, see ``Socket/rateIdentity``. Adapters that connect servers share the
    /// rate, so that it applies approximately to all servers together.
    public var user = Rates()
    /// The rates of all sessions of one address on this server together; of an IPv6 address the first 64 bits count. Behind proxies set
    /// ``EngineConfiguration/trustedProxies``; otherwise all clients share one address.
    public var address = Rates()

    /// No limits.
    public init() {}

    /// Checks the values and returns the problems as text.
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
    /// - Parameter largestMessage: bytes that a burst must hold.
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
