// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto

/// A 128-bit digest of a peer's name or address, used as a key of tables. Equal bytes give equal digests, and a peer
/// cannot choose a name with the digest of another one.
package enum KeyDigest {
    package typealias Bits = (high: UInt64, low: UInt64)

    /// The first 128 bits of the SHA-256 of the text's UTF-8.
    package static func make(_ text: String) -> Bits {
        var text = text
        let digest = text.withUTF8 { SHA256.hash(data: UnsafeRawBufferPointer($0)) }
        return digest.withUnsafeBytes { bits($0[0..<16]) }
    }

    /// The digest of a numeric address: an IPv4 address, or the first 64 bits of an IPv6 address, which is the network
    /// of one client. Nil for anything else.
    package static func address(_ text: String) -> Bits? {
        guard let bytes = TrustedProxies.bytes(text) else { return nil }
        guard bytes.count == 16 else { return (4, bits(bytes[...]).low) }
        return (6, bits(bytes[0..<8]).low)
    }

    private static func bits(_ bytes: some Sequence<UInt8>) -> Bits {
        var bits: Bits = (0, 0)
        for byte in bytes {
            bits.high = bits.high << 8 | bits.low >> 56
            bits.low = bits.low << 8 | UInt64(byte)
        }
        return bits
    }
}
