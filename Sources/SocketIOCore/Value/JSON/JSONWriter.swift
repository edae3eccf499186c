// Part of socketio-server, MIT licence; see LICENSE.

/// Values as JavaScript's `JSON.stringify` writes them (protocol 3.2).
extension JSONOutput {
    /// Writes a quoted string: `"`, `\` and control characters escaped, everything else as it is.
    @inline(__always)
    mutating func writeString(_ string: String) {
        var string = string
        string.withUTF8 { writeString(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Writes a quoted string from valid UTF-8.
    mutating func writeString(utf8 bytes: UnsafeRawBufferPointer) {
        // Enough for a string without escapes; those that need more grow the buffer below.
        reserve(bytes.count &+ 2)
        write(UInt8(ascii: "\""))
        var start = 0
        while start < bytes.count {
            let end = JSONText.firstEscape(bytes, from: start)
            if end > start { write(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) }
            if end < bytes.count { writeEscape(bytes[end]) }
            start = end &+ 1
        }
        write(UInt8(ascii: "\""))
    }

    private mutating func writeEscape(_ byte: UInt8) {
        switch byte {
        case 0x08: write("\\b")
        case 0x09: write("\\t")
        case 0x0A: write("\\n")
        case 0x0C: write("\\f")
        case 0x0D: write("\\r")
        case 0x22: write("\\\"")
        case 0x5C: write("\\\\")
        default:
            write("\\u00")
            write(JSONText.hexDigit(byte >> 4))
            write(JSONText.hexDigit(byte & 0xF))
        }
    }

    /// Writes a decimal integer.
    mutating func writeInteger(_ value: some FixedWidthInteger) {
        if let small = UInt8(exactly: value), small < 10 {
            write(UInt8(ascii: "0") &+ small)
            return
        }
        guard let word = Int64(exactly: value) else {
            write(value.description.utf8)
            return
        }
        writeDecimal(word)
    }

    /// Writes a number as `Number.prototype.toString` prints it; non-finite numbers become `null`.
    mutating func writeDouble(_ value: Double) {
        guard value.isFinite else {
            write("null")
            return
        }
        // Exact integers of JavaScript; -0 prints as 0.
        if value.magnitude < 9_007_199_254_740_992, let integer = Int64(exactly: value) {
            writeInteger(integer)
            return
        }
        writeNumber(shortest: value.description)
    }

    /// Writes a single-precision number with its own shortest digits.
    mutating func writeFloat(_ value: Float) {
        guard value.isFinite else {
            write("null")
            return
        }
        if value.magnitude < 16_777_216, let integer = Int64(exactly: value) {
            writeInteger(integer)
            return
        }
        writeNumber(shortest: value.description)
    }

    /// Lays out the digits of Swift's shortest description by the rules of ECMAScript, Number::toString.
    private mutating func writeNumber(shortest description: String) {
        let number = JSONText.Decimal(description)
        let digits = number.digits
        let point = number.point
        if number.isNegative { write(UInt8(ascii: "-")) }
        if digits.count <= point, point <= 21 {
            write(digits)
            write(UInt8(ascii: "0"), times: point - digits.count)
        } else if point > 0, point <= 21 {
            write(digits[..<point])
            write(UInt8(ascii: "."))
            write(digits[point...])
        } else if point > -6, point <= 0 {
            write("0.")
            write(UInt8(ascii: "0"), times: -point)
            write(digits)
        } else {
            write(digits[..<1])
            if digits.count > 1 {
                write(UInt8(ascii: "."))
                write(digits[1...])
            }
            write(point > 0 ? "e+" : "e-")
            writeInteger((point - 1).magnitude)
        }
    }
}

extension JSONOutput {
    /// Writes a value that holds no others; anything else becomes null.
    mutating func writeScalar(_ value: SocketValue) {
        switch value {
        case .bool(true): write("true")
        case .bool(false): write("false")
        case .int(let value): writeInteger(value)
        case .double(let value): writeDouble(value)
        case .string(let value): writeString(value)
        default: write("null")
        }
    }
}
