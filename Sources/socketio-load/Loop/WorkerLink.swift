// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// The measured time of a run, in nanoseconds of the monotonic clock.
struct MeasuredTime: Sendable {
    var begin: UInt64
    var end: UInt64

    func contains(_ time: UInt64) -> Bool { time >= begin && time < end }
}

/// What a worker is told.
enum WorkerOrder: Sendable {
    /// Connect clients until this share of all is connected.
    case connect(share: Double)
    /// Begin to send.
    case run(MeasuredTime)
    /// All members of a room on one other worker have got this message.
    case delivered(part: Int, sender: Int, sequence: UInt32)
    /// Send nothing any more and tell how much was sent.
    case freeze
    /// With the numbers of all senders at hand, find what is lost; then end.
    case finish(sent: [[UInt32]])
}

/// What a worker tells.
struct WorkerStatus: Sendable {
    var ready = 0
    var failed = 0
    var firstFailure: String?
    var counts: [PartCounts] = []
    /// Latencies by part, once the worker has finished.
    var latency: [LatencyRecorder] = []
    /// How late messages left, against their plan; as the latencies.
    var lag: [LatencyRecorder] = []
    /// Clock of the thread's CPU time, readable from other threads while it lives.
    var cpuClock: Int32?
    /// Messages by sender, once nothing is sent any more.
    var sent: [[UInt32]]?
    var isFinished = false

    init(parts: Int) {
        counts = Array(repeating: PartCounts(), count: parts)
    }
}

/// Connects one worker's thread with the coordinator and the other workers.
final class WorkerLink: Sendable {
    private let waker: Poller.Waker
    private let orders = Mutex<[WorkerOrder]>([])
    let status: Mutex<WorkerStatus>

    init(waker: Poller.Waker, parts: Int) {
        self.waker = waker
        status = Mutex(WorkerStatus(parts: parts))
    }

    func post(_ order: WorkerOrder) {
        let wasEmpty = orders.withLock { orders in
            orders.append(order)
            return orders.count == 1
        }
        if wasEmpty { waker.wake() }
    }

    func takeOrders() -> [WorkerOrder] {
        orders.withLock { orders in
            let result = orders
            orders.removeAll()
            return result
        }
    }
}
