// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The short way for messages that come as one frame and in one piece, as nearly all do: their bytes are looked at once,
/// where they were read.
extension MessageAssembler {
    /// The message whose frame begins at `offset` of the bytes just read, which is then moved behind it.
    ///
    /// Nil, with nothing taken, for everything else: frames of which a part is missing, control frames, compressed or
    /// fragmented messages, and whatever breaks a rule. Those bytes are to be given to `receive`, and `next` decides.
    package mutating func wholeMessage(in bytes: ByteBuffer, at offset: inout Int) -> EngineMessage? {
        guard isBetweenMessages else { return nil }
        var isText: Bool?
        bytes.withUnsafeReadableBytes { bytes in
            guard let frame = WholeFrame(bytes, at: offset, limit: limits.maximumMessageSize) else { return }
            beginPayload(minimumCapacity: frame.payload.count)
            guard unmask(frame.payload, key: frame.maskingKey, isText: frame.isText) else { return }
            offset = frame.end
            isText = frame.isText
        }
        guard let isText else { return nil }
        // The room was made for this message: it is no larger unless the message is.
        let message = takePayload(isSmall: payload.readableBytes <= Self.largestKeptCapacity)
        return isText ? .text(message) : .binary(message)
    }

    /// False for text that is not UTF-8.
    private mutating func unmask(_ masked: UnsafeRawBufferPointer, key: UInt32, isText: Bool) -> Bool {
        guard !Unmasking.append(masked, key: key, to: &payload), isText else { return true }
        return UTF8Validator.isValid(payload)
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
