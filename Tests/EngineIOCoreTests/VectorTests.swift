// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import Testing

/// The recorded encoders and decoders of engine.io-parser (v4).
///
/// The one difference of notation: where JavaScript has no `data`, our payload is empty.
@Suite("engine.io-parser vectors")
struct VectorTests {
    private struct UnusableLine: Error {
        var line: String
    }

    private static func lines() throws -> [String] {
        let url = try #require(
            Bundle.module.url(forResource: "engineio-packets", withExtension: "jsonl", subdirectory: "Vectors"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test func everyLine() throws {
        var used: [String: Int] = [:]
        for line in try Self.lines() {
            let json = try JSONSerialization.jsonObject(with: Data(line.utf8))
            guard let object = json as? [String: Any], let kind = object["kind"] as? String else {
                throw UnusableLine(line: line)
            }
            switch kind {
            case "eio4-encode-packet": try Self.encodePacket(object, line)
            case "eio4-decode-packet": try Self.decodePacket(object, line)
            case "eio4-encode-payload": try Self.encodePayload(object, line)
            case "eio4-decode-payload": try Self.decodePayload(object, line)
            default: throw UnusableLine(line: line)
            }
            used[kind, default: 0] += 1
        }
        #expect(
            used == [
                "eio4-encode-packet": 32, "eio4-decode-packet": 24, "eio4-encode-payload": 5,
                "eio4-decode-payload": 16,
            ])
    }

    private static func encodePacket(_ object: [String: Any], _ line: String) throws {
        let packet = try outbound(object["packet"], line)
        if let binary = bytes(object["encoded"]) {
            #expect(packet.isBinary && Array(packet.payload) == binary, "\(line)")
            return
        }
        var part = ByteBuffer()
        EnginePacketCodec.appendPollingPart(packet, to: &part)
        #expect(part.text == object["encoded"] as? String, "\(line)")
        let length = EnginePacketCodec.pollingPartLength(packet.payloadLength, isBinary: packet.isBinary)
        #expect(part.readableBytes == length, "\(line)")
        if !packet.isBinary { #expect(Array(packet.payload) == part.array, "\(line)") }
    }

    private static func decodePacket(_ object: [String: Any], _ line: String) throws {
        if let binary = bytes(object["input"]) {
            // A binary WebSocket message is the message itself, there is nothing to decode.
            #expect(try expected(object["decoded"], line) == .message(.binary(ByteBuffer(bytes: binary))), "\(line)")
            return
        }
        let input = try #require(object["input"] as? String)
        let decoded = try? EnginePacketCodec.decodeText(ByteBuffer(string: input))
        #expect(try decoded == expected(object["decoded"], line), "\(line)")
    }

    private static func encodePayload(_ object: [String: Any], _ line: String) throws {
        let packets = try #require(object["packets"] as? [Any]).map { try outbound($0, line) }
        let body = PollingPayloadEncoder.encode(packets)
        #expect(body.text == object["encoded"] as? String, "\(line)")
    }

    private static func decodePayload(_ object: [String: Any], _ line: String) throws {
        let input = try #require(object["input"] as? String)
        var decoder = PollingPayloadDecoder(body: ByteBuffer(string: input), maximumPackets: 10)
        var packets: [EnginePacket?] = []
        do {
            while let packet = try decoder.next() { packets.append(packet) }
        } catch {
            packets.append(nil)
        }
        let decoded = try #require(object["decoded"] as? [Any]).map { try expected($0, line) }
        #expect(packets == decoded, "\(line)")
        #expect(try decoder.next() == nil)
    }

    // MARK: - Notation

    private static func bytes(_ value: Any?) -> [UInt8]? {
        guard let object = value as? [String: Any],
            let text = (object["$bin"] ?? object["$arraybuffer"]) as? String,
            let data = Data(base64Encoded: text)
        else { return nil }
        return Array(data)
    }

    private static func outbound(_ value: Any?, _ line: String) throws -> OutboundPacket {
        guard let packet = value as? [String: Any], let name = packet["type"] as? String,
            let type = ["open", "close", "ping", "pong", "message", "upgrade", "noop"].firstIndex(of: name)
        else { throw UnusableLine(line: line) }
        if let binary = bytes(packet["data"]) { return .binary(ByteBuffer(bytes: binary)) }
        return .text(
            type: UInt8(ascii: "0") + UInt8(type), payload: ByteBuffer(string: packet["data"] as? String ?? ""))
    }

    /// The packet, or nil for the parser's error packet.
    private static func expected(_ value: Any?, _ line: String) throws -> EnginePacket? {
        guard let packet = value as? [String: Any], let type = packet["type"] as? String else {
            throw UnusableLine(line: line)
        }
        if let binary = bytes(packet["data"]) { return .message(.binary(ByteBuffer(bytes: binary))) }
        let payload = ByteBuffer(string: packet["data"] as? String ?? "")
        switch type {
        case "open": return .open(payload)
        case "close": return .close
        case "ping": return .ping(payload)
        case "pong": return .pong(payload)
        case "message": return .message(.text(payload))
        case "upgrade": return .upgrade
        case "noop": return .noop
        case "error": return nil
        default: throw UnusableLine(line: line)
        }
    }
}
