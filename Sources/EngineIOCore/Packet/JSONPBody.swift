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
        var body = ByteBuffer()
        body.reserveCapacity(payload.readableBytes + 32)
        body.writeString("___eio[\(index)](\"")
        var view = payload.readableBytesView[...]
        while let byte = view.first {
            // U+2028 and U+2029 end a line in older JavaScript.
            if byte == 0xE2, view.count >= 3, view[view.startIndex + 1] == 0x80,
                [0xA8, 0xA9].contains(view[view.startIndex + 2])
            {
                body.writeStaticString(view[view.startIndex + 2] == 0xA8 ? "\\u2028" : "\\u2029")
                view = view.dropFirst(3)
                continue
            }
            write(byte, to: &body)
            view = view.dropFirst()
        }
        body.writeStaticString("\");")
        return body
    }

    private static func write(_ byte: UInt8, to body: inout ByteBuffer) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            body.writeInteger(UInt8(ascii: "\\"))
            body.writeInteger(byte)
        // `</script>` in a page would end it.
        case UInt8(ascii: "<"): body.writeStaticString("\\u003c")
        case UInt8(ascii: "\n"): body.writeStaticString("\\n")
        case UInt8(ascii: "\r"): body.writeStaticString("\\r")
        case UInt8(ascii: "\t"): body.writeStaticString("\\t")
        case 0..<0x20: body.writeString("\\u00" + (byte < 0x10 ? "0" : "1") + String(byte & 0x0F, radix: 16))
        default: body.writeInteger(byte)
        }
    }

    /// The payload in the body of a form: its field `d`, in which a newline is `\n` and `\n` is `\\n`. Empty when there is no
    /// such field.
    package static func unwrap(_ form: ByteBuffer) -> ByteBuffer {
        let fields = form.readableBytesView.split(separator: UInt8(ascii: "&"))
        guard let field = fields.last(where: { $0.starts(with: "d=".utf8) }) else { return ByteBuffer() }
        return unescaped(decoded(field.dropFirst(2)))
    }

    private static func decoded(_ text: ByteBufferView.SubSequence) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.first {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: "%"), rest.count >= 2, let high = hex(rest[rest.startIndex]),
                let low = hex(rest[rest.startIndex + 1])
            {
                result.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return result
    }

    private static func unescaped(_ text: [UInt8]) -> ByteBuffer {
        var result = ByteBuffer()
        result.reserveCapacity(text.count)
        let (slash, letter) = (UInt8(ascii: "\\"), UInt8(ascii: "n"))
        var index = 0
        while index < text.count {
            guard text[index] == slash else {
                result.writeInteger(text[index])
                index += 1
                continue
            }
            if index + 2 < text.count, text[index + 1] == slash, text[index + 2] == letter {
                result.writeStaticString("\\n")
                index += 3
            } else if index + 1 < text.count, text[index + 1] == letter {
                result.writeStaticString("\n")
                index += 2
            } else {
                result.writeInteger(slash)
                index += 1
            }
        }
        return result
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
