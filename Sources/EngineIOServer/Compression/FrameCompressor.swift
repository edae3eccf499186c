// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import NIOCore

/// Makes compressed frames of finished ones, for the clients that have agreed to `permessage-deflate`.
///
/// Confined to one event loop. There is a deflater for each window size that a client has asked for, nearly always one.
package final class FrameCompressor {
    private static let smallestWindow: Int32 = 9

    private let threshold: Int
    private let level: Int
    private var deflaters: [FrameDeflater?] = Array(repeating: nil, count: 7)

    package init(_ configuration: PerMessageDeflateConfiguration) {
        threshold = configuration.threshold
        level = configuration.level
    }

    /// The message with each of its packets compressed that is long enough, unless the message or zlib objects. The
    /// engine's own packets stay as they are.
    package func compress(_ message: OutboundMessage, windowBits: Int32) -> OutboundMessage {
        guard message.compress, message.isApplicationMessage else { return message }
        return compressParts(of: message, windowBits: windowBits)
    }

    /// As ``compress(_:windowBits:)``, for a message that is known to be the application's.
    func compressParts(of message: OutboundMessage, windowBits: Int32) -> OutboundMessage {
        guard message.compress else { return message }
        var message = message
        message.head = compress(message.head, windowBits: windowBits)
        for index in message.attachments.indices {
            message.attachments[index] = compress(message.attachments[index], windowBits: windowBits)
        }
        return message
    }

    /// The packet with a compressed frame, or as it is when it is short, compressed already, or would not shrink.
    package func compress(_ packet: OutboundPacket, windowBits: Int32) -> OutboundPacket {
        let payload = packet.payload
        guard payload.count >= threshold, !payload.isEmpty, !packet.isCompressed else { return packet }
        var packed = ByteBuffer()
        guard deflater(windowBits).deflate(payload, into: &packed) else { return packet }
        return .compressed(packed, isBinary: packet.isBinary)
    }

    private func deflater(_ windowBits: Int32) -> FrameDeflater {
        let index = max(0, min(Int(windowBits - Self.smallestWindow), deflaters.count - 1))
        if let deflater = deflaters[index] { return deflater }
        let deflater = FrameDeflater(level: level, windowBits: Self.smallestWindow + Int32(index))
        deflaters[index] = deflater
        return deflater
    }
}
