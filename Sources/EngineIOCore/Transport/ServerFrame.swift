// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Frames a server sends beside its packets. Packets carry their frame with them, see `OutboundPacket`.
package enum ServerFrame {
    /// A control frame carries at most 125 bytes, two of which are the code of a close frame.
    private static let maximumReasonLength = 123

    /// A close frame. Without a code it is empty; a reason longer than 123 bytes is cut between two characters.
    package static func close(code: UInt16?, reason: String = "") -> ByteBuffer {
        guard let code else { return frame(opcode: FrameHeader.close, payload: ByteBuffer()) }
        var payload = ByteBuffer()
        payload.reserveCapacity(maximumReasonLength + 2)
        payload.writeInteger(code)
        for scalar in reason.unicodeScalars {
            guard payload.readableBytes + UTF8.width(scalar) <= maximumReasonLength + 2 else { break }
            payload.writeString(String(scalar))
        }
        return frame(opcode: FrameHeader.close, payload: payload)
    }

    /// A pong with the payload of the ping it answers, at most 125 bytes.
    package static func pong(_ payload: ByteBuffer) -> ByteBuffer {
        frame(opcode: FrameHeader.pong, payload: payload)
    }

    /// A whole WebSocket message, for endpoints that speak no Engine.IO.
    package static func message(_ message: EngineMessage) -> ByteBuffer {
        switch message {
        case .text(let payload): frame(opcode: FrameHeader.text, payload: payload)
        case .binary(let payload): frame(opcode: FrameHeader.binary, payload: payload)
        }
    }

    private static func frame(opcode: UInt8, payload: ByteBuffer) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.reserveCapacity(payload.readableBytes + 10)
        _ = OutboundPacket.writeHeader(opcode: opcode, payloadLength: payload.readableBytes, into: &frame)
        frame.writeImmutableBuffer(payload)
        return frame
    }
}
