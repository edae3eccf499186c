// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Metrics
internal import Synchronization

/// The engine's figures. Every instrument is made once; labels are fixed sets, never what a client sent.
final class EngineMetrics: Sendable {
    /// How an upgrade ended.
    enum UpgradeOutcome: String, CaseIterable {
        case completed
        case dropped
        case timedOut = "timed_out"
        case refused
    }

    /// Why a message to a slow client was left out.
    enum DropPolicy: String, CaseIterable {
        case dropOldest
        case dropNewest
        case volatile
        case coalesce
    }

    let rehomed: Counter
    let inputDropped: Counter
    let limits: LimitMetrics
    /// Sessions that nobody has begun to use.
    let pendingSessions: Gauge

    private let pollingSessions = Atomic(0)
    private let webSocketSessions = Atomic(0)
    private let pollingGauge: Gauge
    private let webSocketGauge: Gauge
    private let closes: [CloseReason: Counter]
    private let refusals: [EngineErrorCode: Counter]
    private let upgrades: [UpgradeOutcome: Counter]
    private let notAdmitted: [AdmissionControl.AdmissionLimit: Counter]
    private let slowClients: [SlowClientReason: Counter]
    private let drops: [DropPolicy: Counter]

    init(isCounted: Bool = true) {
        let factory: any MetricsFactory = isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        func counter(_ label: String, _ dimensions: [(String, String)] = []) -> Counter {
            Counter(label: label, dimensions: dimensions, factory: factory)
        }
        slowClients = Dictionary(
            uniqueKeysWithValues: SlowClientReason.allCases.map {
                ($0, counter("engineio_slow_client_disconnects_total", [("reason", $0.rawValue)]))
            })
        drops = Dictionary(
            uniqueKeysWithValues: DropPolicy.allCases.map {
                ($0, counter("engineio_dropped_messages_total", [("policy", $0.rawValue)]))
            })
        rehomed = counter("engineio_rehomed_connections_total")
        inputDropped = counter("engineio_input_dropped_bytes_total")
        limits = LimitMetrics(isCounted: isCounted)
        pendingSessions = Gauge(label: "engineio_pending_sessions", dimensions: [], factory: factory)
        pollingGauge = Gauge(label: "engineio_sessions", dimensions: [("transport", "polling")], factory: factory)
        webSocketGauge = Gauge(label: "engineio_sessions", dimensions: [("transport", "websocket")], factory: factory)
        closes = Dictionary(
            uniqueKeysWithValues: CloseReason.allCases.map {
                ($0, counter("engineio_session_closes_total", [("reason", $0.rawValue)]))
            })
        refusals = Dictionary(
            uniqueKeysWithValues: EngineErrorCode.allCases.map {
                ($0, counter("engineio_refusals_total", [("code", "\($0.rawValue)")]))
            })
        upgrades = Dictionary(
            uniqueKeysWithValues: UpgradeOutcome.allCases.map {
                ($0, counter("engineio_upgrades_total", [("outcome", $0.rawValue)]))
            })
        notAdmitted = Dictionary(
            uniqueKeysWithValues: AdmissionControl.AdmissionLimit.allCases.map {
                ($0, counter("engineio_handshakes_refused_total", [("reason", $0.rawValue)]))
            })
    }

    /// Live sessions, from any thread.
    var sessionCount: Int {
        pollingSessions.load(ordering: .relaxed) + webSocketSessions.load(ordering: .relaxed)
    }

    /// Live sessions by transport, from any thread.
    var sessionsByTransport: [TransportName: Int] {
        [
            .polling: pollingSessions.load(ordering: .relaxed),
            .websocket: webSocketSessions.load(ordering: .relaxed),
        ]
    }

    func sessionOpened(on transport: TransportName) { count(transport, by: 1) }

    func sessionClosed(on transport: TransportName, reason: CloseReason) {
        count(transport, by: -1)
        closes[reason]?.increment()
    }

    func sessionUpgraded() {
        count(.polling, by: -1)
        count(.websocket, by: 1)
        upgrade(.completed)
    }

    func upgrade(_ outcome: UpgradeOutcome) { upgrades[outcome]?.increment() }

    func refused(_ code: EngineErrorCode) { refusals[code]?.increment() }

    func refusedAdmission(_ limit: AdmissionControl.AdmissionLimit) { notAdmitted[limit]?.increment() }

    func slowClient(_ reason: SlowClientReason) { slowClients[reason]?.increment() }

    func dropped(_ policy: DropPolicy, by count: Int = 1) { drops[policy]?.increment(by: count) }

    private func count(_ transport: TransportName, by change: Int) {
        switch transport {
        case .polling:
            pollingGauge.record(pollingSessions.wrappingAdd(change, ordering: .relaxed).newValue)
        case .websocket:
            webSocketGauge.record(webSocketSessions.wrappingAdd(change, ordering: .relaxed).newValue)
        }
    }
}
