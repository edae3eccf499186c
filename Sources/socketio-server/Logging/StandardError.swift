// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// The stream that logs and complaints go to, so that standard output holds only what a command was asked for.
enum StandardError {
    /// Writes a text in one call where the system takes it in one.
    @Sendable static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var offset = 0
            while offset < bytes.count {
                // The loop keeps the offset below the count, so the base address is there.
                guard let base = bytes.baseAddress else { return }
                let written = Glibc.write(STDERR_FILENO, base + offset, bytes.count - offset)
                if written > 0 {
                    offset += written
                } else if errno != EINTR {
                    // Nobody reads it any more: a log line is not worth more than the server.
                    return
                }
            }
        }
    }
}

/// The time of day as logs show it.
enum Timestamp {
    /// UTC to the millisecond: `2026-01-31T12:00:00.123Z`.
    static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        gmtime_r(&time.tv_sec, &parts)
        let date = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        let milliseconds = String(time.tv_nsec / 1_000_000 + 1_000).dropFirst()
        return date + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(milliseconds)Z"
    }

    private static func two(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
