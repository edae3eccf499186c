// Part of socketio-server, MIT licence; see LICENSE.

/// Turns the inside of a validated JSON string into a `String`.
enum JSONString {
    /// The value of a hexadecimal digit, nil for other bytes.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        let digit = byte &- UInt8(ascii: "0")
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The text between the quotes. Escapes of lone surrogates become U+FFFD: a Swift string cannot hold them.
    static func make(_ bytes: UnsafeRawBufferPointer, hasEscapes: Bool) -> String {
        guard hasEscapes else { return String(decoding: bytes, as: UTF8.self) }
        // Every escape is at least as long as the UTF-8 it stands for.
        return String(unsafeUninitializedCapacity: bytes.count) { output in
            var written = 0
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                if byte != 0x5C {
                    output[written] = byte
                    written += 1
                    index += 1
                } else {
                    written += unescape(bytes, at: &index, into: output, at: written)
                }
            }
            return written
        }
    }

    /// The value of a whole string, quotes included.
    static func make(quoted bytes: UnsafeRawBufferPointer) -> String {
        guard bytes.count >= 2 else { return "" }
        let inside = UnsafeRawBufferPointer(rebasing: bytes[1..<bytes.count - 1])
        return make(inside, hasEscapes: inside.contains(UInt8(ascii: "\\")))
    }

    /// Decodes the escape at `index`, moves past it and returns how many bytes it wrote.
    private static func unescape(
        _ bytes: UnsafeRawBufferPointer, at index: inout Int, into output: UnsafeMutableBufferPointer<UInt8>,
        at position: Int
    ) -> Int {
        guard index + 1 < bytes.count else {
            index = bytes.count
            return 0
        }
        let kind = bytes[index + 1]
        guard kind == UInt8(ascii: "u") else {
            index += 2
            switch kind {
            case UInt8(ascii: "b"): output[position] = 0x08
            case UInt8(ascii: "f"): output[position] = 0x0C
            case UInt8(ascii: "n"): output[position] = 0x0A
            case UInt8(ascii: "r"): output[position] = 0x0D
            case UInt8(ascii: "t"): output[position] = 0x09
            default: output[position] = kind
            }
            return 1
        }
        var scalar = codeUnit(bytes, at: index)
        index += 6
        if scalar & 0xFC00 == 0xD800, index + 1 < bytes.count, bytes[index] == 0x5C,
            bytes[index + 1] == UInt8(ascii: "u")
        {
            let low = codeUnit(bytes, at: index)
            if low & 0xFC00 == 0xDC00 {
                scalar = 0x10000 + (scalar & 0x3FF) << 10 + low & 0x3FF
                index += 6
            }
        }
        if scalar & 0xFFFF_F800 == 0xD800 { scalar = 0xFFFD }
        return encode(scalar, into: output, at: position)
    }

    /// The four digits of the `\uXXXX` at `index`; bytes that are missing or no digits count as 0.
    private static func codeUnit(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt32 {
        guard index + 6 <= bytes.count else { return 0xFFFD }
        return (2..<6).reduce(0) { $0 << 4 | UInt32(hexValue(bytes[index + $1]) ?? 0) }
    }

    private static func encode(
        _ scalar: UInt32, into output: UnsafeMutableBufferPointer<UInt8>, at position: Int
    ) -> Int {
        func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(truncatingIfNeeded: scalar >> shift & 0x3F) }
        if scalar < 0x80 {
            output[position] = UInt8(truncatingIfNeeded: scalar)
            return 1
        }
        if scalar < 0x800 {
            output[position] = 0xC0 | UInt8(truncatingIfNeeded: scalar >> 6)
            output[position + 1] = tail(0)
            return 2
        }
        if scalar < 0x10000 {
            output[position] = 0xE0 | UInt8(truncatingIfNeeded: scalar >> 12)
            output[position + 1] = tail(6)
            output[position + 2] = tail(0)
            return 3
        }
        output[position] = 0xF0 | UInt8(truncatingIfNeeded: scalar >> 18)
        output[position + 1] = tail(12)
        output[position + 2] = tail(6)
        output[position + 3] = tail(0)
        return 4
    }
}
