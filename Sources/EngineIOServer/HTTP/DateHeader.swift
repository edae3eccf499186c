// Part of socketio-server, MIT licence; see LICENSE.

/// The value of `Date`, made once a second and event loop (RFC 9110, 5.6.7).
///
/// Confined to one event loop, hence `@unchecked Sendable`.
final class DateHeader: @unchecked Sendable {
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
        let days = (seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400
        let clock = Int(seconds - days * 86_400)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int((days % 7 + 7) % 7)]
        let (year, month, day) = civil(days: Int(days))
        let monthName =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month - 1]
        let time = "\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60))"
        return "\(weekday), \(two(day)) \(monthName) \(year) \(time) GMT"
    }

    /// The Gregorian date of a day count: years are counted from March, so that the leap day is the last of a year.
    private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
