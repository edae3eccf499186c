// Part of socketio-server, MIT licence; see LICENSE.

internal import CZlib
internal import EngineIOCore
internal import NIOCore

@testable internal import EngineIOServer

/// The client's side of `permessage-deflate`, made with zlib and not with what the server uses.
enum ClientDeflate {
    struct Failed: Error {
        var code: Int32
    }

    /// The compressed form of a message, without the four bytes at its end.
    static func pack(_ bytes: [UInt8], level: Int32 = 6, strategy: Int32 = Z_DEFAULT_STRATEGY) throws -> [UInt8] {
        var stream = z_stream()
        let begun = deflateInit2_(
            &stream, level, Z_DEFLATED, -15, 8, strategy, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard begun == Z_OK else { throw Failed(code: begun) }
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 100)
        let size = output.count
        let code = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { destination in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = destination.baseAddress
                stream.avail_out = UInt32(size)
                return deflate(&stream, Z_SYNC_FLUSH)
            }
        }
        guard code == Z_OK, stream.avail_out > 0 else { throw Failed(code: code) }
        let made = output[..<(size - Int(stream.avail_out))]
        guard made.suffix(4) == [0, 0, 0xFF, 0xFF] else { throw Failed(code: code) }
        return Array(made.dropLast(4))
    }

    static func pack(_ text: String) throws -> [UInt8] { try pack(Array(text.utf8)) }

    /// Unpacks a message with a window of this size only.
    static func unpack(_ payload: [UInt8], windowBits: Int32 = 15) throws -> [UInt8] {
        var stream = z_stream()
        let begun = inflateInit2_(&stream, -windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard begun == Z_OK else { throw Failed(code: begun) }
        defer { inflateEnd(&stream) }
        var input = payload + [0, 0, 0xFF, 0xFF]
        var output: [UInt8] = []
        var code = Z_OK
        input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            repeat {
                var chunk = [UInt8](repeating: 0, count: 64 * 1024)
                let room = chunk.count
                let made = chunk.withUnsafeMutableBufferPointer { destination in
                    stream.next_out = destination.baseAddress
                    stream.avail_out = UInt32(room)
                    code = inflate(&stream, Z_SYNC_FLUSH)
                    return room - Int(stream.avail_out)
                }
                output += chunk[..<made]
            } while code == Z_OK && stream.avail_out == 0
        }
        guard code == Z_OK || code == Z_BUF_ERROR, stream.avail_in == 0 else { throw Failed(code: code) }
        return output
    }
}

extension SessionWire {
    static let deflateOffer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

    /// A compressed message in one frame.
    static func compressed(_ text: String) throws -> [UInt8] {
        frame(try ClientDeflate.pack(text), isCompressed: true)
    }

    /// The next message, unpacked when it is compressed.
    func unpacked() async throws -> (bytes: [UInt8], isCompressed: Bool) {
        let frame = try await frame()
        guard frame.isCompressed else { return (frame.payload, false) }
        return (try ClientDeflate.unpack(frame.payload), true)
    }
}

/// Bytes that cannot be compressed, the same in every run.
func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
    }
}
