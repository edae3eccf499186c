// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// How long something took, counted in buckets: plain numbers, for one event loop.
package struct LatencyHistogram: Sendable {
    /// Upper bounds of the buckets in seconds; the last bucket has none.
    package static let bounds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    /// How many fell into each bucket, the one without bound included.
    package private(set) var counts = [Int](repeating: 0, count: LatencyHistogram.bounds.count + 1)
    /// All of them together, in seconds.
    package private(set) var sum = 0.0

    package init() {}

    package mutating func record(_ duration: TimeAmount) {
        let seconds = Double(max(duration.nanoseconds, 0)) / 1e9
        sum += seconds
        counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
    }

    /// What another one has counted is added.
    package mutating func add(_ other: LatencyHistogram) {
        for (index, count) in other.counts.enumerated() { counts[index] += count }
        sum += other.sum
    }
}
