// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Base64 as the Node parser writes and reads it: RFC 4648 section 4 out, tolerant in.
///
/// Node skips bytes outside the alphabet, takes the URL-safe letters too, needs no padding and stops at the first `=`.
/// Doing the same keeps both servers in agreement about every body.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Value of each byte, 0xFF where it is not in the alphabet.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, letter) in alphabet.enumerated() { table[Int(letter)] = UInt8(value) }
        table[Int(UInt8(ascii: "-"))] = 62
        table[Int(UInt8(ascii: "_"))] = 63
        return table
    }()

    /// Length of the padded text for `count` bytes.
    package static func encodedLength(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Appends the padded text of `bytes`.
    package static func append(_ bytes: ByteBufferView, to buffer: inout ByteBuffer) {
        let length = encodedLength(bytes.count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
            bytes.withUnsafeBytes { encode($0, into: target) }
            return length
        }
    }

    /// Writes the padded text of `source` into memory that has room for it.
    package static func encode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
        alphabet.withUnsafeBufferPointer { encode(source, into: target, letters: $0) }
    }

    private static func encode(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
        letters: UnsafeBufferPointer<UInt8>
    ) {
        var read = 0
        var written = 0
        while read + 2 < source.count {
            let bits = UInt32(source[read]) << 16 | UInt32(source[read + 1]) << 8 | UInt32(source[read + 2])
            target[written] = letters[Int(bits >> 18)]
            target[written + 1] = letters[Int(bits >> 12 & 63)]
            target[written + 2] = letters[Int(bits >> 6 & 63)]
            target[written + 3] = letters[Int(bits & 63)]
            read += 3
            written += 4
        }
        let left = source.count - read
        guard left > 0 else { return }
        let bits = UInt32(source[read]) << 16 | (left == 2 ? UInt32(source[read + 1]) << 8 : 0)
        target[written] = letters[Int(bits >> 18)]
        target[written + 1] = letters[Int(bits >> 12 & 63)]
        target[written + 2] = left == 2 ? letters[Int(bits >> 6 & 63)] : UInt8(ascii: "=")
        target[written + 3] = UInt8(ascii: "=")
    }

    /// The bytes which `text` stands for.
    package static func decode(_ text: ByteBuffer) -> ByteBuffer {
        guard text.readableBytes > 0 else { return ByteBuffer() }
        var result = ByteBuffer()
        result.writeWithUnsafeMutableBytes(minimumWritableBytes: text.readableBytes / 4 * 3 + 3) { target in
            text.withUnsafeReadableBytes { source in
                values.withUnsafeBufferPointer { decode(source, into: target, values: $0) }
            }
        }
        return result
    }

    private static func decode(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
        values: UnsafeBufferPointer<UInt8>
    ) -> Int {
        var written = 0
        var bits: UInt32 = 0
        var count = 0
        for byte in source {
            if byte == UInt8(ascii: "=") { break }
            let value = values[Int(byte)]
            if value == 0xFF { continue }
            bits = bits << 6 | UInt32(value)
            count += 1
            if count == 4 {
                target[written] = UInt8(truncatingIfNeeded: bits >> 16)
                target[written + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                target[written + 2] = UInt8(truncatingIfNeeded: bits)
                written += 3
                bits = 0
                count = 0
            }
        }
        if count == 2 {
            target[written] = UInt8(truncatingIfNeeded: bits >> 4)
            written += 1
        } else if count == 3 {
            target[written] = UInt8(truncatingIfNeeded: bits >> 10)
            target[written + 1] = UInt8(truncatingIfNeeded: bits >> 2)
            written += 2
        }
        return written
    }
}
