// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// One line of a head without its line end, and where the next one begins.
struct ByteLine {
    let text: UnsafeBufferPointer<UInt8>
    let end: Int

    /// The line that begins at `start`; nil while its end has not come.
    static func first(of bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> ByteLine? {
        guard let lineFeed = bytes.offset(of: 10, from: start) else { return nil }
        let last = lineFeed > start && bytes[lineFeed - 1] == 13 ? lineFeed - 1 : lineFeed
        return ByteLine(text: UnsafeBufferPointer(rebasing: bytes[start..<last]), end: lineFeed + 1)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Where `byte` stands first, not before `start`.
    func offset(of byte: UInt8, from start: Int) -> Int? {
        guard start < count, let base = baseAddress else { return nil }
        guard let found = memchr(base + start, Int32(byte), count - start) else { return nil }
        return UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
    }

    /// Compares ASCII letters without regard to case; `other` must be in lower case.
    func equalsIgnoringCase(_ other: StaticString) -> Bool {
        guard count == other.utf8CodeUnitCount else { return false }
        for index in 0..<count {
            let byte = self[index]
            let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            if (isCapital ? byte | 0x20 : byte) != other.utf8Start[index] { return false }
        }
        return true
    }

    /// The number these digits are; nil for anything else and for a greater one.
    func decimal(atMost limit: Int) -> Int? { number(radix: 10, atMost: limit) }

    /// The same with sixteen digits.
    func hexadecimal(atMost limit: Int) -> Int? { number(radix: 16, atMost: limit) }

    @inline(__always)
    private func number(radix: Int, atMost limit: Int) -> Int? {
        guard !isEmpty else { return nil }
        var number = 0
        for byte in self {
            var digit = Int(byte &- 48)
            if digit > 9 { digit = Int((byte | 0x20) &- UInt8(ascii: "a")) + 10 }
            guard digit < radix else { return nil }
            number = number * radix + digit
            guard number <= limit else { return nil }
        }
        return number
    }
}

extension [UInt8] {
    /// Appends the digits of a number.
    mutating func append(decimal value: UInt32) {
        var power: UInt32 = 1
        while value / power >= 10 { power *= 10 }
        while power > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / power % 10))
            power /= 10
        }
    }
}
