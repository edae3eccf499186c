// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import NIOCore

/// Turns the Engine.IO messages of one client into Socket.IO packets (protocol 3.3).
///
///     idle ── text with N > 0 attachments ──▶ collecting ── N-th binary message ──▶ idle, packet
///       └──── any other text ──▶ packet
///
/// Text while collecting and binary while idle are errors; a client with the MessagePack parser (protocol 3.11) is in a state of
/// its own, in which each binary message is a packet. After an error the parser is idle again, but the owner is
/// expected to close the session. What is held is bounded by `PacketLimits.maxPacketBytes`.
package struct DefaultParser: Sendable {
    private struct Collecting: Sendable {
        var nsp: String
        var id: Int?
        var isAck: Bool
        var payload: PacketPayload
        var attachments: [ByteBuffer] = []
        var expected: Int
        var byteCount: Int
    }

    /// Indirect, because few clients are ever in the middle of a packet and every one has a parser.
    private enum State: Sendable {
        case idle
        indirect case collecting(Collecting)
        /// The packets are MessagePack, for good.
        case packed
        /// Before the first message, when that decides.
        case undecided
    }

    private let limits: PacketLimits
    private var state = State.idle
    /// Clients of revision 3 name namespaces by URLs (protocol 2.5).
    private let isLegacy: Bool
    /// What such a client has given in place of `auth`, with the packet that is being read.
    private var legacyAuth: ByteBuffer?
    /// The namespace named last: a client that is not on `/` mostly repeats one, so no new string is made for it.
    private var lastNamespace = SocketPacket.mainNamespace

    package init(limits: PacketLimits = PacketLimits(), parser: PacketParser = .default, isLegacy: Bool = false) {
        self.limits = limits
        self.isLegacy = isLegacy
        switch parser {
        case .default: break
        case .msgpack: state = .packed
        case .auto: state = .undecided
        }
    }

    /// Whether the client's packets are MessagePack, in both directions.
    package var isPacked: Bool {
        if case .packed = state { true } else { false }
    }

    /// Whether attachments of a packet are outstanding.
    package var isCollecting: Bool {
        if case .collecting = state { true } else { false }
    }

    /// Whether attachments of a packet are outstanding, and none has arrived.
    package var hasBegunCollecting: Bool {
        if case .collecting(let packet) = state { packet.attachments.isEmpty } else { false }
    }

    /// Drops a half-received packet, as a disconnect does (protocol 3.3, rule 10).
    package mutating func reset() {
        if isCollecting { state = .idle }
    }

    /// Takes the next message. Returns nil while attachments are outstanding.
    package mutating func receive(_ message: consuming EngineMessage) throws(PacketDecodingError) -> SocketPacket? {
        switch consume message {
        case .text(let text):
            guard case .idle = state else {
                try textOutsideIdle()
                return try receive(text: text)
            }
            return try receive(text: text)
        case .binary(let bytes):
            return try receive(attachment: bytes)
        }
    }

    /// The first message decides; otherwise text is an error here.
    @inline(never)
    private mutating func textOutsideIdle() throws(PacketDecodingError) {
        switch state {
        case .idle: return
        case .undecided: state = .idle
        case .packed: throw .unexpectedText
        case .collecting:
            state = .idle
            throw .textWhileAttachmentsPending
        }
    }

    // Inlined, like `packet`, because what they return is moved at every step.
    @inline(__always)
    private mutating func receive(text: consuming ByteBuffer) throws(PacketDecodingError) -> SocketPacket? {
        let size = text.readableBytes
        guard size <= limits.maxPacketBytes else { throw .packetTooLarge(limit: limits.maxPacketBytes) }
        var parsed = ParsedText()
        try parse(text, into: &parsed)
        let header = parsed.header
        let nsp = if let range = header.namespace { try namespace(range, in: text) } else { SocketPacket.mainNamespace }
        // The text itself, not another name for it, which would count references.
        text.moveReaderIndex(forwardBy: header.dataOffset)
        guard header.dataOffset < size else { return try packetWithoutData(header, nsp: nsp, size: size) }
        switch header.type {
        case .connect:
            // A client of revision 3 has no such data.
            if isLegacy { return try packetWithoutData(header, nsp: nsp, size: size) }
            guard try leadingByte(ofJSON: text) == UInt8(ascii: "{") else { throw .unexpectedPayload(.connect) }
            return SocketPacket(nsp: nsp, id: header.id, body: .connect(text))
        case .disconnect:
            throw .unexpectedPayload(.disconnect)
        case .connectError:
            let lead = try leadingByte(ofJSON: text)
            guard lead == UInt8(ascii: "{") || lead == UInt8(ascii: "\"") else {
                throw .unexpectedPayload(.connectError)
            }
            return SocketPacket(nsp: nsp, id: header.id, body: .connectError(text))
        case .event, .binaryEvent, .ack, .binaryAck:
            let payload = PacketPayload(checked: text, elements: parsed.elements)
            return packet(payload, header: header, nsp: nsp, name: parsed.name, size: size)
        }
    }

    /// Delivers a packet with an array at once, or holds it until its attachments are there.
    @inline(__always)
    private mutating func packet(
        _ payload: consuming PacketPayload, header: PacketHeader, nsp: String, name: ShortName? = nil, size: Int
    ) -> SocketPacket? {
        let isAck = header.type == .ack || header.type == .binaryAck
        // Node.js leaves its reassembly armed after a packet that announces 0 attachments; nothing is owed here.
        guard header.attachments > 0 else {
            return SocketPacket(nsp: nsp, id: header.id, shortName: name, body: isAck ? .ack(payload) : .event(payload))
        }
        state = .collecting(
            Collecting(
                nsp: nsp, id: header.id, isAck: isAck, payload: payload, expected: header.attachments,
                byteCount: size))
        return nil
    }

    private mutating func receive(attachment: ByteBuffer) throws(PacketDecodingError) -> SocketPacket? {
        guard case .collecting(var packet) = state else { return try receive(packed: attachment) }
        // Emptied first, so that the array below is not shared and an error leaves nothing behind.
        state = .idle
        guard attachment.readableBytes <= limits.maxPacketBytes - packet.byteCount else {
            throw .packetTooLarge(limit: limits.maxPacketBytes)
        }
        packet.byteCount += attachment.readableBytes
        packet.attachments.append(attachment)
        if packet.attachments.count < packet.expected {
            state = .collecting(packet)
            return nil
        }
        let payload: PacketPayload
        do {
            payload = try packet.payload.attaching(packet.attachments, maximumBytes: limits.maxPacketBytes)
        } catch {
            throw PacketDecodingError(error, type: .binaryEvent, limits: limits)
        }
        return SocketPacket(nsp: packet.nsp, id: packet.id, body: packet.isAck ? .ack(payload) : .event(payload))
    }

    private mutating func receive(packed message: ByteBuffer) throws(PacketDecodingError) -> SocketPacket {
        switch state {
        case .undecided: state = .packed
        case .packed: break
        case .idle, .collecting: throw .unexpectedBinary
        }
        return try MessagePackParser.packet(message, limits: limits)
    }

    private mutating func packetWithoutData(
        _ header: PacketHeader, nsp: String, size: Int
    ) throws(PacketDecodingError) -> SocketPacket? {
        switch header.type {
        case .connect:
            return SocketPacket(nsp: nsp, id: header.id, body: .connect(exchange(&legacyAuth, with: nil)))
        case .disconnect:
            return SocketPacket(nsp: nsp, id: header.id, body: .disconnect)
        case .connectError:
            return SocketPacket(nsp: nsp, id: header.id, body: .connectError(nil))
        case .event, .binaryEvent:
            // Node.js passes on an event without a name, which reaches nobody.
            throw .unexpectedPayload(header.type)
        case .ack, .binaryAck:
            return packet(.empty, header: header, nsp: nsp, size: size)
        }
    }

    /// Looks at the bytes once for all that every packet needs: each access to a buffer has its price.
    private func parse(
        _ text: borrowing ByteBuffer, into parsed: inout ParsedText
    ) throws(PacketDecodingError) {
        // Not every NIO release lets typed errors through its closures.
        let failure = text.withUnsafeReadableBytes { bytes -> PacketDecodingError? in
            do throws(PacketDecodingError) {
                try parsed.read(bytes, limits: limits)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    private mutating func namespace(
        _ range: Range<Int>, in text: borrowing ByteBuffer
    ) throws(PacketDecodingError) -> String {
        if isLegacy { return try legacyNamespace(range, in: text) }
        let last = lastNamespace
        let name = text.withUnsafeReadableBytes { bytes in
            let slice = UnsafeRawBufferPointer(rebasing: bytes[range])
            return last.utf8.elementsEqual(slice) ? last : String(decoding: slice, as: UTF8.self)
        }
        lastNamespace = name
        return name
    }

    @inline(never)
    private mutating func legacyNamespace(
        _ range: Range<Int>, in text: borrowing ByteBuffer
    ) throws(PacketDecodingError) -> String {
        let namespace = text.withUnsafeReadableBytes { LegacyNamespace(UnsafeRawBufferPointer(rebasing: $0[range])) }
        guard let namespace else { throw .malformedNamespace }
        legacyAuth = namespace.auth
        return namespace.name
    }

    /// Checks a JSON text and returns its first byte that is not white space.
    private func leadingByte(ofJSON data: ByteBuffer) throws(PacketDecodingError) -> UInt8? {
        do {
            try JSONScanner.validate(
                data, maximumDepth: limits.maxDepth, maximumKeyLength: limits.maxKeyLength)
        } catch {
            throw PacketDecodingError(error, type: .connect, limits: limits)
        }
        return data.readableBytesView.first { $0 > UInt8(ascii: " ") }
    }
}
