// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
internal import NIOConcurrencyHelpers
internal import Synchronization

/// The backend of swift-metrics: keeps what the libraries count, for ``MetricsPage`` to show.
///
/// Instruments with the same name and labels share one series. Making one takes a lock, counting does not.
final class MetricRegistry: MetricsFactory, Sendable {
    /// More series than these are counted, but not shown: nothing that grows without end may fill the memory.
    static let maxSeries = 10_000

    private struct Key: Hashable {
        let name: String
        let labels: [String]

        init(_ label: String, _ dimensions: [(String, String)]) {
            name = label
            labels = dimensions.flatMap { [$0.0, $0.1] }
        }
    }

    private enum Series: Sendable {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case summary(SummarySeries)

        var kind: MetricFamily.Kind {
            switch self {
            case .counter: .counter
            case .gauge: .gauge
            case .summary: .summary
            }
        }
    }

    private let table = NIOLockedValueBox<[Key: Series]>([:])

    // MARK: MetricsFactory

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let made = find(label, dimensions) { .counter(CounterSeries()) }
        if case .counter(let series) = made { return series }
        return CounterSeries()
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let made = find(label, dimensions) { aggregate ? .summary(SummarySeries()) : .gauge(GaugeSeries()) }
        switch made {
        case .gauge(let series): return series
        case .summary(let series): return series
        case .counter: return GaugeSeries()
        }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let made = find(label, dimensions) { .summary(SummarySeries()) }
        if case .summary(let series) = made { return series }
        return SummarySeries()
    }

    /// Series stay: a counter that goes away and comes back would count from zero again.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    private func find(_ label: String, _ dimensions: [(String, String)], _ make: () -> Series) -> Series {
        let key = Key(label, dimensions)
        return table.withLockedValue { table in
            if let series = table[key] { return series }
            let series = make()
            if table.count < Self.maxSeries { table[key] = series }
            return series
        }
    }

    // MARK: Reading

    /// Everything counted so far, sorted by name.
    var families: [MetricFamily] {
        var families: [String: MetricFamily] = [:]
        let all = table.withLockedValue { $0 }.sorted {
            ($0.key.name, $0.key.labels.joined()) < ($1.key.name, $1.key.labels.joined())
        }
        for (key, series) in all {
            let name = Self.familyName(key.name, series.kind)
            var labels: [(name: String, value: String)] = []
            for index in stride(from: 0, to: key.labels.count - 1, by: 2) {
                labels.append((MetricText.labelName(key.labels[index]), key.labels[index + 1]))
            }
            var family = families[name] ?? MetricFamily(name, series.kind, [])
            guard family.kind == series.kind else { continue }
            switch series {
            case .counter(let counter): family.samples.append(.init(labels: labels, value: counter.value))
            case .gauge(let gauge): family.samples.append(.init(labels: labels, value: gauge.value))
            case .summary(let summary):
                let (sum, count) = summary.values
                family.samples.append(.init(suffix: "_sum", labels: labels, value: sum))
                family.samples.append(.init(suffix: "_count", labels: labels, value: Double(count)))
            }
            families[name] = family
        }
        return families.values.sorted { $0.name < $1.name }
    }

    private static func familyName(_ label: String, _ kind: MetricFamily.Kind) -> String {
        let name = MetricText.name(label)
        return kind == .counter && !name.hasSuffix("_total") ? name + "_total" : name
    }
}

/// A number that only grows.
private final class CounterSeries: CounterHandler, Sendable {
    private let count = Atomic<Int64>(0)

    var value: Double { Double(count.load(ordering: .relaxed)) }

    func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }
}

/// The last of all values.
private final class GaugeSeries: RecorderHandler, Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
}

/// How many values, and their sum; times in seconds.
private final class SummarySeries: RecorderHandler, TimerHandler, Sendable {
    private let state = NIOLockedValueBox((sum: 0.0, count: 0))

    var values: (sum: Double, count: Int) { state.withLockedValue { $0 } }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLockedValue { state in
            state.sum += value
            state.count += 1
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
