// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Copies masked bytes and takes the mask off on the way (RFC 6455, section 5.3).
enum Unmasking {
    /// Appends the first `count` readable bytes of `source`, unmasked, to `target`.
    /// - Parameters:
    ///   - key: first byte lowest; it starts with the first of these bytes.
    /// - Returns: whether all of them are ASCII.
    static func append(_ count: Int, of source: ByteBuffer, key: UInt32, to target: inout ByteBuffer) -> Bool {
        source.withUnsafeReadableBytes { bytes in
            append(UnsafeRawBufferPointer(rebasing: bytes[..<count]), key: key, to: &target)
        }
    }

    /// The same for all of `input`.
    static func append(_ input: UnsafeRawBufferPointer, key: UInt32, to target: inout ByteBuffer) -> Bool {
        var isASCII = false
        target.writeWithUnsafeMutableBytes(minimumWritableBytes: input.count) { output in
            isASCII = copy(input.count, from: input, to: output, key: key)
            return input.count
        }
        return isASCII
    }

    /// The key for the byte `count` further on.
    static func rotate(_ key: UInt32, by count: Int) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: count & 3) * 8
        return bits == 0 ? key : key >> bits | key << (32 - bits)
    }

    private static func copy(
        _ count: Int, from input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, key: UInt32
    ) -> Bool {
        let wideKey = UInt64(key) << 32 | UInt64(key)
        var seen: UInt64 = 0
        var index = 0
        while index + 8 <= count {
            let word = input.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian ^ wideKey
            seen |= word
            output.storeBytes(of: word.littleEndian, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        var rest = wideKey
        while index < count {
            let byte = input[index] ^ UInt8(truncatingIfNeeded: rest)
            seen |= UInt64(byte)
            output[index] = byte
            rest >>= 8
            index += 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }
}
