// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Polling by script elements, as browsers without cross-origin requests do it (protocol 1.8.6).
package enum JSONPBody {
    /// The index of a request's `j`: its digits; nil when there is none, or it has none.
    package static func index(_ parameter: String?) -> String? {
        let digits = parameter.map {
            String(decoding: $0.utf8.filter { (0x30...0x39).contains($0) }.prefix(20), as: UTF8.self)
        }
        return digits.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A payload as a call: `___eio[0]("…");`.
    package static func wrap(_ payload: ByteBuffer, index: String) -> ByteBuffer {
        let head = "___eio[\(index)](\""
        return payload.withUnsafeReadableBytes { bytes in
            let length = escape(bytes, into: nil)
            var body = ByteBuffer()
            body.reserveCapacity(head.utf8.count + length + 3)
            body.writeString(head)
            body.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { escape(bytes, into: $0) }
            body.writeStaticString("\");")
            return body
        }
    }

    /// The text inside a string literal. Returns its length, also without a target. Clients decide how many of these bytes
    /// there are, so each costs little.
    private static func escape(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer?) -> Int {
        var (read, written) = (0, 0)
        while read < bytes.count {
            let byte = bytes[read]
            read &+= 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(UInt8(ascii: "\\"), byte, into: target, at: &written)
            // `</script>` in a page would end it.
            case UInt8(ascii: "<"): put(code: 0x003C, into: target, at: &written)
            case UInt8(ascii: "\n"): put(UInt8(ascii: "\\"), UInt8(ascii: "n"), into: target, at: &written)
            case UInt8(ascii: "\r"): put(UInt8(ascii: "\\"), UInt8(ascii: "r"), into: target, at: &written)
            case UInt8(ascii: "\t"): put(UInt8(ascii: "\\"), UInt8(ascii: "t"), into: target, at: &written)
            case 0..<0x20: put(code: UInt16(byte), into: target, at: &written)
            // U+2028 and U+2029 end a line in older JavaScript.
            case 0xE2 where read + 1 < bytes.count && bytes[read] == 0x80 && bytes[read + 1] & 0xFE == 0xA8:
                put(code: 0x2000 | UInt16(bytes[read + 1] & 0x3F), into: target, at: &written)
                read &+= 2
            default:
                if let target { target[written] = byte }
                written &+= 1
            }
        }
        return written
    }

    private static func put(
        _ first: UInt8, _ second: UInt8, into target: UnsafeMutableRawBufferPointer?, at index: inout Int
    ) {
        if let target { (target[index], target[index + 1]) = (first, second) }
        index &+= 2
    }

    /// `\u` and four digits.
    private static func put(code: UInt16, into target: UnsafeMutableRawBufferPointer?, at index: inout Int) {
        if let target {
            (target[index], target[index + 1]) = (UInt8(ascii: "\\"), UInt8(ascii: "u"))
            for digit in 0..<4 {
                let value = UInt8(truncatingIfNeeded: code >> UInt16(4 * (3 - digit)) & 0xF)
                target[index + 2 + digit] = value < 10 ? 0x30 + value : 0x57 + value
            }
        }
        index &+= 6
    }

    /// The payload in the body of a form: its field `d`, in which a newline is `\n` and `\n` is `\\n`. Empty when there is no
    /// such field.
    package static func unwrap(_ form: ByteBuffer) -> ByteBuffer {
        form.withUnsafeReadableBytes { bytes in
            guard let field = dataField(of: bytes) else { return ByteBuffer() }
            var result = ByteBuffer()
            // Neither step makes the text longer.
            result.writeWithUnsafeMutableBytes(minimumWritableBytes: field.count) { target in
                unescape(target, count: decode(field, into: target))
            }
            return result
        }
    }

    /// The last field that is named `d`.
    private static func dataField(of form: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var found: Range<Int>?
        var start = 0
        while start < form.count {
            let end = form[start...].firstIndex(of: UInt8(ascii: "&")) ?? form.count
            if end - start >= 2, form[start] == UInt8(ascii: "d"), form[start + 1] == UInt8(ascii: "=") {
                found = start + 2..<end
            }
            start = end + 1
        }
        return found.map { UnsafeRawBufferPointer(rebasing: form[$0]) }
    }

    private static func decode(_ text: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
        var (read, written) = (0, 0)
        while read < text.count {
            let byte = text[read]
            if byte == UInt8(ascii: "%"), read + 2 < text.count, let high = hex(text[read + 1]),
                let low = hex(text[read + 2])
            {
                target[written] = high << 4 | low
                read += 3
            } else {
                target[written] = byte == UInt8(ascii: "+") ? 0x20 : byte
                read += 1
            }
            written += 1
        }
        return written
    }

    /// In place. Returns the new length.
    private static func unescape(_ text: UnsafeMutableRawBufferPointer, count: Int) -> Int {
        let (slash, letter) = (UInt8(ascii: "\\"), UInt8(ascii: "n"))
        var (read, written) = (0, 0)
        while read < count {
            if text[read] == slash, read + 2 < count, text[read + 1] == slash, text[read + 2] == letter {
                (text[written], text[written + 1]) = (slash, letter)
                read += 3
                written += 2
            } else if text[read] == slash, read + 1 < count, text[read + 1] == letter {
                text[written] = UInt8(ascii: "\n")
                read += 2
                written += 1
            } else {
                text[written] = text[read]
                read += 1
                written += 1
            }
        }
        return written
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
