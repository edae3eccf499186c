// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HTTPServerCore
internal import Logging
internal import Metrics
internal import NIOCore

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
        /// An event loop kept too much input for its clients: the session is closed.
        case maxUnhandledInputBytes
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

}

extension LimitMetrics.Limit {
    /// The limit that a WebSocket client exceeded; nil when it broke another rule.
    init?(_ error: WebSocketProtocolError) {
        switch error {
        case .messageTooLarge: self = .maxHttpBufferSize
        case .tooManyFragments: self = .maxFragmentsPerMessage
        case .tooManyControlFrames: self = .maxControlFramesPerSecond
        default: return nil
        }
    }

    /// The limit that an HTTP client exceeded.
    init(_ limit: HTTPLimit) {
        self =
            switch limit {
            case .requestHeadSize: .maxRequestHeadSize
            case .headerCount: .maxHeaders
            case .headTimeout: .headTimeout
            case .bodyTimeout: .bodyTimeout
            case .sendTimeout: .sendTimeout
            case .unansweredUpgrade: .destroyUpgradeTimeout
            }
    }

    /// The setting of the executable, for log lines about a client that exceeded the limit. Nil for times, which ordinary clients
    /// exceed every day, and for limits with log lines of their own.
    var settingToLog: String? {
        switch self {
        case .maxRequestHeadSize, .maxHeaders, .maxPacketsPerPayload, .maxFragmentsPerMessage,
            .maxControlFramesPerSecond, .maxUnhandledInputBytes:
            "limits.\(rawValue)"
        case .maxHttpBufferSize: rawValue
        case .headTimeout, .bodyTimeout, .sendTimeout, .destroyUpgradeTimeout, .maxPendingSessions, .maxPendingBytes:
            nil
        }
    }
}

extension EngineContext {
    /// Counts that a client has exceeded a limit, and names the limit in the log.
    func exceeded(_ limit: LimitMetrics.Limit, by address: String, sid: String?, on eventLoop: any EventLoop) {
        metrics.limits.count(limit)
        log.overLimit(limit, by: address, sid: sid, on: eventLoop)
    }
}

extension RateLimitedLogger<EngineLogKind> {
    /// Names a limit that a client has exceeded, if operators should know of it.
    func overLimit(_ limit: LimitMetrics.Limit, by address: String, sid: String? = nil, on eventLoop: any EventLoop) {
        guard let setting = limit.settingToLog else { return }
        var metadata: Logger.Metadata {
            var metadata: Logger.Metadata = ["setting": "\(setting)", "remote": "\(address)"]
            if let sid { metadata["sid"] = "\(LogText.shortened(sid))" }
            return metadata
        }
        log(.overLimit, level: .notice, on: eventLoop, metadata)
    }
}
