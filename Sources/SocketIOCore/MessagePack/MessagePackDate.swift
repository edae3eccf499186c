// Part of socketio-server, MIT licence; see LICENSE.

/// A moment from another node, as JavaScript shows it: `2026-01-02T03:04:05.678Z`.
struct MessagePackDate {
    /// JavaScript's dates end 100,000,000 days from 1970.
    private static let limit: Int64 = 8_640_000_000_000_000

    private let milliseconds: Int64

    /// Nil beyond what a JavaScript date can be.
    init?(milliseconds: Int64) {
        guard milliseconds >= -Self.limit, milliseconds <= Self.limit else { return nil }
        self.milliseconds = milliseconds
    }

    /// The timestamp extension of MessagePack in its forms of 4, 8 and 12 bytes.
    init?(timestamp bytes: UnsafeRawBufferPointer) {
        let seconds: Int64
        var nanoseconds: UInt32 = 0
        switch bytes.count {
        case 4: seconds = Int64(bytes.bigEndianInteger(at: 0, as: UInt32.self))
        case 8:
            let packed = bytes.bigEndianInteger(at: 0, as: UInt64.self)
            nanoseconds = UInt32(truncatingIfNeeded: packed >> 34)
            seconds = Int64(packed & 0x3_FFFF_FFFF)
        case 12:
            nanoseconds = bytes.bigEndianInteger(at: 0)
            seconds = bytes.bigEndianInteger(at: 4)
        default: return nil
        }
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let (sum, carry) = scaled.addingReportingOverflow(Int64(nanoseconds / 1_000_000))
        guard !overflow, !carry else { return nil }
        self.init(milliseconds: sum)
    }

    var text: String {
        let day: Int64 = 86_400_000
        var days = milliseconds / day
        var rest = milliseconds % day
        if rest < 0 {
            rest += day
            days -= 1
        }
        let (year, month, dayOfMonth) = Self.civil(days)
        let clock = [
            Self.padded(rest / 3_600_000, 2), Self.padded(rest / 60_000 % 60, 2), Self.padded(rest / 1000 % 60, 2),
        ]
        return "\(Self.year(year))-\(Self.padded(month, 2))-\(Self.padded(dayOfMonth, 2))T"
            + clock.joined(separator: ":") + ".\(Self.padded(rest % 1000, 3))Z"
    }

    /// The Gregorian date of a day counted from 1970, by the usual shift of the year's start to March.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func year(_ year: Int64) -> String {
        if 0...9999 ~= year { return padded(year, 4) }
        return (year < 0 ? "-" : "+") + padded(Int64(year.magnitude), 6)
    }

    private static func padded(_ value: Int64, _ length: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, length - digits.count)) + digits
    }
}

extension UnsafeRawBufferPointer {
    /// An integer in network order; zero when it does not lie inside.
    func bigEndianInteger<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type = Value.self) -> Value {
        guard offset >= 0, count - offset >= MemoryLayout<Value>.size else { return 0 }
        return Value(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}
