// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
internal import SocketIOCore

/// Counts how often clients exceed a rate, by kind and action.
struct RateMetrics: Sendable {
    private let counters: [RateKind: [RateAction: Counter]]

    init(isCounted: Bool) {
        let factory: any MetricsFactory = isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        func counter(_ kind: RateKind, _ action: RateAction) -> Counter {
            Counter(
                label: "socketio_rate_limited_total",
                dimensions: [("kind", kind.rawValue), ("action", action.rawValue)], factory: factory)
        }
        counters = Dictionary(
            uniqueKeysWithValues: RateKind.allCases.map { kind in
                (kind, Dictionary(uniqueKeysWithValues: RateAction.allCases.map { ($0, counter(kind, $0)) }))
            })
    }

    func happened(_ kind: RateKind, _ action: RateAction) { counters[kind]?[action]?.increment() }
}
