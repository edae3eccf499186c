// Part of socketio-server, MIT licence; see LICENSE.

import CZlib

/// Undoes the content encodings of the engine, with zlib itself.
enum Inflate {
    /// The text of a compressed body; nil when it cannot be read.
    static func text(_ body: [UInt8], encoding: String?) -> String? {
        guard encoding == "gzip" || encoding == "deflate" else { return nil }
        var stream = z_stream()
        // 32: zlib tells gzip from zlib by the first bytes; they must also be what the header says.
        guard (body.first == 0x1F) == (encoding == "gzip"),
            inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { inflateEnd(&stream) }
        var input = body
        var output = [UInt8](repeating: 0, count: 4_000_000)
        let result: Int32 = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        guard result == Z_STREAM_END else { return nil }
        return String(decoding: output.prefix(Int(stream.total_out)), as: UTF8.self)
    }
}
