// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

extension FuzzTarget {
    /// The messages of a client, with the byte FF between them, which is in no text; binary ones begin with a NUL.
    static let packet = FuzzTarget(name: "packet", maximumLength: 4096) { input in
        let limits = PacketLimits(
            maxAttachments: 4, maxPacketBytes: 3000, maxDepth: 24, maxNamespaceLength: 40, maxKeyLength: 100,
            maxEventNameLength: 60)
        var parser = DefaultParser(limits: limits)
        var machine = ClientStateMachine()
        for part in input.bytes.split(separator: 0xFF, omittingEmptySubsequences: false) {
            let packet: SocketPacket?
            do {
                packet = try parser.receive(message(part))
            } catch {
                // A session would be closed now; this one begins anew.
                try require(!parser.isCollecting, "attachments are awaited after an error")
                machine = ClientStateMachine()
                continue
            }
            guard let packet else { continue }
            try PacketCheck(packet: packet, limits: limits).run()
            feed(packet, to: &machine)
        }
    }

    private static func message(_ part: ArraySlice<UInt8>) -> EngineMessage {
        if part.first == 0 { return .binary(FuzzInput.buffer(part.dropFirst())) }
        let bytes = FuzzInput.buffer(part)
        return UTF8Validator.isValid(bytes) ? .text(bytes) : .binary(bytes)
    }

    private static func feed(_ packet: SocketPacket, to machine: inout ClientStateMachine) {
        switch machine.received(packet) {
        case .connect(let slot, _, _): _ = machine.connected(slot: slot)
        case .disconnect(let slot): _ = machine.left(slot: slot)
        default: break
        }
    }
}

/// What holds for every packet that comes out of a parser.
struct PacketCheck {
    let packet: SocketPacket
    let limits: PacketLimits
    /// The longest text with its attachments, in bytes; longer than a packet may be where the text is made of MessagePack.
    var maximumBytes: Int?

    func run() throws {
        try require(packet.nsp.utf8.count <= limits.maxNamespaceLength, "a namespace of \(packet.nsp.utf8.count) bytes")
        try require(packet.nsp.utf8.first == UInt8(ascii: "/"), "the namespace is \(packet.nsp)")
        try require(packet.id.map { 0...PacketLimits.maxAckID ~= $0 } ?? true, "the id is \(packet.id ?? 0)")
        switch packet.body {
        case .connect(let auth):
            if let auth { _ = try value(auth) }
            let expected = SocketPacket(nsp: packet.nsp, body: packet.body)
            try readAgain(DefaultEncoder.connect(nsp: packet.nsp, auth: auth), as: expected)
        case .disconnect:
            let expected = SocketPacket(nsp: packet.nsp, body: .disconnect)
            try readAgain(DefaultEncoder.disconnect(nsp: packet.nsp), as: expected)
        case .connectError(let data):
            if let data { _ = try value(data) }
        case .event(let payload):
            try check(payload)
            try checkName(payload)
            try readAgain(
                DefaultEncoder.event(
                    nsp: packet.nsp, id: packet.id, json: payload.text, attachments: payload.attachments), as: packet)
        case .ack(let payload):
            try check(payload)
            guard let id = packet.id else { return }
            try readAgain(
                DefaultEncoder.ack(nsp: packet.nsp, id: id, json: payload.text, attachments: payload.attachments),
                as: packet)
        }
    }

    private func value(_ json: ByteBuffer) throws -> SocketValue {
        do {
            return try RawJSON(json).value
        } catch {
            throw FuzzFinding("a packet holds what is no JSON: \(String(buffer: json))")
        }
    }

    private func checkName(_ payload: PacketPayload) throws {
        guard let name = payload.eventName else { throw FuzzFinding("an event has no name") }
        try require(name.utf8.count <= 400, "an event name of \(name.utf8.count) bytes")
        try require(!EventName.isReserved(name), "the event '\(name)' is reserved")
        if let short = packet.shortName {
            try require(short == ShortName(name), "the short name is not '\(name)'")
        }
        payload.withPlainName { bytes in _ = bytes.count }
    }

    private func check(_ payload: PacketPayload) throws {
        try require(
            payload.byteCount <= maximumBytes ?? limits.maxPacketBytes, "a packet of \(payload.byteCount) bytes")
        try require(payload.attachments.count <= limits.maxAttachments, "\(payload.attachments.count) attachments")
        var writer = ArgumentWriter()
        for index in 0..<payload.count {
            guard let slice = payload.slice(at: index) else { throw FuzzFinding("there is no element \(index)") }
            _ = try value(slice)
            let raw = RawJSON(validated: slice, attachments: payload.attachments)
            Decoding.tryEverything(raw)
            try checkShortWays(payload, at: index, raw)
            try writer.append(payload, at: index)
        }
        try checkTail(payload)
        _ = payload.value(at: payload.count)
        // Relayed, an argument keeps its meaning, however its attachments are numbered then.
        let relayed = try PacketPayload(writer.finish())
        for index in 0..<payload.count {
            try require(
                Decoding.areSame(relayed.value(at: index), payload.value(at: index)),
                "relayed, argument \(index) of \(String(buffer: payload.text)) is another one")
        }
    }

    /// Some types are decoded without looking at the argument's structure. The result is the one of the general way.
    private func checkShortWays(_ payload: PacketPayload, at index: Int, _ raw: RawJSON) throws {
        let text = String(buffer: raw.text)
        let integer = try? payload.decode(Int.self, at: index)
        try require(integer == (try? raw.decode(Int.self)), "\(text) is the integer \(integer as Any)")
        let double = try? payload.decode(Double.self, at: index)
        try require(double == (try? raw.decode(Double.self)), "\(text) is the number \(double as Any)")
        let string = try? payload.decode(String.self, at: index)
        let expected = try? raw.decode(String.self)
        try require(
            string.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(text) is the text \(string as Any)")
        try require(try payload.decode(RawJSON.self, at: index).text == raw.text, "\(text) is passed on as another one")
        _ = try? payload.decode(Int.self, at: payload.count)
    }

    /// The arguments without the event name, cut out of the text.
    private func checkTail(_ payload: PacketPayload) throws {
        guard let tail = payload.tail(from: 1, headroom: 7) else { return }
        let rest = try PacketPayload(text: tail)
        try require(rest.count == max(0, payload.count - 1), "\(rest.count) arguments of \(payload.count) elements")
        for index in 0..<rest.count {
            try require(rest.slice(at: index) == payload.slice(at: index + 1), "argument \(index) is another one")
        }
        var inner: [UInt8] = []
        try require(payload.withTail(from: 1) { inner = Array($0) }, "the arguments are there once and once not")
        try require(
            inner.elementsEqual(tail.readableBytesView.dropFirst().dropLast()), "the arguments have other bytes")
    }

    /// What our own encoder makes of it must be the same packet for our own parser.
    private func readAgain(_ message: OutboundMessage, as expected: SocketPacket) throws {
        var parser = DefaultParser(limits: limits)
        var text = ByteBuffer(message.head.payload)
        text.moveReaderIndex(forwardBy: 1)
        // A binary packet has one byte or two more, its number of attachments.
        let size = message.attachments.reduce(text.readableBytes) { $0 + $1.payloadLength }
        guard size <= limits.maxPacketBytes else { return }
        do {
            var again = try parser.receive(.text(text))
            for attachment in message.attachments {
                try require(again == nil, "the packet is complete before its attachments")
                again = try parser.receive(.binary(ByteBuffer(attachment.payload)))
            }
            // The short name is known for packets that come whole.
            again?.shortName = expected.shortName
            try require(again == expected, "written and read again: \(again as Any) instead of \(expected)")
        } catch let error as PacketDecodingError {
            throw FuzzFinding("\(String(buffer: text)) was written for \(expected), and is refused: \(error)")
        }
    }
}
