// Part of socketio-server, MIT licence; see LICENSE.

/// Reads percent-encoded text (RFC 3986, section 2.1), in linear time.
package enum PercentCoding {
    /// The bytes that `text` stands for. A `%` without two hexadecimal digits stands for itself.
    ///
    /// - Parameter isForm: whether `+` means a space, as in forms and queries.
    package static func decoded(_ text: UnsafeRawBufferPointer, isForm: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if let value = pair(text, at: index) {
                bytes.append(value)
                index += 3
            } else {
                bytes.append(isForm && text[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : text[index])
                index += 1
            }
        }
        return bytes
    }

    /// The same for text that is read as a whole or not at all: nil when a `%` has no two hexadecimal digits behind it.
    package static func strictlyDecoded(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        for index in text.indices where text[index] == UInt8(ascii: "%") && pair(text, at: index) == nil { return nil }
        return decoded(text, isForm: false)
    }

    /// The byte that `%` and two hexadecimal digits at `index` stand for.
    private static func pair(_ text: UnsafeRawBufferPointer, at index: Int) -> UInt8? {
        guard text[index] == UInt8(ascii: "%"), index + 2 < text.count, let high = hexValue(text[index + 1]),
            let low = hexValue(text[index + 2])
        else { return nil }
        return high << 4 | low
    }

    /// The value of a hexadecimal digit.
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
