// Part of socketio-server, MIT licence; see LICENSE.

/// The times at which one worker's share of a fixed rate is to leave.
///
/// The plan does not wait for the server: latency is counted from these times, so that a stall costs every message which
/// should have left during it.
struct SendSchedule {
    private let origin: UInt64
    private let interval: Double
    private var count: Double = 0

    /// - Parameters:
    ///   - rate: messages per second of all workers together.
    ///   - share: part of them that leaves here.
    ///   - worker: number of this worker; the workers' plans interleave.
    init(rate: Double, share: Double, worker: Int, begin: UInt64) {
        interval = 1e9 / (rate * share)
        origin = begin &+ UInt64(1e9 / rate * Double(worker))
    }

    var next: UInt64 { origin &+ UInt64(count * interval) }

    mutating func advance() { count += 1 }
}
