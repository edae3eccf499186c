// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
internal import SocketIOCore

/// Counts the results of clients' requests to continue their sessions.
struct RecoveryMetrics: Sendable {
    private let recovered: RareTally
    private let failed: [RecoveryFailure: RareTally]

    init(isCounted: Bool) {
        let factory: any MetricsFactory = isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        func tally(_ outcome: String) -> RareTally {
            RareTally("socketio_recoveries_total", factory, [("outcome", outcome)])
        }
        recovered = tally("recovered")
        failed = Dictionary(uniqueKeysWithValues: RecoveryFailure.allCases.map { ($0, tally($0.rawValue)) })
    }

    func count(_ outcome: SessionRecovery) {
        switch outcome {
        case .none: break
        case .recovered: recovered.increment()
        case .failed(let failure): failed[failure]?.increment()
        }
    }
}
