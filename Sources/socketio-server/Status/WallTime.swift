// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// The time of day.
enum WallTime {
    /// Since 1970-01-01 UTC.
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
