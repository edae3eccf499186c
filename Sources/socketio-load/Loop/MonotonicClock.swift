// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// Nanoseconds since some moment in the past; never goes back, and is the same for all threads.
enum MonotonicClock {
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// The clock of the calling thread's CPU time.
    static func threadClock() -> Int32? {
        var clock: clockid_t = 0
        return pthread_getcpuclockid(pthread_self(), &clock) == 0 ? clock : nil
    }

    /// Nanoseconds on another clock; 0 when its thread has ended.
    static func read(_ clock: Int32) -> UInt64 {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Lets the calling thread rest.
    static func rest(milliseconds: UInt32) {
        usleep(milliseconds * 1000)
    }
}
