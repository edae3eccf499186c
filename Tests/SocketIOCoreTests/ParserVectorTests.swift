// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

/// The parser against what socket.io-parser made of the same messages.
@Suite struct ParserVectorTests {
    /// What happens here instead, and where the specification says so.
    struct Deviation {
        let section: String
        let errors: [Int: PacketDecodingError]
        var packets: [String] = []
    }

    static let deviations: [String: Deviation] = [
        "empty": Deviation(section: "3.3-2: the first character must be a digit", errors: [0: .empty]),
        "type-only-event": Deviation(
            section: "3.3-6: no event without a name", errors: [0: .unexpectedPayload(.event)]),
        "event-id-no-data": Deviation(
            section: "3.3-6: no event without a name", errors: [0: .unexpectedPayload(.event)]),
        "event-nsp-no-comma": Deviation(
            section: "3.3-6: no event without a name", errors: [0: .unexpectedPayload(.event)]),
        "type-space": Deviation(section: "3.3-2: a space is no digit", errors: [0: .unknownType(0x20)]),
        "event-leading-space": Deviation(
            section: "3.1: white space is no ack id; it may stand in front of JSON", errors: [:],
            packets: ["/ - [\"a\"]"]),
        "event-bom": Deviation(section: "3.1: a byte order mark is no ack id and no JSON", errors: [0: .malformedJSON]),
        "event-id-overflow": Deviation(section: "3.3-5: ids up to 2^53 - 1", errors: [0: .ackIDTooLarge]),
        "bin-exp-count": Deviation(section: "3.1: attachments = 1*DIGIT", errors: [0: .malformedAttachmentCount]),
        "bin-hex-count": Deviation(section: "3.1: attachments = 1*DIGIT", errors: [0: .malformedAttachmentCount]),
        "bin-space-count": Deviation(section: "3.1: attachments = 1*DIGIT", errors: [0: .malformedAttachmentCount]),
        "bin-num-float": Deviation(section: "3.3-7: num is an integer", errors: [1: .invalidPlaceholder]),
        "bin-zero-then-text": Deviation(
            section: "3.3-8: the next message is fine", errors: [:], packets: ["/ - [\"a\"]", "/ - [\"b\"]"]),
        "event-big-number": Deviation(
            section: "3.2: integers of 64 bits stay exact here", errors: [:],
            packets: ["/ - [\"a\",9007199254740993,1e400,-1e400,0.1]"]),
    ]

    @Test(arguments: try PacketVector.load(kind: "sio-decode"))
    func readsWhatNodeReads(vector: PacketVector) throws {
        let inputs = try #require(vector.line["input"]?.array)
        var parser = DefaultParser()
        var packets: [SocketPacket] = []
        var failure: (index: Int, error: PacketDecodingError)?
        for (index, input) in inputs.enumerated() {
            do throws(PacketDecodingError) {
                if let packet = try parser.receive(input.message) { packets.append(packet) }
            } catch {
                failure = (index, error)
                break
            }
        }
        if let deviation = Self.deviations[vector.id] {
            #expect(deviation.errors.first?.key == failure?.index)
            #expect(deviation.errors.first?.value == failure?.error)
            #expect(packets.map(Self.describe) == deviation.packets)
            return
        }
        #expect(failure?.index == vector.line["error_at_input"]?.int)
        if let failure { #expect(Self.matches(failure.error, try #require(vector.line["error"]?.string))) }
        let expected = try #require(vector.line["decoded"]?.array)
        #expect(packets.count == expected.count)
        for (packet, value) in zip(packets, expected) { try Self.compare(packet, with: value) }
    }

    @Test func everyLineIsKnown() throws {
        let vectors = try PacketVector.load(kind: "sio-decode")
        #expect(vectors.count == 151)
        #expect(Set(Self.deviations.keys).subtracting(vectors.map(\.id)).isEmpty)
    }

    private static func compare(_ packet: SocketPacket, with expected: SocketValue) throws {
        #expect(packet.nsp == expected["nsp"]?.string)
        #expect(packet.id == expected["id"]?.int)
        let data = expected["data"]?.meant
        switch packet.body {
        case .connect(let text):
            #expect(expected["type"]?.int == 0)
            #expect(try text.map { try SocketValue(json: String(buffer: $0)) } == data)
        case .disconnect:
            #expect(expected["type"]?.int == 1)
            #expect(data == nil)
        case .event(let payload):
            #expect(expected["type"]?.int == 2)
            #expect(payload.values == data?.array)
        case .ack(let payload):
            #expect(expected["type"]?.int == 3)
            #expect(payload.values == data?.array ?? [])
        case .connectError(let text):
            #expect(expected["type"]?.int == 4)
            #expect(try text.map { try SocketValue(json: String(buffer: $0)) } == data)
        }
    }

    private static func matches(_ error: PacketDecodingError, _ text: String) -> Bool {
        switch error {
        case .empty, .unknownType: text.hasPrefix("unknown packet type")
        case .malformedAttachmentCount: text == "Illegal attachments"
        case .tooManyAttachments: text == "too many attachments"
        case .invalidPlaceholder: text == "illegal attachments"
        case .malformedJSON, .unexpectedPayload, .reservedEventName: text == "invalid payload"
        case .textWhileAttachmentsPending: text == "got plaintext data when reconstructing a packet"
        case .unexpectedBinary: text == "got binary data when not reconstructing a packet"
        case .namespaceTooLong, .ackIDTooLarge, .nestedTooDeep, .keyTooLong, .eventNameTooLong, .packetTooLarge,
            .attachmentsLate, .malformedMessagePack, .unexpectedText, .malformedNamespace:
            false
        }
    }

    private static func describe(_ packet: SocketPacket) -> String {
        let id = packet.id.map(String.init) ?? "-"
        guard case .event(let payload) = packet.body else { return "?" }
        let text = String(buffer: payload.text).drop { $0 == " " }
        return "\(packet.nsp) \(id) \(text)"
    }
}
