// Part of socketio-server, MIT licence; see LICENSE.

internal import Metrics
internal import Synchronization

/// What becomes of requests for other nodes.
package final class ForwardingMetrics: Sendable {
    enum Outcome: String, CaseIterable, Sendable {
        /// Answered by the session's node.
        case answered
        /// A WebSocket was joined with the session's node.
        case tunnelled
        /// No node with this tag is known: it has gone, or never was.
        case unknownOwner = "unknown_owner"
        case unreachable
        /// The other node does not take what this one has signed.
        case rejected
        /// No answer, or none that could be understood, or too late, or too long.
        case failed
        /// Too many requests or tunnels.
        case overloaded
        /// The client went before the answer.
        case abandoned
        /// An upgrade, while the policy is to refuse them.
        case notTunnelled = "not_tunnelled"

        /// Whether the balancer has sent a live session's request to the wrong node.
        var isMisrouted: Bool { self != .unknownOwner }
    }

    private let counters: [Outcome: Counter]
    private let sessionRequests = Counter(label: "engineio_session_requests_total")
    private let tunnelGauge = Gauge(label: "socketio_forward_tunnels")
    private let requestCount = Atomic(0)
    private let misroutedCount = Atomic(0)
    private let tunnelCount = Atomic(0)

    init() {
        counters = Dictionary(
            uniqueKeysWithValues: Outcome.allCases.map {
                ($0, Counter(label: "socketio_forwarded_requests_total", dimensions: [("result", $0.rawValue)]))
            })
    }

    /// Requests of clients that name a session.
    var requests: Int { requestCount.load(ordering: .relaxed) }
    /// Those of them that belonged to another node.
    var misrouted: Int { misroutedCount.load(ordering: .relaxed) }
    var tunnels: Int { tunnelCount.load(ordering: .relaxed) }

    /// Counts a request of a client that names a session.
    package func countRequest() {
        requestCount.wrappingAdd(1, ordering: .relaxed)
        sessionRequests.increment()
    }

    func count(_ outcome: Outcome) {
        counters[outcome]?.increment()
        if outcome.isMisrouted { misroutedCount.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Takes a place for a tunnel, unless all are taken.
    func openTunnel(maximum: Int) -> Bool {
        let count = tunnelCount.wrappingAdd(1, ordering: .relaxed).newValue
        guard count <= maximum else {
            tunnelCount.wrappingAdd(-1, ordering: .relaxed)
            return false
        }
        tunnelGauge.record(count)
        return true
    }

    func closeTunnel() {
        tunnelGauge.record(tunnelCount.wrappingAdd(-1, ordering: .relaxed).newValue)
    }
}

/// Tells, minute by minute, whether the balancer sends too much to the wrong nodes.
struct ForwardingShare {
    /// Below so many in a minute nobody cares.
    static let floor = 100
    /// In percent.
    static let limit = 10

    private var lastRequests = 0
    private var lastMisrouted = 0

    /// The share of the last minute in percent, if it is worth a warning.
    mutating func minute(requests: Int, misrouted: Int) -> Int? {
        let (all, wrong) = (requests - lastRequests, misrouted - lastMisrouted)
        (lastRequests, lastMisrouted) = (requests, misrouted)
        guard wrong >= Self.floor, all > 0 else { return nil }
        let share = min(100, wrong * 100 / all)
        return share > Self.limit ? share : nil
    }
}
