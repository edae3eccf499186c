// Part of socketio-server, MIT licence; see LICENSE.

/// Helpers for writing JSON text.
enum JSONText {
    /// The first byte at `start` or later that must be escaped, or the end.
    @inline(__always)
    static func firstEscape(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = start
        while bytes.count &- index >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let marks =
                (((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash))
                & highs
            if marks != 0 { return index &+ marks.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { break }
            index &+= 1
        }
        return index
    }

    /// A lower-case hexadecimal digit.
    static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + (value - 10)
    }

    /// Writes a decimal integer where there is room for it, and returns its length.
    static func writeDecimal(_ value: Int64, into output: UnsafeMutableRawBufferPointer) -> Int {
        let length = decimalLength(value)
        guard let start = output.baseAddress, length <= output.count else { return 0 }
        writeDecimal(value, length: length, into: start)
        return length
    }

    private static func decimalLength(_ value: Int64) -> Int {
        var length = value < 0 ? 1 : 0
        var rest = value.magnitude
        repeat {
            length &+= 1
            rest /= 10
        } while rest > 0
        return length
    }

    /// Writes a decimal integer and returns its length, at most 20.
    static func writeDecimal(_ value: Int64, into output: UnsafeMutableRawPointer) -> Int {
        let length = decimalLength(value)
        writeDecimal(value, length: length, into: output)
        return length
    }

    @inline(__always)
    private static func writeDecimal(_ value: Int64, length: Int, into output: UnsafeMutableRawPointer) {
        var rest = value.magnitude
        var position = length
        repeat {
            position &-= 1
            let digit = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            output.storeBytes(of: digit, toByteOffset: position, as: UInt8.self)
            rest /= 10
        } while rest > 0
        if value < 0 { output.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self) }
    }

    /// A finite, non-zero number as digits without leading or trailing zeros and the place of the decimal point.
    struct Decimal {
        /// ASCII digits, at least one.
        var digits: [UInt8] = []
        /// How many digits stand before the point; negative or beyond the count for small and large numbers.
        var point = 0
        var isNegative = false

        /// Reads the form that `Double.description` has: `123.45`, `1e-07`, `1.5e+300`.
        init(_ description: String) {
            var exponent = 0
            var exponentIsNegative = false
            var inExponent = false
            var seenPoint = false
            for byte in description.utf8 {
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9") where inExponent:
                    exponent = exponent * 10 + Int(byte - UInt8(ascii: "0"))
                case UInt8(ascii: "0")...UInt8(ascii: "9"):
                    if digits.isEmpty && byte == UInt8(ascii: "0") {
                        if seenPoint { point -= 1 }
                    } else {
                        digits.append(byte)
                        if !seenPoint { point += 1 }
                    }
                case UInt8(ascii: "."): seenPoint = true
                case UInt8(ascii: "e"): inExponent = true
                case UInt8(ascii: "-") where inExponent: exponentIsNegative = true
                case UInt8(ascii: "-"): isNegative = true
                default: break
                }
            }
            while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
            point += exponentIsNegative ? -exponent : exponent
        }
    }
}

extension JSONText {
    /// A scalar as JSON text.
    static func scalar(_ value: SocketValue) -> String {
        var text = JSONOutput(capacity: 64)
        text.writeScalar(value)
        return text.string
    }
}
