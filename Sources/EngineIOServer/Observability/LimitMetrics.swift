// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HTTPServerCore
internal import Metrics

/// Counts the refusals of each limit on requests, sessions and messages.
final class LimitMetrics: Sendable {
    /// The limits by the names of their settings.
    enum Limit: String, CaseIterable, Sendable {
        /// A request head is too long: 431; or the extensions and trailers of chunks together: 400.
        case maxRequestHeadSize
        /// A request has too many headers: 431.
        case maxHeaders
        /// A request head took too long: 408.
        case headTimeout = "headTimeoutMs"
        /// A request body took too long: 408.
        case bodyTimeout = "bodyTimeoutMs"
        /// A client did not read its response in time: the connection is closed.
        case sendTimeout = "sendTimeoutMs"
        /// Nothing answered an upgrade for another path: the connection is closed.
        case destroyUpgradeTimeout = "destroyUpgradeTimeoutMs"
        /// A polling body (413) or a WebSocket message (1009) is too long, possibly only after decompression.
        case maxHttpBufferSize
        /// A polling body has too many packets: the session is closed.
        case maxPacketsPerPayload
        /// A WebSocket message has too many fragments: 1008.
        case maxFragmentsPerMessage
        /// Too many WebSocket control frames in a second: 1008.
        case maxControlFramesPerSecond
        /// A pending session was closed because there were too many.
        case maxPendingSessions
        /// A pending session was closed because the kept parts of their requests took too much memory.
        case maxPendingBytes
    }

    private let counters: [Limit: Counter]

    /// - Parameter isCounted: whether anything is counted.
    init(isCounted: Bool) {
        let factory: any MetricsFactory = isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        // Created in advance, since looking up a counter for each refusal would make a flood more expensive.
        counters = Dictionary(
            uniqueKeysWithValues: Limit.allCases.map {
                (
                    $0,
                    Counter(
                        label: "engineio_limit_refusals_total", dimensions: [("limit", $0.rawValue)], factory: factory)
                )
            })
    }

    func count(_ limit: Limit) { counters[limit]?.increment() }

    /// Counts a WebSocket client's violation if it exceeded a limit.
    func count(_ error: WebSocketProtocolError) {
        switch error {
        case .messageTooLarge: count(.maxHttpBufferSize)
        case .tooManyFragments: count(.maxFragmentsPerMessage)
        case .tooManyControlFrames: count(.maxControlFramesPerSecond)
        default: break
        }
    }

    /// Counts an HTTP client's violation of a limit.
    func count(_ limit: HTTPLimit) {
        switch limit {
        case .requestHeadSize: count(.maxRequestHeadSize)
        case .headerCount: count(.maxHeaders)
        case .headTimeout: count(Limit.headTimeout)
        case .bodyTimeout: count(Limit.bodyTimeout)
        case .sendTimeout: count(Limit.sendTimeout)
        case .unansweredUpgrade: count(.destroyUpgradeTimeout)
        }
    }
}
