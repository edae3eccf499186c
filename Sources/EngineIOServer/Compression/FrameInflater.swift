// Part of socketio-server, MIT licence; see LICENSE.

internal import CZlib
package import EngineIOCore
package import NIOCore

/// Unpacks messages of `permessage-deflate` (RFC 7692, section 7.2.2), one after the other and each on its own.
///
/// One serves all connections of an event loop. Its zlib state, about 40 KB, is made with the first message.
package final class FrameInflater: MessageDecompressor {
    /// What a sender leaves out at the end of each message.
    private static let tail = ByteBuffer(bytes: [0x00, 0x00, 0xFF, 0xFF])
    private static let smallestStep = 4096

    /// zlib keeps a pointer back to it, so it must not move.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var isReady = false

    package init() {
        stream.initialize(to: z_stream())
    }

    deinit {
        if isReady { inflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    package func inflate(_ payload: ByteBuffer, limit: Int) throws(WebSocketProtocolError) -> ByteBuffer {
        // Not what RFC 7692 has for an empty message, which is one byte, but unmistakable.
        guard payload.readableBytes > 0 else { return ByteBuffer() }
        guard prepare() else { throw .invalidCompressedData }
        var output = ByteBuffer()
        // A guess, and no more than the client has some right to.
        output.reserveCapacity(min(limit, payload.readableBytes * 4))
        var end = try payload.withUnsafeReadableBytes { bytes throws(WebSocketProtocolError) in
            try consume(bytes, into: &output, limit: limit)
        }
        if end != .stream {
            end = try Self.tail.withUnsafeReadableBytes { bytes throws(WebSocketProtocolError) in
                try consume(bytes, into: &output, limit: limit)
            }
        }
        // Anywhere else the message has been cut off.
        guard end != .inside else { throw .invalidCompressedData }
        return output
    }

    private func prepare() -> Bool {
        if isReady { return inflateReset(stream) == Z_OK }
        isReady = inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        return isReady
    }

    /// Where the input ended.
    private enum End {
        /// Behind a block that called itself the last.
        case stream
        /// Between two blocks.
        case block
        case inside
    }

    private func consume(
        _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer, limit: Int
    ) throws(WebSocketProtocolError) -> End {
        // zlib only reads through `next_in`; the C type lacks `const`. No message is larger than an UInt32 can tell, the
        // limit is 1 GiB at most.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: Bytef.self).baseAddress)
        stream.pointee.avail_in = UInt32(clamping: input.count)
        while true {
            // One byte more than allowed, to see that there is one.
            let room = limit - output.readableBytes + 1
            let step = min(room, Self.smallestStep)
            var code = Z_OK
            var isFull = false
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: step) { destination in
                let available = min(destination.count, room)
                stream.pointee.next_out = destination.bindMemory(to: Bytef.self).baseAddress
                stream.pointee.avail_out = UInt32(clamping: available)
                code = CZlib.inflate(stream, Z_SYNC_FLUSH)
                isFull = stream.pointee.avail_out == 0
                return min(available, Int(UInt32(clamping: available) - stream.pointee.avail_out))
            }
            guard output.readableBytes <= limit else { throw .messageTooLarge(limit: limit) }
            switch code {
            case Z_STREAM_END:
                if stream.pointee.avail_in == 0 { return .stream }
                // RFC 7692, 7.2.3.4: more may follow a block that called itself the last.
                guard inflateReset(stream) == Z_OK else { throw .invalidCompressedData }
            case Z_OK, Z_BUF_ERROR:
                if isFull { continue }
                // zlib stops for want of room or of input only.
                guard stream.pointee.avail_in == 0 else { throw .invalidCompressedData }
                // Bit 7: the last thing seen is the end of a block. The lower ones: bits of the last byte not used.
                return stream.pointee.data_type & 0x80 != 0 ? .block : .inside
            default:
                throw .invalidCompressedData
            }
        }
    }
}
