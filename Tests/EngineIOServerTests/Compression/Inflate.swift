// Part of socketio-server, MIT licence; see LICENSE.

import CZlib
import NIOCore

/// The other direction of `BodyCompression`, for checking what it made.
enum Inflate {
    struct Failed: Error {
        var code: Int32
    }

    /// Unpacks gzip or zlib-wrapped deflate.
    static func whole(_ packed: ByteBuffer) throws -> ByteBuffer {
        var stream = z_stream()
        // 32 lets zlib find out which of the two wrappers it is.
        let begun = inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard begun == Z_OK else { throw Failed(code: begun) }
        defer { inflateEnd(&stream) }
        var input = Array(packed.readableBytesView)
        var output = ByteBuffer()
        var code = Z_OK
        input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            while code == Z_OK {
                var chunk = [UInt8](repeating: 0, count: 64 * 1024)
                let room = chunk.count
                let made = chunk.withUnsafeMutableBufferPointer { destination in
                    stream.next_out = destination.baseAddress
                    stream.avail_out = UInt32(room)
                    code = inflate(&stream, Z_NO_FLUSH)
                    return room - Int(stream.avail_out)
                }
                output.writeBytes(chunk[..<made])
            }
        }
        guard code == Z_STREAM_END else { throw Failed(code: code) }
        return output
    }
}
