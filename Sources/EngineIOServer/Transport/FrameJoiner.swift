// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Joins small frames into shared buffers and lets large ones through as they are.
struct FrameJoiner {
    /// Frames larger than this are not copied.
    static let largestJoinedFrame = 16 * 1024
    /// A joined buffer is closed when it has reached this size.
    private static let joinedBufferSize = 64 * 1024

    private var buffers: [ByteBuffer] = []
    private var current = ByteBuffer()

    mutating func append(_ message: OutboundMessage) {
        append(message.head.frame)
        for attachment in message.attachments { append(attachment.frame) }
    }

    mutating func append(_ frame: ByteBuffer) {
        if frame.readableBytes > Self.largestJoinedFrame {
            close()
            buffers.append(frame)
            return
        }
        current.writeImmutableBuffer(frame)
        if current.readableBytes >= Self.joinedBufferSize { close() }
    }

    /// The buffers, in order.
    mutating func finish() -> [ByteBuffer] {
        close()
        return buffers
    }

    private mutating func close() {
        guard current.readableBytes > 0 else { return }
        buffers.append(current)
        current = ByteBuffer()
    }
}

extension OutboundMessage {
    /// The message for a client that asked for base64: binary packets as text `b…`, even on WebSocket (protocol 1.9).
    func withTextOnly() -> OutboundMessage { withPackets { $0.withTextOnly() } }
}

extension OutboundPacket {
    fileprivate func withTextOnly() -> OutboundPacket {
        guard isBinary else { return self }
        var part = ByteBuffer()
        EnginePacketCodec.appendPollingPart(self, to: &part)
        part.moveReaderIndex(forwardBy: 1)
        return .text(type: UInt8(ascii: "b"), payload: part)
    }
}
