// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// As much of HTTP answers as clients need that measure our own server.
enum HTTPAnswerText {
    /// How long the head at the front of `bytes` is, with its empty line; nil when its end is not there yet.
    static func headLength(_ bytes: UnsafeRawBufferPointer) -> Int? { offset(of: "\r\n\r\n", in: bytes).map { $0 + 4 } }

    /// The body of the answer in `bytes`; nil when that is not all there yet.
    static func body(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let name: StaticString = "\r\nContent-Length: "
        guard let head = headLength(bytes), let field = offset(of: name, in: bytes) else { return nil }
        var length = 0
        for digit in bytes[(field + name.utf8CodeUnitCount)...] {
            guard digit != UInt8(ascii: "\r") else { break }
            length = length * 10 + Int(digit) - Int(UInt8(ascii: "0"))
        }
        return bytes.count >= head + length ? UnsafeRawBufferPointer(rebasing: bytes[head..<(head + length)]) : nil
    }

    private static func offset(of text: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let length = text.utf8CodeUnitCount
        var start = 0
        while start + length <= bytes.count {
            let rest = bytes.count - length + 1 - start
            guard let found = memchr(base + start, CInt(text.utf8Start.pointee), rest) else { return nil }
            if memcmp(found, text.utf8Start, length) == 0 { return UnsafeRawPointer(found) - base }
            start = UnsafeRawPointer(found) - base + 1
        }
        return nil
    }
}
