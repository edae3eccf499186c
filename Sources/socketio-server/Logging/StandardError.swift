// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import EngineIOServer
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
        let (seconds, milliseconds) = WallClock.milliseconds().quotientAndRemainder(dividingBy: 1_000)
        let date = CivilDate(secondsSince1970: seconds)
        let day = "\(date.year)-\(CivilDate.two(date.month))-\(CivilDate.two(date.day))"
        return "\(day)T\(date.clock).\(String(milliseconds + 1_000).dropFirst())Z"
    }
}
