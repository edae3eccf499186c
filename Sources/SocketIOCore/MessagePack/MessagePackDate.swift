// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

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
        // Rounded down, also before 1970.
        let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        let date = CivilDate(secondsSince1970: seconds)
        let day = "\(Self.year(date.year))-\(CivilDate.two(date.month))-\(CivilDate.two(date.day))"
        return "\(day)T\(date.clock).\(Self.padded(milliseconds - seconds * 1000, 3))Z"
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
