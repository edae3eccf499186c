// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Turns the messages of a client with the MessagePack parser into Socket.IO packets (protocol 3.11): each binary message is one
/// packet, a map of `type`, `nsp`, `data` and `id` in any order. Other members are passed over.
///
/// The data becomes JSON text with attachments, which is what a packet of the default parser has; so everything behind the
/// parser is the same for both kinds of clients.
enum MessagePackParser {
    /// The members of a packet: where each value begins.
    private struct Members {
        var type: Int64?
        var nsp: Range<Int>?
        var id: Int64?
        /// Where `data` begins; nil when it is missing or nil.
        var data: Int?
    }

    static func packet(_ message: ByteBuffer, limits: PacketLimits) throws(PacketDecodingError) -> SocketPacket {
        guard message.readableBytes <= limits.maxPacketBytes else {
            throw .packetTooLarge(limit: limits.maxPacketBytes)
        }
        var reader = MessagePackReader(message)
        let members = try Self.members(&reader)
        guard let number = members.type, let nsp = members.nsp else { throw .malformedMessagePack }
        guard let type = UInt8(exactly: number).flatMap(SocketPacketType.init), !type.hasAttachments else {
            throw .unknownType(UInt8(truncatingIfNeeded: number))
        }
        guard nsp.count <= limits.maxNamespaceLength else {
            throw .namespaceTooLong(limit: limits.maxNamespaceLength)
        }
        // The other clients of a namespace, and other servers, get its name in a text, where it begins with a slash and
        // ends at a comma.
        guard reader.bytes(nsp).first == UInt8(ascii: "/"), !reader.bytes(nsp).contains(UInt8(ascii: ",")) else {
            throw .malformedNamespace
        }
        var id: Int?
        if let number = members.id {
            guard number >= 0 else { throw .malformedMessagePack }
            guard number <= PacketLimits.maxAckID else { throw .ackIDTooLarge }
            id = Int(number)
        }
        let body = try body(type, &reader, members.data, limits)
        let name = reader.equals(nsp, "/") ? SocketPacket.mainNamespace : reader.string(nsp)
        return SocketPacket(nsp: name, id: id, body: body)
    }

    private static func members(_ reader: inout MessagePackReader) throws(PacketDecodingError) -> Members {
        var members = Members()
        do throws(MessagePackError) {
            for _ in 0..<(try reader.mapHead()) {
                let key = try reader.text()
                let start = reader.offset
                let value = try reader.next()
                switch value {
                case .integer(let number) where reader.equals(key, "type"): members.type = number
                case .string(let range) where reader.equals(key, "nsp"): members.nsp = range
                case .integer(let number) where reader.equals(key, "id"): members.id = number
                case .null, .undefined:
                    // The stock client writes undefined for what is missing, python-socketio nil.
                    if reader.equals(key, "type") || reader.equals(key, "nsp") { throw .unexpectedType(at: start) }
                default:
                    guard !isKnown(key, reader) else { throw .unexpectedType(at: start) }
                    if reader.equals(key, "data") { members.data = start }
                    reader.move(to: start)
                    try reader.skip()
                }
            }
            try reader.finish()
        } catch {
            throw .malformedMessagePack
        }
        return members
    }

    /// Whether a member has to be of a certain type.
    private static func isKnown(_ key: Range<Int>, _ reader: MessagePackReader) -> Bool {
        reader.equals(key, "type") || reader.equals(key, "nsp") || reader.equals(key, "id")
    }

    // MARK: Data

    private static func body(
        _ type: SocketPacketType, _ reader: inout MessagePackReader, _ data: Int?, _ limits: PacketLimits
    ) throws(PacketDecodingError) -> SocketPacket.Body {
        guard let data else {
            switch type {
            case .connect: return .connect(nil)
            case .disconnect: return .disconnect
            default: throw .unexpectedPayload(type)
            }
        }
        reader.move(to: data)
        let json = try Self.json(type, &reader, limits)
        let lead = json.json.readableBytesView.first
        switch type {
        case .connect:
            // The text of `auth` has no place for attachments.
            guard lead == UInt8(ascii: "{"), json.attachments.isEmpty else { throw .unexpectedPayload(type) }
            try check(json.json, type, limits)
            return .connect(json.json)
        case .connectError:
            guard lead == UInt8(ascii: "{") || lead == UInt8(ascii: "\"") else { throw .unexpectedPayload(type) }
            return .connectError(json.json)
        case .disconnect: throw .unexpectedPayload(type)
        case .event, .binaryEvent: return .event(try payload(json, .event, limits))
        case .ack, .binaryAck: return .ack(try payload(json, .ack, limits))
        }
    }

    /// JSON is at most so many times as long as the MessagePack that it was made of, apart from attachments.
    private static let growth = 8

    private static func json(
        _ type: SocketPacketType, _ reader: inout MessagePackReader, _ limits: PacketLimits
    ) throws(PacketDecodingError) -> EncodedArguments {
        var bounds = MessagePackLimits()
        bounds.maximumDepth = limits.maxDepth
        bounds.maximumAttachments = limits.maxAttachments
        bounds.maximumTextLength = min(limits.maxPacketBytes, .max / growth) * growth
        do {
            return try MessagePackJSON.read(&reader, limits: bounds)
        } catch {
            switch error {
            case .tooDeep: throw .nestedTooDeep(limit: limits.maxDepth)
            case .tooManyAttachments: throw .tooManyAttachments(limit: limits.maxAttachments)
            case .tooLong: throw .packetTooLarge(limit: limits.maxPacketBytes)
            default: throw .malformedMessagePack
            }
        }
    }

    private static func payload(
        _ data: EncodedArguments, _ type: SocketPacketType, _ limits: PacketLimits
    ) throws(PacketDecodingError) -> PacketPayload {
        do {
            let text = data.json
            let elements = try JSONScanner.splitArray(
                text, maximumDepth: limits.maxDepth, maximumKeyLength: limits.maxKeyLength)
            if type == .event {
                let failure = text.withUnsafeReadableBytes { bytes -> PacketDecodingError? in
                    do throws(PacketDecodingError) {
                        _ = try EventName.check(bytes, elements, type: .event, limits: limits)
                        return nil
                    } catch {
                        return error
                    }
                }
                if let failure { throw failure }
            }
            // The text may be longer than the packet was, so only what its placeholders stand for is bounded.
            let most = text.readableBytes + min(limits.maxPacketBytes, .max - text.readableBytes)
            return try PacketPayload(checked: text, elements: elements).attaching(
                data.attachments, maximumBytes: most)
        } catch let error as JSONError {
            throw PacketDecodingError(error, type: type, limits: limits)
        } catch let error as PacketDecodingError {
            throw error
        } catch {
            throw .malformedMessagePack
        }
    }

    private static func check(
        _ text: ByteBuffer, _ type: SocketPacketType, _ limits: PacketLimits
    ) throws(PacketDecodingError) {
        do {
            try JSONScanner.validate(text, maximumDepth: limits.maxDepth, maximumKeyLength: limits.maxKeyLength)
        } catch {
            throw PacketDecodingError(error, type: type, limits: limits)
        }
    }
}
