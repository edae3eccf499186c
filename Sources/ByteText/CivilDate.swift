// Part of socketio-server, MIT licence; see LICENSE.

/// A date and a time of day in UTC, by the Gregorian calendar.
package struct CivilDate: Equatable, Sendable {
    /// The year; negative before the year 0.
    package let year: Int64
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int
    /// 0 for Sunday to 6 for Saturday.
    package let weekday: Int
    /// 0 to 23.
    package let hour: Int
    /// 0 to 59.
    package let minute: Int
    /// 0 to 59.
    package let second: Int

    /// The English names of the months, as HTTP and JavaScript abbreviate them.
    package var monthName: String {
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month - 1]
    }

    /// The English names of the weekdays, as HTTP and JavaScript abbreviate them.
    package var weekdayName: String { ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][weekday] }

    /// `12:34:56`.
    package var clock: String { "\(Self.two(hour)):\(Self.two(minute)):\(Self.two(second))" }

    /// - Parameter seconds: Since 1970-01-01 UTC, also negative. Any number of seconds has a date.
    package init(secondsSince1970 seconds: Int64) {
        var (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        if rest < 0 {
            rest += 86_400
            days -= 1
        }
        hour = Int(rest / 3600)
        minute = Int(rest / 60 % 60)
        second = Int(rest % 60)
        // 1970 began on a Thursday.
        weekday = Int(((days + 4) % 7 + 7) % 7)
        // Years are counted from March here, so that the leap day is the last one of a year. An era has 400 years.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// The number with at least two digits.
    package static func two(_ number: Int) -> String { 0..<10 ~= number ? "0\(number)" : "\(number)" }
}
