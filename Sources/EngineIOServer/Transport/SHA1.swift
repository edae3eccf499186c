// Part of socketio-server, MIT licence; see LICENSE.

/// SHA-1 (RFC 3174), which the WebSocket handshake prescribes; it protects nothing there.
enum SHA1 {
    private typealias State = (UInt32, UInt32, UInt32, UInt32, UInt32)

    /// How long a digest is, in bytes.
    static let length = 20

    /// Writes the digest of `message` to `digest`, which has room for it.
    static func hash(_ message: UnsafeRawBufferPointer, into digest: UnsafeMutableRawBufferPointer) {
        var state: State = (0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0)
        let padded = (message.count + 9 + 63) / 64 * 64
        withUnsafeTemporaryAllocation(byteCount: padded, alignment: 8) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            bytes.copyMemory(from: message)
            bytes[message.count] = 0x80
            bytes.storeBytes(of: (UInt64(message.count) &* 8).bigEndian, toByteOffset: padded - 8, as: UInt64.self)
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
                for start in stride(from: 0, to: padded, by: 64) {
                    process(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + 64)]), words, into: &state)
                }
            }
        }
        digest.storeBytes(of: state.0.bigEndian, toByteOffset: 0, as: UInt32.self)
        digest.storeBytes(of: state.1.bigEndian, toByteOffset: 4, as: UInt32.self)
        digest.storeBytes(of: state.2.bigEndian, toByteOffset: 8, as: UInt32.self)
        digest.storeBytes(of: state.3.bigEndian, toByteOffset: 12, as: UInt32.self)
        digest.storeBytes(of: state.4.bigEndian, toByteOffset: 16, as: UInt32.self)
    }

    private static func process(
        _ block: UnsafeRawBufferPointer, _ words: UnsafeMutableBufferPointer<UInt32>, into state: inout State
    ) {
        for index in 0..<16 {
            words[index] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
        }
        for index in 16..<80 {
            words[index] = rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], by: 1)
        }
        var working = state
        for index in 0..<20 {
            step(&working, (working.1 & working.2) | (~working.1 & working.3), 0x5A82_7999 &+ words[index])
        }
        for index in 20..<40 { step(&working, working.1 ^ working.2 ^ working.3, 0x6ED9_EBA1 &+ words[index]) }
        for index in 40..<60 {
            let majority = (working.1 & working.2) | (working.1 & working.3) | (working.2 & working.3)
            step(&working, majority, 0x8F1B_BCDC &+ words[index])
        }
        for index in 60..<80 { step(&working, working.1 ^ working.2 ^ working.3, 0xCA62_C1D6 &+ words[index]) }
        state.0 &+= working.0
        state.1 &+= working.1
        state.2 &+= working.2
        state.3 &+= working.3
        state.4 &+= working.4
    }

    @inline(__always)
    private static func step(_ state: inout State, _ mixed: UInt32, _ added: UInt32) {
        let next = rotate(state.0, by: 5) &+ mixed &+ state.4 &+ added
        state = (next, state.0, rotate(state.1, by: 30), state.2, state.3)
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, by count: UInt32) -> UInt32 {
        word << count | word >> (32 - count)
    }
}
