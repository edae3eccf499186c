// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
internal import NIOConcurrencyHelpers

/// What swift-metrics is told by objects that a test makes, apart from those of other tests of this process.
///
/// Instruments belong to the task that makes them, and objects of this package make theirs when they are made themselves. So
/// everything made within ``counting(_:)`` counts here, on whichever thread it does that.
package final class CountedMetrics: Sendable {
    @TaskLocal private static var current: CountedMetrics?
    /// For the whole process, once.
    private static let installed: Void = MetricsSystem.bootstrap(Dispatcher())

    private let values = NIOLockedValueBox<[String: Double]>([:])

    private init() {}

    /// Runs a test; what it makes counts in the value it is given.
    package static func counting<Result>(
        _ body: (CountedMetrics) async throws -> Result, isolation: isolated (any Actor)? = #isolation
    ) async rethrows -> Result {
        _ = installed
        let metrics = CountedMetrics()
        return try await $current.withValue(metrics) { try await body(metrics) }
    }

    /// The same for a test that must stay on its thread.
    package static func counting<Result>(_ body: (CountedMetrics) throws -> Result) rethrows -> Result {
        _ = installed
        let metrics = CountedMetrics()
        return try $current.withValue(metrics) { try body(metrics) }
    }

    /// A series: what a counter has come to, or the last value of a gauge. Nil when nothing of that name was made.
    package subscript(_ name: String, _ labels: [(String, String)] = []) -> Double? {
        values.withLockedValue { $0[Self.key(name, labels)] }
    }

    private static func key(_ name: String, _ labels: [(String, String)]) -> String {
        labels.reduce(name) { $0 + " \($1.0)=\($1.1)" }
    }

    /// One series.
    private final class Series: CounterHandler, RecorderHandler, TimerHandler, Sendable {
        private let metrics: CountedMetrics
        private let key: String

        init(_ metrics: CountedMetrics, _ key: String) {
            self.metrics = metrics
            self.key = key
            metrics.values.withLockedValue { $0[key, default: 0] += 0 }
        }

        func increment(by amount: Int64) { metrics.values.withLockedValue { $0[key, default: 0] += Double(amount) } }
        func reset() { record(Int64(0)) }
        func record(_ value: Int64) { record(Double(value)) }
        func record(_ value: Double) { metrics.values.withLockedValue { $0[key] = value } }
        func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    }

    /// Hands instruments to whom they belong.
    private struct Dispatcher: MetricsFactory {
        func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
            make(label, dimensions) ?? NOOPMetricsHandler.instance
        }

        func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
            make(label, dimensions) ?? NOOPMetricsHandler.instance
        }

        func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
            make(label, dimensions) ?? NOOPMetricsHandler.instance
        }

        func destroyCounter(_ handler: any CounterHandler) {}
        func destroyRecorder(_ handler: any RecorderHandler) {}
        func destroyTimer(_ handler: any TimerHandler) {}

        private func make(_ label: String, _ dimensions: [(String, String)]) -> Series? {
            CountedMetrics.current.map { Series($0, CountedMetrics.key(label, dimensions)) }
        }
    }
}
