// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The slot of a key or sharded channel in a Redis Cluster: CRC16 of its bytes, modulo 16,384 (Redis Cluster
/// specification, "Key distribution model" and "Hash tags").
package enum RedisSlot {
    /// The number of slots.
    package static let count = 16_384

    /// The slot of a name. If it contains `{…}` with something inside, only that part of it counts.
    package static func of(_ name: ByteBuffer) -> Int {
        name.withUnsafeReadableBytes { Int(crc16(tagged($0))) % count }
    }

    /// The slot of a name.
    package static func of(_ name: String) -> Int { of(ByteBuffer(string: name)) }

    private static func tagged(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let open = bytes.firstIndex(of: UInt8(ascii: "{")),
            let close = bytes[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        else { return bytes }
        return UnsafeRawBufferPointer(rebasing: bytes[open + 1..<close])
    }

    /// CRC-16/XMODEM.
    static func crc16(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
        var crc: UInt16 = 0
        for byte in bytes { crc = crc << 8 ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)] }
        return crc
    }

    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
}
