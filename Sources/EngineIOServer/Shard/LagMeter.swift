// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
package import NIOCore
internal import Synchronization

/// How late an event loop was, in a histogram.
package struct LoopLag: Sendable {
    /// Upper bounds of the buckets in seconds; the last bucket has none.
    package static let bounds: [Double] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

    /// How many measurements fell into each bucket, the one without bound included.
    package private(set) var counts = [Int](repeating: 0, count: LoopLag.bounds.count + 1)
    /// All of them together, in seconds.
    package private(set) var sum = 0.0

    package init() {}

    package mutating func record(_ lag: TimeAmount) {
        let seconds = Double(max(lag.nanoseconds, 0)) / 1e9
        sum += seconds
        counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
    }
}

/// Measures how late an event loop runs what it was told to run at a certain time. From any thread.
final class LagMeter: Sendable {
    private struct State {
        var measured = LoopLag()
        var probe: Scheduled<Void>?
        var isStopped = false
    }

    private let eventLoop: any EventLoop
    private let state = NIOLockedValueBox(State())
    /// The last of the measurements, and when the next is due: for those who must not wait for the loop. Uptime in
    /// nanoseconds; 0 while nothing is measured.
    private let last = Atomic<UInt64>(0)
    private let due = Atomic<UInt64>(0)

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// What was found since the start.
    var measured: LoopLag { state.withLockedValue { $0.measured } }

    /// Measures from now on, once per `interval`.
    func measure(every interval: TimeAmount) {
        state.withLockedValue { state in
            guard state.probe == nil, !state.isStopped else { return }
            let due = NIODeadline.now() + interval
            self.due.store(due.uptimeNanoseconds, ordering: .relaxed)
            state.probe = eventLoop.scheduleTask(deadline: due) { self.found(.now() - due, every: interval) }
        }
    }

    private func found(_ lag: TimeAmount, every interval: TimeAmount) {
        last.store(UInt64(max(lag.nanoseconds, 0)), ordering: .relaxed)
        state.withLockedValue { state in
            state.measured.record(lag)
            state.probe = nil
        }
        measure(every: interval)
    }

    func stop() {
        let probe = state.withLockedValue { state in
            state.isStopped = true
            return state.probe
        }
        probe?.cancel()
        due.store(0, ordering: .relaxed)
    }

    /// How late the loop is at this moment, also while it stands still. From any thread; zero while nothing is measured.
    func current() -> TimeAmount {
        let due = due.load(ordering: .relaxed)
        guard due > 0 else { return .zero }
        let now = NIODeadline.now().uptimeNanoseconds
        let last = last.load(ordering: .relaxed)
        return .nanoseconds(Int64(clamping: max(last, now > due ? now - due : 0)))
    }
}
