// Part of socketio-server, MIT licence; see LICENSE.

/// Reads numbers whose grammar has been checked.
enum JSONNumber {
    /// Powers of ten that a double holds exactly.
    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// More significant digits than this cannot change a double, apart from being there at all.
    private static let maximumDigits = 780

    /// The value as an integer of any width, nil when it has a fraction or does not fit. `1.0` and `1e2` are integers.
    @inline(__always)
    static func integer<T: FixedWidthInteger>(_ text: UnsafeRawBufferPointer, isPlain: Bool, as: T.Type) -> T? {
        guard isPlain else { return T(exactly: double(text)) }
        var index = 0
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { index = 1 }
        if T.bitWidth == 64, text.count < 19 {
            // At most 18 digits: no overflow.
            var value: Int64 = 0
            while index < text.count {
                value = value &* 10 &+ Int64(text[index] &- UInt8(ascii: "0"))
                index &+= 1
            }
            return T(exactly: isNegative ? 0 &- value : value)
        }
        var value: T = 0
        while index < text.count {
            let digit = T(truncatingIfNeeded: text[index] &- UInt8(ascii: "0"))
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) =
                isNegative ? scaled.subtractingReportingOverflow(digit) : scaled.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            value = sum
            index &+= 1
        }
        return value
    }

    /// The nearest double; infinite when the number is out of range, as in JavaScript.
    static func double(_ text: UnsafeRawBufferPointer) -> Double {
        var significand: UInt64 = 0
        var digits = 0
        var exponent = 0
        var index = 0
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { index = 1 }
        var seenPoint = false
        scan: while index < text.count {
            let byte = text[index]
            let digit = byte &- UInt8(ascii: "0")
            if digit < 10 {
                if digits > 0 || digit != 0 { digits &+= 1 }
                if digits > 19 { return slowDouble(text) }
                significand = significand &* 10 &+ UInt64(digit)
                if seenPoint { exponent &-= 1 }
            } else if byte == UInt8(ascii: ".") {
                seenPoint = true
            } else {
                break scan
            }
            index &+= 1
        }
        if index < text.count { exponent = exponent &+ self.exponent(text, from: index &+ 1) }
        // Both operands are exact, so one operation rounds correctly (Clinger's fast path).
        guard significand <= 1 << 53, exponent >= -22, exponent <= 22 else { return slowDouble(text) }
        let magnitude =
            exponent < 0
            ? Double(significand) / powersOfTen[-exponent] : Double(significand) * powersOfTen[exponent]
        return isNegative ? -magnitude : magnitude
    }

    /// The number after `e`, limited to ±100,000,000.
    private static func exponent(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
        var value = 0
        var isNegative = false
        for byte in text[start...] {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "+"): break
            default: value = min(value * 10 + Int(byte &- UInt8(ascii: "0")), 100_000_000)
            }
        }
        return isNegative ? -value : value
    }

    /// Any number, by the standard library's correctly rounding conversion. Digits that cannot matter are cut first, so
    /// the cost stays linear however many a peer sends.
    private static func slowDouble(_ text: UnsafeRawBufferPointer) -> Double {
        var kept = text.first == UInt8(ascii: "-") ? "-" : ""
        var digits = 0
        var exponent = 0
        var dropped = false
        var seenPoint = false
        var index = kept.isEmpty ? 0 : 1
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                seenPoint = true
            } else if byte &- UInt8(ascii: "0") < 10 {
                if digits < maximumDigits {
                    if digits > 0 || byte != UInt8(ascii: "0") {
                        kept.unicodeScalars.append(Unicode.Scalar(byte))
                        digits += 1
                    }
                    if seenPoint { exponent -= 1 }
                } else {
                    dropped = dropped || byte != UInt8(ascii: "0")
                    if !seenPoint { exponent += 1 }
                }
            } else {
                exponent += self.exponent(text, from: index + 1)
                break
            }
            index += 1
        }
        if digits == 0 { return kept.isEmpty ? 0 : -0.0 }
        // A one after the kept digits stands for everything cut: it only has to break ties.
        if dropped {
            kept += "1"
            exponent -= 1
        }
        return Double("\(kept)e\(exponent)") ?? .nan
    }
}
