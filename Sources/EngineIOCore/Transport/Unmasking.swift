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

    /// Copies `count` bytes, which both have room for, to other memory.
    /// - Returns: whether all of them are ASCII.
    static func copy(
        _ count: Int, from input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, key: UInt32
    ) -> Bool {
        guard count > 0, let source = input.baseAddress, let target = output.baseAddress else { return true }
        precondition(count <= input.count && count <= output.count, "both have room for the bytes")
        let wideKey = UInt64(key) << 32 | UInt64(key)
        var seen: UInt64 = 0
        var index = 0
        while count &- index >= 8 {
            seen |= unmaskWord(at: index, from: source, to: target, key: wideKey)
            index &+= 8
        }
        if index < count, count >= 8 {
            // The last eight once more, some of which are done: cheaper than one by one.
            let key = rotate(key, by: count)
            seen |= unmaskWord(at: count &- 8, from: source, to: target, key: UInt64(key) << 32 | UInt64(key))
            index = count
        }
        var rest = wideKey
        while index < count {
            let byte = source.load(fromByteOffset: index, as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest)
            seen |= UInt64(byte)
            target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            rest >>= 8
            index &+= 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    /// Eight bytes, all of which are there.
    @inline(__always)
    private static func unmaskWord(
        at index: Int, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, key: UInt64
    ) -> UInt64 {
        let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian ^ key
        target.storeBytes(of: word.littleEndian, toByteOffset: index, as: UInt64.self)
        return word
    }
}
