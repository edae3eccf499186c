// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// One Engine.IO packet ready to leave by either transport.
///
/// It holds the finished, unmasked WebSocket frame, made once however many clients receive it (protocol 1.9.1). The polling
/// part is derived from the same bytes: for text packets it is the frame without its header.
package struct OutboundPacket: Sendable, Equatable {
    /// The whole WebSocket frame: header, then payload.
    package let frame: ByteBuffer
    /// How many bytes of `frame` are the WebSocket header (2, 4 or 10).
    package let headerLength: Int
    /// Whether this is a binary message: a binary frame, and base64 with a leading `b` in a polling payload.
    package let isBinary: Bool

    /// A packet from a finished frame, whose header was written by `writeHeader`.
    package init(frame: ByteBuffer, headerLength: Int, isBinary: Bool) {
        self.frame = frame
        self.headerLength = headerLength
        self.isBinary = isBinary
    }

    /// A text packet: the type digit followed by `payload`, which must be valid UTF-8.
    package static func text(type: UInt8, payload: ByteBuffer = ByteBuffer()) -> OutboundPacket {
        var frame = ByteBuffer()
        let length = payload.readableBytes + 1
        frame.reserveCapacity(length + 10)
        let headerLength = Self.writeHeader(opcode: 0x1, payloadLength: length, into: &frame)
        frame.writeInteger(type)
        frame.writeImmutableBuffer(payload)
        return OutboundPacket(frame: frame, headerLength: headerLength, isBinary: false)
    }

    /// A text packet of at most `bound` bytes, which `write` writes, its type digit first; it returns how many there are.
    package static func text(
        upTo bound: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) -> OutboundPacket {
        let front = headerLength(payloadLength: bound)
        var frame = ByteBuffer()
        var headerLength = 0
        frame.writeWithUnsafeMutableBytes(minimumWritableBytes: front + bound) { output in
            let length = write(UnsafeMutableRawBufferPointer(rebasing: output[front..<front + bound]))
            headerLength = Self.headerLength(payloadLength: length)
            _ = writeHeader(
                opcode: 0x1, payloadLength: length,
                into: UnsafeMutableRawBufferPointer(rebasing: output[(front - headerLength)..<front]))
            return front + length
        }
        frame.moveReaderIndex(forwardBy: front - headerLength)
        return OutboundPacket(frame: frame, headerLength: headerLength, isBinary: false)
    }

    /// A binary message; `payload` is sent as it is.
    package static func binary(_ payload: ByteBuffer) -> OutboundPacket {
        var frame = ByteBuffer()
        frame.reserveCapacity(payload.readableBytes + 10)
        let headerLength = Self.writeHeader(opcode: 0x2, payloadLength: payload.readableBytes, into: &frame)
        frame.writeImmutableBuffer(payload)
        return OutboundPacket(frame: frame, headerLength: headerLength, isBinary: true)
    }

    /// A packet whose payload has been compressed for `permessage-deflate`: the first reserved bit of its frame is set
    /// (RFC 7692, section 6.1). For WebSockets only; ``payload`` is the compressed one.
    package static func compressed(_ payload: ByteBuffer, isBinary: Bool) -> OutboundPacket {
        var frame = ByteBuffer()
        frame.reserveCapacity(headerLength(payloadLength: payload.readableBytes) + payload.readableBytes)
        let headerLength = Self.writeHeader(
            opcode: FrameHeader.compressed | (isBinary ? FrameHeader.binary : FrameHeader.text),
            payloadLength: payload.readableBytes, into: &frame)
        frame.writeImmutableBuffer(payload)
        return OutboundPacket(frame: frame, headerLength: headerLength, isBinary: isBinary)
    }

    /// Whether this was made by ``compressed(_:isBinary:)``.
    package var isCompressed: Bool {
        (frame.getInteger(at: frame.readerIndex, as: UInt8.self) ?? 0) & FrameHeader.compressed != 0
    }

    /// A `message` packet with text or binary payload.
    package static func message(_ message: EngineMessage) -> OutboundPacket {
        switch message {
        case .text(let bytes): .text(type: UInt8(ascii: "4"), payload: bytes)
        case .binary(let bytes): .binary(bytes)
        }
    }

    package static let close = OutboundPacket.text(type: UInt8(ascii: "1"))
    package static let ping = OutboundPacket.text(type: UInt8(ascii: "2"))
    /// The answer to the ping of a client of revision 3.
    package static let pong = OutboundPacket.text(type: UInt8(ascii: "3"))
    package static let pongProbe = OutboundPacket.text(type: UInt8(ascii: "3"), payload: ByteBuffer(string: "probe"))
    package static let noop = OutboundPacket.text(type: UInt8(ascii: "6"))

    /// The WebSocket payload: type digit and text, or the raw binary.
    package var payload: ByteBufferView {
        let start = frame.readerIndex + headerLength
        return frame.viewBytes(at: start, length: frame.readableBytes - headerLength) ?? ByteBufferView()
    }

    /// The same, sharing the memory of the frame.
    package var payloadBuffer: ByteBuffer {
        let start = frame.readerIndex + headerLength
        return frame.getSlice(at: start, length: frame.readableBytes - headerLength) ?? ByteBuffer()
    }

    /// How many bytes the payload has.
    package var payloadLength: Int { frame.readableBytes - headerLength }

    /// Calls `body` with the payload.
    package func withPayload<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        frame.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[headerLength...])) }
    }

    /// The most bytes that `writeHeader` writes.
    package static let maximumHeaderLength = 10

    /// How many bytes `writeHeader` writes for a payload.
    package static func headerLength(payloadLength: Int) -> Int {
        payloadLength < 126 ? 2 : payloadLength <= 0xFFFF ? 4 : 10
    }

    /// Writes an unmasked, final server frame header (RFC 6455, 5.2) and returns its length.
    package static func writeHeader(opcode: UInt8, payloadLength: Int, into buffer: inout ByteBuffer) -> Int {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: headerLength(payloadLength: payloadLength)) { output in
            writeHeader(opcode: opcode, payloadLength: payloadLength, into: output)
        }
    }

    /// The same into plain memory, of which `headerLength(payloadLength:)` bytes are written. One access to a
    /// `ByteBuffer` costs as much as the whole header.
    package static func writeHeader(
        opcode: UInt8, payloadLength: Int, into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        output[0] = 0x80 | opcode
        if payloadLength < 126 {
            output[1] = UInt8(truncatingIfNeeded: payloadLength)
            return 2
        }
        if payloadLength <= 0xFFFF {
            output[1] = 126
            output.storeBytes(of: UInt16(payloadLength).bigEndian, toByteOffset: 2, as: UInt16.self)
            return 4
        }
        output[1] = 127
        output.storeBytes(of: UInt64(payloadLength).bigEndian, toByteOffset: 2, as: UInt64.self)
        return 10
    }
}

/// One application message: an Engine.IO packet and the binary attachments that must follow it without a gap
/// (protocol 3.2). It reaches a session whole or not at all.
package struct OutboundMessage: Sendable, Equatable {
    /// The first, usually the only packet.
    package var head: OutboundPacket
    /// Attachments, in order. Empty for text-only messages.
    package var attachments: [OutboundPacket]
    /// Whether the transport may compress it (protocol 4.10).
    package var compress: Bool
    /// Whether it may be dropped when a client reads slowly.
    package var isVolatile = false
    /// The namespace that it comes from, which may have its own policy for slow clients; 0 for none.
    package var origin: Int32 = 0
    /// A message with the same key that is still queued for the client is replaced by this one; nil replaces nothing.
    package var coalescingKey: CoalescingKey?

    package init(head: OutboundPacket, attachments: [OutboundPacket] = [], compress: Bool = true) {
        self.head = head
        self.attachments = attachments
        self.compress = compress
    }
}
