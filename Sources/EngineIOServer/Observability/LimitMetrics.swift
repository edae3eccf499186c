// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Metrics

/// Counts what the limits of requests, sessions and messages have refused, each limit for itself.
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
        /// A client did not take its answer: the connection is closed.
        case sendTimeout = "sendTimeoutMs"
        /// Nobody answered an upgrade for another path: the connection is closed.
        case destroyUpgradeTimeout = "destroyUpgradeTimeoutMs"
        /// A polling body, 413, or a WebSocket message, 1009, is too long, also unpacked.
        case maxHttpBufferSize
        /// A polling body has too many packets: the session is closed.
        case maxPacketsPerPayload
        /// A WebSocket message has too many fragments: 1008.
        case maxFragmentsPerMessage
        /// Too many WebSocket control frames in a second: 1008.
        case maxControlFramesPerSecond
        /// A session was ended because too many were not in use.
        case maxPendingSessions
        /// The same, because too much was kept of their requests.
        case maxPendingBytes
    }

    private let counters: [Limit: Counter]

    /// - Parameter isCounted: whether anything is counted.
    init(isCounted: Bool) {
        let factory: any MetricsFactory = isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        // Made beforehand: looking a counter up for each refusal would help a flood.
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

    /// Counts what a WebSocket client did, if a limit has found it.
    func count(_ error: WebSocketProtocolError) {
        switch error {
        case .messageTooLarge: count(.maxHttpBufferSize)
        case .tooManyFragments: count(.maxFragmentsPerMessage)
        case .tooManyControlFrames: count(.maxControlFramesPerSecond)
        default: break
        }
    }

    /// Counts what an HTTP client did, if a limit has found it.
    func count(_ error: HTTPRequestError) {
        switch error {
        case .headTooLarge, .chunksTooLarge: count(.maxRequestHeadSize)
        case .tooManyHeaders: count(.maxHeaders)
        default: break
        }
    }
}
