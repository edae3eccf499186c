// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText

/// The value of the `Date` header, formatted once a second for each event loop (RFC 9110, 5.6.7).
///
/// Confined to one event loop.
final class DateHeader {
    @exclusivity(unchecked) private var second: Int64 = -1
    @exclusivity(unchecked) private var text = ""

    func value() -> String {
        let now = WallClock.milliseconds() / 1000
        if now != second {
            second = now
            text = Self.format(secondsSince1970: now)
        }
        return text
    }

    static func format(secondsSince1970 seconds: Int64) -> String {
        let date = CivilDate(secondsSince1970: seconds)
        return "\(date.weekdayName), \(CivilDate.two(date.day)) \(date.monthName) \(date.year) \(date.clock) GMT"
    }
}
