// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Writes JSON text as JavaScript's `JSON.stringify` does (spec 3.2).
extension ByteBuffer {
    /// Writes one byte.
    @inline(__always)
    mutating func writeJSONByte(_ byte: UInt8) {
        writeInteger(byte)
    }

    /// Writes a quoted string: `"`, `\` and control characters escaped, everything else as it is.
    mutating func writeJSONString(_ string: String) {
        var string = string
        string.withUTF8 { writeJSONString(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Writes a quoted string from valid UTF-8.
    mutating func writeJSONString(utf8 bytes: UnsafeRawBufferPointer) {
        // Enough for a string without escapes; those that need more grow the buffer below.
        reserveCapacity(minimumWritableBytes: bytes.count &+ 2)
        writeJSONByte(UInt8(ascii: "\""))
        var start = 0
        while start < bytes.count {
            let end = JSONText.firstEscape(bytes, from: start)
            if end > start { writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) }
            if end < bytes.count { writeJSONEscape(bytes[end]) }
            start = end &+ 1
        }
        writeJSONByte(UInt8(ascii: "\""))
    }

    private mutating func writeJSONEscape(_ byte: UInt8) {
        switch byte {
        case 0x08: writeStaticString("\\b")
        case 0x09: writeStaticString("\\t")
        case 0x0A: writeStaticString("\\n")
        case 0x0C: writeStaticString("\\f")
        case 0x0D: writeStaticString("\\r")
        case 0x22: writeStaticString("\\\"")
        case 0x5C: writeStaticString("\\\\")
        default:
            writeStaticString("\\u00")
            writeJSONByte(JSONText.hexDigit(byte >> 4))
            writeJSONByte(JSONText.hexDigit(byte & 0xF))
        }
    }

    /// Writes a decimal integer.
    mutating func writeJSONInteger(_ value: some FixedWidthInteger) {
        if let small = UInt8(exactly: value), small < 10 {
            writeJSONByte(UInt8(ascii: "0") &+ small)
            return
        }
        guard let word = Int64(exactly: value) else {
            writeString(value.description)
            return
        }
        // 19 digits and a sign at most.
        writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { output in
            JSONText.writeDecimal(word, into: output)
        }
    }

    /// Writes a number as `Number.prototype.toString` prints it; non-finite numbers become `null`.
    mutating func writeJSONDouble(_ value: Double) {
        guard value.isFinite else {
            writeStaticString("null")
            return
        }
        // Exact integers of JavaScript; -0 prints as 0.
        if value.magnitude < 9_007_199_254_740_992, let integer = Int64(exactly: value) {
            writeJSONInteger(integer)
            return
        }
        writeJSONNumber(shortest: value.description)
    }

    /// Writes a single-precision number with its own shortest digits.
    mutating func writeJSONFloat(_ value: Float) {
        guard value.isFinite else {
            writeStaticString("null")
            return
        }
        if value.magnitude < 16_777_216, let integer = Int64(exactly: value) {
            writeJSONInteger(integer)
            return
        }
        writeJSONNumber(shortest: value.description)
    }

    /// Lays out the digits of Swift's shortest description by the rules of ECMAScript, Number::toString.
    private mutating func writeJSONNumber(shortest description: String) {
        let number = JSONText.Decimal(description)
        let digits = number.digits
        let point = number.point
        if number.isNegative { writeJSONByte(UInt8(ascii: "-")) }
        if digits.count <= point, point <= 21 {
            writeBytes(digits)
            writeRepeatingByte(UInt8(ascii: "0"), count: point - digits.count)
        } else if point > 0, point <= 21 {
            writeBytes(digits[..<point])
            writeJSONByte(UInt8(ascii: "."))
            writeBytes(digits[point...])
        } else if point > -6, point <= 0 {
            writeStaticString("0.")
            writeRepeatingByte(UInt8(ascii: "0"), count: -point)
            writeBytes(digits)
        } else {
            writeBytes(digits[..<1])
            if digits.count > 1 {
                writeJSONByte(UInt8(ascii: "."))
                writeBytes(digits[1...])
            }
            writeStaticString(point > 0 ? "e+" : "e-")
            writeJSONInteger((point - 1).magnitude)
        }
    }
}

extension ByteBuffer {
    /// Writes a value that holds no others; anything else becomes null.
    mutating func writeJSONScalar(_ value: SocketValue) {
        switch value {
        case .bool(true): writeStaticString("true")
        case .bool(false): writeStaticString("false")
        case .int(let value): writeJSONInteger(value)
        case .double(let value): writeJSONDouble(value)
        case .string(let value): writeJSONString(value)
        default: writeStaticString("null")
        }
    }
}
