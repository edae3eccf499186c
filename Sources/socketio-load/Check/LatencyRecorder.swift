// Part of socketio-server, MIT licence; see LICENSE.

internal import Histogram

/// Latencies in nanoseconds, three significant digits, up to two minutes.
struct LatencyRecorder: Sendable {
    private static let highest: UInt64 = 120_000_000_000

    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 128, highestTrackableValue: highest, numberOfSignificantValueDigits: .three)

    var count: UInt64 { histogram.totalCount }

    mutating func record(_ nanoseconds: UInt64) {
        histogram.record(min(nanoseconds, Self.highest))
    }

    mutating func add(_ other: LatencyRecorder) {
        guard other.count > 0 else { return }
        histogram.add(other.histogram)
    }

    /// In microseconds; nil when nothing was recorded.
    var summary: LatencySummary? {
        guard count > 0 else { return nil }
        func microseconds(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) / 1000 }
        return LatencySummary(
            count: count, min: Double(histogram.min) / 1000, mean: histogram.mean / 1000, p50: microseconds(50),
            p90: microseconds(90), p99: microseconds(99), p999: microseconds(99.9),
            max: Double(histogram.maxRecorded) / 1000)
    }
}

/// Percentiles of one run, in microseconds.
struct LatencySummary: Codable, Equatable, Sendable {
    var count: UInt64
    var min: Double
    var mean: Double
    var p50: Double
    var p90: Double
    var p99: Double
    var p999: Double
    var max: Double
}
