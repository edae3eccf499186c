// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A message that came as one frame and in one piece.
package struct WholeMessage: Sendable {
    /// Whether it is text, which is valid UTF-8, or binary.
    package let isText: Bool
    /// The first byte, 0 when there is none: asking a buffer for it costs more than remembering it.
    package let lead: UInt8
    package let bytes: ByteBuffer
}

/// The short way for messages that come as one frame and in one piece, as nearly all do: their bytes are looked at once,
/// where they were read.
///
/// Nothing is remembered from one message to the next but memory, so all connections of an event loop may share one. Every
/// access to a buffer costs as much as some hundred bytes of payload: there is one to what was read, one to the message.
package struct WholeMessageReader: Sendable {
    private static let smallestCapacity = 256
    /// Used again as soon as nobody holds the last message.
    private var payload = ByteBuffer()

    package init() {}

    /// The message whose frame begins at `offset` of the bytes just read, which is then moved behind it.
    ///
    /// Nil, with nothing taken, for everything else: frames of which a part is missing, control frames, compressed or
    /// fragmented messages, and whatever breaks a rule. Those bytes are for a ``MessageAssembler``. Only to be asked between
    /// two messages.
    /// - Parameter limit: the most bytes of a message.
    package mutating func next(in bytes: ByteBuffer, at offset: inout Int, limit: Int) -> WholeMessage? {
        guard offset < bytes.readableBytes else { return nil }
        let start = offset
        let taken = bytes.withUnsafeReadableBytes { bytes in
            WholeFrame(bytes, at: start, limit: limit).flatMap { unmask($0) }
        }
        guard let taken else { return nil }
        offset = taken.end
        let message = WholeMessage(isText: taken.isText, lead: taken.lead, bytes: payload)
        // A large buffer is given away with its message.
        if message.bytes.readableBytes > MessageAssembler.largestKeptCapacity { payload = ByteBuffer() }
        return message
    }

    private struct Taken {
        let isText: Bool
        let lead: UInt8
        let end: Int
    }

    /// Leaves the frame's payload in `payload`. Nil for text that is not UTF-8.
    private mutating func unmask(_ frame: WholeFrame) -> Taken? {
        let count = frame.payload.count
        let isOurs: Void? = payload.modifyIfUniquelyOwned { buffer in
            buffer.moveReaderIndex(to: 0)
            buffer.moveWriterIndex(to: 0)
        }
        if isOurs == nil || payload.writableBytes < count {
            payload.clear(minimumCapacity: max(Self.smallestCapacity, count))
        }
        var lead: UInt8 = 0
        let isFine = payload.withUnsafeMutableWritableBytes { output in
            // There is room for all of it, or was made just now.
            let isASCII = Unmasking.copy(count, from: frame.payload, to: output, key: frame.maskingKey)
            if count > 0 { lead = output[0] }
            return isASCII || !frame.isText
                || UTF8Validator.isValid(UnsafeRawBufferPointer(rebasing: output[..<count]))
        }
        guard isFine else { return nil }
        payload.moveWriterIndex(to: count)
        return Taken(isText: frame.isText, lead: lead, end: frame.end)
    }
}

/// A frame that is a whole message and lies in memory from the first byte to the last (RFC 6455, section 5.2).
private struct WholeFrame {
    let isText: Bool
    let payload: UnsafeRawBufferPointer
    let maskingKey: UInt32
    /// Where the next frame begins.
    let end: Int

    /// Nil unless all of it is there, and is as it has to be.
    init?(_ bytes: UnsafeRawBufferPointer, at start: Int, limit: Int) {
        let available = bytes.count - start
        guard available >= 6 else { return nil }
        switch bytes[start] {
        case 0x80 | FrameHeader.text: isText = true
        case 0x80 | FrameHeader.binary: isText = false
        default: return nil
        }
        var length = Int(bytes[start + 1]) - 0x80
        var header = 6
        if length == 126 {
            header = 8
            guard available >= header else { return nil }
            length = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
            guard length >= 126 else { return nil }
        }
        // Without its mask bit the length is negative; 127 announces one of eight bytes.
        guard length >= 0, length != 127 || header == 8, length <= limit, available - header >= length else {
            return nil
        }
        let key = bytes.loadUnaligned(fromByteOffset: start + header - 4, as: UInt32.self)
        maskingKey = UInt32(littleEndian: key)
        end = start + header + length
        payload = UnsafeRawBufferPointer(rebasing: bytes[start + header..<end])
    }
}
