// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import Testing

@Suite("Packets and payloads")
struct PacketTests {
    @Test func base64MatchesFoundationForEveryLength() {
        var rng = SeededGenerator(seed: 1)
        for count in 0..<200 {
            let bytes = rng.bytes(count)
            var text = ByteBuffer(string: "x")
            Base64.append(ByteBuffer(bytes: bytes).readableBytesView, to: &text)
            #expect(text.text == "x" + Data(bytes).base64EncodedString())
            #expect(text.readableBytes == 1 + Base64.encodedLength(count))
            text.moveReaderIndex(forwardBy: 1)
            #expect(Base64.decode(text).array == bytes)
        }
    }

    @Test(
        arguments: [
            ("", []), ("A", []), ("AQ", [1]), ("AQI", [1, 2]), ("AQID", [1, 2, 3]), ("AQIDBA==", [1, 2, 3, 4]),
            ("A Q\nI*D", [1, 2, 3]), ("-_-_", [0xFB, 0xFF, 0xBF]), ("+/+/", [0xFB, 0xFF, 0xBF]), ("=AQID", []),
            ("AQ==AQ==", [1]), ("\u{1}é", []),
        ] as [(String, [UInt8])])
    func base64IsReadAsNodeReadsIt(text: String, bytes: [UInt8]) {
        #expect(Base64.decode(ByteBuffer(string: text)).array == bytes)
    }

    @Test func packetLimitOfAPayload() throws {
        let body = ByteBuffer(string: Array(repeating: "2", count: 4).joined(separator: "\u{1E}"))
        var exact = PollingPayloadDecoder(body: body, maximumPackets: 4)
        for _ in 0..<4 { #expect(try exact.next() == .ping(ByteBuffer())) }
        #expect(try exact.next() == nil)

        var over = PollingPayloadDecoder(body: body, maximumPackets: 3)
        for _ in 0..<3 { #expect(try over.next() != nil) }
        #expect(throws: EnginePacketError.tooManyPackets(limit: 3)) { try over.next() }
        #expect(try over.next() == nil)
    }

    @Test func badUTF8StopsAPayloadAfterThePacketsBeforeIt() throws {
        var decoder = PollingPayloadDecoder(
            body: ByteBuffer(bytes: Array("4a\u{1E}4".utf8) + [0xFF, 0x1E] + Array("4b".utf8)), maximumPackets: 9)
        #expect(try decoder.next() == .message(.text(ByteBuffer(string: "a"))))
        #expect(throws: EnginePacketError.invalidUTF8) { try decoder.next() }
        #expect(try decoder.next() == nil)
    }

    @Test func separatorsOnlyIsOneError() {
        var decoder = PollingPayloadDecoder(
            body: ByteBuffer(bytes: [UInt8](repeating: 0x1E, count: 10_000)), maximumPackets: 1024)
        #expect(throws: EnginePacketError.emptyPacket) { try decoder.next() }
    }

    @Test func payloadRoundTrip() throws {
        var rng = SeededGenerator(seed: 2)
        for _ in 0..<200 {
            let messages = (0..<Int.random(in: 1...6, using: &rng)).map { _ in
                let bytes = rng.bytes(Int.random(in: 0...40, using: &rng))
                return Bool.random(using: &rng)
                    ? EngineMessage.binary(ByteBuffer(bytes: bytes))
                    : .text(ByteBuffer(string: bytes.map { String(Character(Unicode.Scalar($0 | 0x20))) }.joined()))
            }
            let body = PollingPayloadEncoder.encode(messages.map { OutboundPacket.message($0) })
            var decoder = PollingPayloadDecoder(body: body, maximumPackets: 6)
            for message in messages { #expect(try decoder.next() == .message(message)) }
            #expect(try decoder.next() == nil)
        }
        #expect(PollingPayloadEncoder.encode([OutboundPacket]()).readableBytes == 0)
    }

    @Test func probes() throws {
        func decode(_ text: String) throws -> EnginePacket {
            try EnginePacketCodec.decodeText(ByteBuffer(string: text))
        }
        #expect(try decode("2probe").isProbePing)
        #expect(try !decode("2").isProbePing)
        #expect(try !decode("2probes").isProbePing)
        #expect(try !decode("3probe").isProbePing)
    }

    /// What the types of the packets of a payload are, up to the first that is none: nil. Written down anew, by the protocol.
    private static func types(ofPayload bytes: [UInt8], maximum: Int) -> [UInt8?] {
        var types: [UInt8?] = []
        for part in bytes.split(separator: 0x1E, omittingEmptySubsequences: false) {
            guard types.count < maximum, String(validating: part, as: UTF8.self) != nil, let type = part.first,
                "0123456b".utf8.contains(type)
            else { return types + [nil] }
            types.append(type)
        }
        return types
    }

    private static func type(of packet: EnginePacket) -> UInt8 {
        switch packet {
        case .open: UInt8(ascii: "0")
        case .close: UInt8(ascii: "1")
        case .ping: UInt8(ascii: "2")
        case .pong: UInt8(ascii: "3")
        case .message(.text): UInt8(ascii: "4")
        case .upgrade: UInt8(ascii: "5")
        case .noop: UInt8(ascii: "6")
        case .message(.binary): UInt8(ascii: "b")
        }
    }

    @Test func garbageIsReadUpToTheFirstError() {
        var rng = SeededGenerator(seed: 3)
        var (packets, errors) = (0, 0)
        for _ in 0..<5_000 {
            var bytes = rng.bytes(Int.random(in: 1...30, using: &rng))
            if Bool.random(using: &rng) { bytes = bytes.map { [0x1E, 0x34, 0x62, $0][Int($0 & 3)] } }
            if Int.random(in: 0..<4, using: &rng) == 0 {
                bytes = bytes.map { "0123456b\u{1E}".utf8.randomElement(using: &rng) ?? $0 }
            }
            var decoder = PollingPayloadDecoder(body: ByteBuffer(bytes: bytes), maximumPackets: 8)
            var types: [UInt8?] = []
            do {
                while let packet = try decoder.next() { types.append(Self.type(of: packet)) }
            } catch {
                types.append(nil)
            }
            #expect(types == Self.types(ofPayload: bytes, maximum: 8), "\(bytes)")
            packets += types.count { $0 != nil }
            errors += types.count { $0 == nil }
        }
        // Both have been seen.
        #expect(packets > 2_000 && errors > 2_000, "\(packets), \(errors)")
    }

    @Test func errorsSayWhatHappened() {
        #expect(EnginePacketError.emptyPacket.description == "empty packet")
        #expect(EnginePacketError.unknownType(55).description == "packet type byte 55, expected 0-6 or b")
        #expect(
            EnginePacketError.tooManyPackets(limit: 4).description
                == "more than 4 packets in one payload (maxPacketsPerPayload)")
    }
}
