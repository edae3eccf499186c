// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// One packet as one WebSocket text message or one part of a polling payload (protocol 1.7).
///
/// Binary WebSocket messages do not come here: they are binary messages as they stand.
package enum EnginePacketCodec {
    /// The type of an application's text message.
    package static let messageType = UInt8(ascii: "4")

    /// Reads a packet from its text form.
    ///
    /// Payloads behind types that carry none (`1`, `5`, `6`) are ignored, as the Node parser does.
    /// - Parameter payload: valid UTF-8; both transports check it first.
    package static func decodeText(_ payload: consuming ByteBuffer) throws(EnginePacketError) -> EnginePacket {
        guard let type = payload.readInteger(as: UInt8.self) else { throw .emptyPacket }
        switch type {
        case messageType: return .message(.text(payload))
        case UInt8(ascii: "b"): return .message(.binary(Base64.decode(payload)))
        case UInt8(ascii: "3"): return .pong(payload)
        case UInt8(ascii: "2"): return .ping(payload)
        case UInt8(ascii: "1"): return .close
        case UInt8(ascii: "5"): return .upgrade
        case UInt8(ascii: "6"): return .noop
        case UInt8(ascii: "0"): return .open(payload)
        default: throw .unknownType(type)
        }
    }

    /// Appends `packet` as one part of a polling payload, without a separator.
    package static func appendPollingPart(_ packet: OutboundPacket, to buffer: inout ByteBuffer) {
        let length = pollingPartLength(packet.payloadLength, isBinary: packet.isBinary)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
            packet.withPayload { writePollingPart($0, isBinary: packet.isBinary, into: target) }
            return length
        }
    }

    /// How many bytes one part of a polling payload has.
    /// - Parameter payloadLength: of the packet, its type digit included.
    package static func pollingPartLength(_ payloadLength: Int, isBinary: Bool) -> Int {
        isBinary ? 1 + Base64.encodedLength(payloadLength) : payloadLength
    }

    /// Writes one part into memory that has room for `pollingPartLength`.
    static func writePollingPart(
        _ payload: UnsafeRawBufferPointer, isBinary: Bool, into target: UnsafeMutableRawBufferPointer
    ) {
        guard isBinary else { return target.copyMemory(from: payload) }
        target[0] = UInt8(ascii: "b")
        Base64.encode(payload, into: UnsafeMutableRawBufferPointer(rebasing: target[1...]))
    }
}

extension EnginePacket {
    /// Whether this is the `2probe` that opens an upgrade (protocol 1.10).
    package var isProbePing: Bool {
        guard case .ping(let payload) = self, payload.readableBytes == 5 else { return false }
        return payload.readableBytesView.elementsEqual("probe".utf8)
    }
}
