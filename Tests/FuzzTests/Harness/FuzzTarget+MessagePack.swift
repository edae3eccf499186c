// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

extension FuzzTarget {
    /// MessagePack: skipping, the way to JSON, and back.
    static let messagePack = FuzzTarget(name: "messagepack", maximumLength: 4096) { input in
        var limits = MessagePackLimits()
        limits.maximumDepth = 24
        limits.maximumAttachments = 8
        limits.maximumTextLength = 20_000
        var skipping = MessagePackReader(input.buffer)
        let skipped = try? skipping.skip()
        var reader = MessagePackReader(input.buffer)
        guard let arguments = try? MessagePackJSON.read(&reader, limits: limits) else { return }
        try require(skipped == 0..<reader.offset, "skipping ends at \(skipping.offset), reading at \(reader.offset)")
        try require(reader.offset <= input.bytes.count, "more was read than there is")
        try MessagePackCheck.check(arguments, limits: limits, size: input.bytes.count)
    }
}

extension FuzzTarget {
    /// One packet of a client with the MessagePack parser.
    static let messagePackPacket = FuzzTarget(name: "messagepack-packet", maximumLength: 4096) { input in
        let limits = PacketLimits(
            maxAttachments: 4, maxPacketBytes: 3000, maxDepth: 24, maxNamespaceLength: 40, maxKeyLength: 100,
            maxEventNameLength: 60)
        var parser = DefaultParser(limits: limits, parser: .msgpack)
        guard let packet = try? parser.receive(.binary(input.buffer)) else { return }
        // A control character of one byte is six in JSON.
        try PacketCheck(packet: packet, limits: limits, maximumBytes: 8 * input.bytes.count + 64).run()
        guard let message = message(packet), let packed = MessagePackEncoder.message(message) else { return }
        let bytes = packed.head.payloadBuffer
        guard bytes.readableBytes <= limits.maxPacketBytes else { return }
        do {
            var again = try parser.receive(.binary(bytes))
            again?.shortName = packet.shortName
            try require(again == packet, "written and read again: \(again as Any) instead of \(packet)")
        } catch let error as PacketDecodingError {
            throw FuzzFinding("\(Array(bytes.readableBytesView)) was written for \(packet), and is refused: \(error)")
        }
    }

    /// The packet as the server would write it; nil for one that clients only send, or whose placeholders are the sender's own.
    private static func message(_ packet: SocketPacket) -> OutboundMessage? {
        switch packet.body {
        case .event(let payload):
            guard !MessagePackCheck.hasLookalikes(payload.text, payload.attachments.count) else { return nil }
            return DefaultEncoder.event(
                nsp: packet.nsp, id: packet.id, json: payload.text, attachments: payload.attachments)
        case .ack(let payload):
            guard let id = packet.id, !MessagePackCheck.hasLookalikes(payload.text, payload.attachments.count) else {
                return nil
            }
            return DefaultEncoder.ack(nsp: packet.nsp, id: id, json: payload.text, attachments: payload.attachments)
        case .connect, .connectError, .disconnect: return nil
        }
    }
}

enum MessagePackCheck {
    /// What holds for everything that came out of MessagePack, or is written to it.
    ///
    /// - Parameter isJSON: The text is a peer's JSON, in which a number may have any form.
    static func check(
        _ arguments: EncodedArguments, limits: MessagePackLimits, size: Int, isJSON: Bool = false
    ) throws {
        let count = arguments.attachments.count
        try require(count <= limits.maximumAttachments, "\(count) attachments")
        // The last text may be as long as the input, six bytes for each of its own.
        let length = arguments.json.readableBytes
        try require(length <= limits.maximumTextLength + 6 * size + 64, "\(length) bytes of JSON from \(size)")
        let value: SocketValue
        do {
            value = try RawJSON(arguments.json).value
        } catch {
            throw FuzzFinding("MessagePack has become what is no JSON: \(String(buffer: arguments.json))")
        }
        try require(Decoding.depth(value) <= limits.maximumDepth + 2, "\(Decoding.depth(value)) levels")
        guard !hasLookalikes(arguments) else { return }
        let again = try throughMessagePack(arguments, limits: limits)
        try require(
            areSame(again, arguments, isJSON: isJSON),
            "written and read again: \(String(buffer: again.json)) instead of \(String(buffer: arguments.json))")
    }

    /// Whether two lists of arguments have the same attachments and the same text, or, when one is a peer's JSON, the same values.
    static func areSame(_ one: EncodedArguments, _ other: EncodedArguments, isJSON: Bool) -> Bool {
        guard one.attachments == other.attachments else { return false }
        if one.json == other.json { return true }
        guard isJSON, let left = try? RawJSON(one.json).value, let right = try? RawJSON(other.json).value else {
            return false
        }
        return Decoding.areSame(left, right)
    }

    /// Whether objects of the sender look like the placeholders of attachments. There is no telling them apart, in Node
    /// neither.
    static func hasLookalikes(_ arguments: EncodedArguments) -> Bool {
        hasLookalikes(arguments.json, arguments.attachments.count)
    }

    /// The same for the parts of one.
    static func hasLookalikes(_ json: ByteBuffer, _ attachments: Int) -> Bool {
        String(buffer: json).split(separator: "_placeholder", omittingEmptySubsequences: false).count - 1 != attachments
    }

    private static func throughMessagePack(
        _ arguments: EncodedArguments, limits: MessagePackLimits
    ) throws -> EncodedArguments {
        var writer = MessagePackWriter()
        try writer.write(json: arguments.json, attachments: arguments.attachments)
        var reader = MessagePackReader(writer.finish())
        let again = try MessagePackJSON.read(&reader, limits: limits)
        try reader.finish()
        return again
    }
}
