// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import ProcessTesting
import Testing

/// Payloads of revision 3 against what engine.io-parser's decoder and encoder for it did, and script polling.
@Suite("Revision 3")
struct Revision3Tests {
    private static func objects(_ name: String) throws -> [[String: Any]] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "jsonl", subdirectory: "Vectors"))
        // Half a pair of surrogates, in four of the lines, cannot be read.
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    /// A packet as the tests compare it: its type, and its data as text or as a list of bytes.
    private static func describe(_ packet: EnginePacket) -> String {
        switch packet {
        case .open(let data): "open \(String(buffer: data))"
        case .close: "close "
        case .ping(let data): "ping \(String(buffer: data))"
        case .pong(let data): "pong \(String(buffer: data))"
        case .message(.text(let text)): "message \(String(buffer: text))"
        case .message(.binary(let bytes)): "message \(Array(bytes.readableBytesView))"
        case .upgrade: "upgrade "
        case .noop: "noop "
        }
    }

    private static func describe(recorded packet: [String: Any]) -> String {
        let type = packet["type"] as? String ?? "no type"
        if type == "error" { return "error" }
        if let bytes = bytes(packet["data"]) { return "\(type) \(bytes)" }
        return "\(type) \(packet["data"] as? String ?? "")"
    }

    private static func bytes(_ value: Any?) -> [UInt8]? {
        ((value as? [String: Any])?["$bin"] as? String).flatMap { Data(base64Encoded: $0) }.map(Array.init)
    }

    private func decode(_ body: [UInt8], _ format: PollingFormat, most: Int = 10) -> [String] {
        var decoder = PollingPayloadDecoder(body: ByteBuffer(bytes: body), maximumPackets: most, format: format)
        var found: [String] = []
        do {
            while let packet = try decoder.next() { found.append(Self.describe(packet)) }
        } catch {
            found.append("error")
            #expect(!decoder.hasMore)
        }
        return found
    }

    @Test func decodesRecordedPayloads() throws {
        // Node cuts a character in two, and takes every number of JavaScript; here these are errors.
        let different = ["1.0:2": ["error"]]
        #expect(decode(Array("2:4😀".utf8), .measuredText) == ["error"])
        var count = 0
        for line in try Self.objects("engineio3-payloads") where line["kind"] as? String == "eio3-decode-payload" {
            let recorded = try #require(line["decoded"] as? [[String: Any]]).map(Self.describe(recorded:))
            let text = line["input"] as? String
            let input = try #require(text.map { Array($0.utf8) } ?? Self.bytes(line["input"]))
            let found = decode(input, text == nil ? .measuredBinary : .measuredText)
            if let expected = text.flatMap({ different[$0] }) {
                #expect(found == expected)
            } else if text == nil, [[0, 9, 0xFF, 0x34], [0, 4, 0xFF, 0x34, 0xC3, 0xA9]].contains(input) {
                // A length beyond the end.
                #expect(found == ["error"])
            } else {
                #expect(found == recorded, "\(line)")
            }
            count += 1
        }
        #expect(count >= 32)
    }

    @Test func decodesRecordedBinaryPayloads() throws {
        let stricter: Set<String> = [
            "kind 2 = binary", "kind 255 = binary", "length larger than the rest", "length larger, binary",
            "binary of type 7 (unknown)", "binary of ASCII type 0x34", "text surrogate as UTF-8",
            "text packet of base64", "311 digits",
        ]
        let line = try #require(try Self.objects("engineio3-binary").first)
        let steps = try #require(line["steps"] as? [[String: Any]])
        #expect(steps.count == 26)
        for step in steps {
            let title = step["title"] as? String ?? ""
            let recorded = try #require(step["decoded"] as? [[String: Any]]).map(Self.describe(recorded:))
            let found = decode(try #require(Self.bytes(step["decode"])), .measuredBinary)
            if stricter.contains(title) {
                #expect(found == ["error"], "\(title)")
            } else if title.hasPrefix("valid then") {
                // Node looks at the whole first.
                #expect(found == ["ping ", "error"], "\(title)")
            } else if let error = recorded.firstIndex(of: "error") {
                // Node goes on after an error.
                #expect(found == Array(recorded[...error]), "\(title)")
            } else {
                // Data that an open packet has.
                #expect(found.count == recorded.count && (title.contains("open") || found == recorded), "\(title)")
            }
        }
    }

    @Test func encodesRecordedPayloads() throws {
        var count = 0
        for line in try Self.objects("engineio3-payloads") where line["kind"] as? String == "eio3-encode-payload" {
            let packets = try #require(line["packets"] as? [[String: Any]]).map { packet -> OutboundPacket in
                if let bytes = Self.bytes(packet["data"]) { return .binary(ByteBuffer(bytes: bytes)) }
                let types = ["open": 0, "close": 1, "ping": 2, "pong": 3, "message": 4, "upgrade": 5, "noop": 6]
                let type = try #require(types[packet["type"] as? String ?? ""])
                return .text(
                    type: UInt8(type) + UInt8(ascii: "0"), payload: ByteBuffer(string: packet["data"] as? String ?? ""))
            }
            let canBeBinary = try #require(line["supportsBinary"] as? Bool)
            let (body, isBinary) = Revision3Encoder.encode(packets, binary: canBeBinary)
            let expected = try #require(
                (line["encoded"] as? String).map { Array($0.utf8) } ?? Self.bytes(line["encoded"]))
            #expect(Array(body.readableBytesView) == expected, "\(line)")
            #expect(isBinary == (Self.bytes(line["encoded"]) != nil))
            count += 1
        }
        #expect(count >= 12)
    }

    @Test func limitsOfPayloads() {
        #expect(
            decode(Array("1:2".utf8) + Array("1:2".utf8) + Array("1:2".utf8), .measuredText, most: 2).last == "error")
        #expect(decode(Array("1:21:2".utf8), .measuredText, most: 2) == ["ping ", "ping "])
        #expect(decode(Array("00000000001:2".utf8), .measuredText) == ["error"])
        #expect(decode(Array("0000000001:2".utf8), .measuredText) == ["ping "])
        #expect(decode(Array("9999999999:2".utf8), .measuredText) == ["error"])
        #expect(decode([0] + Array(repeating: 0, count: 9) + [1, 0xFF, 0x32], .measuredBinary) == ["ping "])
        #expect(decode([0] + Array(repeating: 0, count: 10) + [1, 0xFF, 0x32], .measuredBinary) == ["error"])
        #expect(decode([0] + Array(repeating: 9, count: 10) + [0xFF, 0x32], .measuredBinary) == ["error"])
        // Many empty packets count like others.
        #expect(decode(Array(String(repeating: "0:", count: 11).utf8), .measuredText) == ["error"])
        #expect(decode([0x32, 0x3A, 0x34, 0xFF], .measuredText) == ["error"])
        #expect(decode([0x32, 0x3A, 0x34, 0xC3], .measuredText) == ["error"])
        #expect(decode(Array("1:b".utf8), .measuredText) == ["error"])
        #expect(decode(Array("2:b4".utf8), .measuredText) == ["message []"])
        #expect(decode(Array("2:b9".utf8), .measuredText) == ["error"])
    }

    @Test func randomPayloadsEnd() {
        var rng = SystemRandomNumberGenerator()
        let alphabet: [UInt8] = [0, 1, 2, 9, 0x30, 0x31, 0x32, 0x34, 0x3A, 0x62, 0xC3, 0xA9, 0xF0, 0x9F, 0xFF]
        for _ in 0..<20_000 {
            let body = (0..<Int.random(in: 0..<24, using: &rng)).map { _ in alphabet.randomElement(using: &rng) ?? 0 }
            for format in [PollingFormat.measuredText, .measuredBinary] {
                #expect(decode(body, format, most: 100).count <= body.count + 1)
            }
        }
    }

    @Test func frames() {
        let packet = OutboundPacket.binary(ByteBuffer(bytes: [1, 2]))
        #expect(Array(packet.inRevision3(base64: false).payload) == [4, 1, 2])
        #expect(packet.inRevision3(base64: false).isBinary)
        #expect(String(decoding: packet.inRevision3(base64: true).payload, as: UTF8.self) == "b4AQI=")
        #expect(OutboundPacket.noop.inRevision3(base64: false) == .noop)
    }

    // MARK: Script polling

    @Test func calls() {
        let payload = ByteBuffer(string: "5:4\"\\\n\u{2028}\u{2029}é<")
        #expect(
            String(buffer: JSONPBody.wrap(payload, index: "7"))
                == "___eio[7](\"5:4\\\"\\\\\\n\\u2028\\u2029é\\u003c\");")
        #expect(JSONPBody.index("0") == "0")
        #expect(JSONPBody.index("1);alert(2") == "12")
        #expect(JSONPBody.index("x") == nil)
        #expect(JSONPBody.index(nil) == nil)
    }

    @Test(arguments: [
        ("d=6%3A4hello", "6:4hello"), ("x=1&d=a+b%20c&y=2", "a b c"), ("d=a%5Cnb", "a\nb"), ("d=a%5C%5Cnb", "a\\nb"),
        ("d=%5C%5C", "\\\\"), ("d=%zz%", "%zz%"), ("d=%E2%82%AC", "€"), ("", ""), ("e=1", ""), ("d=", ""),
        ("d=1&d=2", "2"),
    ])
    func forms(form: String, payload: String) {
        #expect(String(buffer: JSONPBody.unwrap(ByteBuffer(string: form))) == payload)
    }

    // MARK: Heartbeat

    /// Clients decide how much of it there is, and every byte costs the event loop.
    @Test func callsCostLittleMoreThanToLookAtThem() {
        let form = ByteBuffer(string: "d=" + String(repeating: #"a%22é\n+"#, count: 20_000))
        let payload = ByteBuffer(string: String(repeating: "a\"é\n<b", count: 20_000))
        func look(_ buffer: ByteBuffer) -> UInt8 {
            buffer.withUnsafeReadableBytes { bytes in
                var (sum, index) = (UInt8(0), 0)
                while index < bytes.count {
                    sum &+= bytes[index]
                    index &+= 1
                }
                return sum
            }
        }
        for (text, body) in [(form, { JSONPBody.unwrap($0) }), (payload, { JSONPBody.wrap($0, index: "0") })] {
            let ratio = ThreadCost.ratio(of: true, to: false) { isReal in
                if isReal { #expect(body(text).readableBytes > 0) } else { #expect(look(text) >= 0) }
            }
            #expect(ratio < 100)
        }
    }

    @Test func clientsPing() {
        var machine = SessionStateMachine(isRevision3: true)
        #expect(machine.opened() == .clientPing)
        #expect(machine.packetReceived(.ping(ByteBuffer())) == .answerPing)
        #expect(machine.packetReceived(.message(.text(ByteBuffer()))) == .deliver(.text(ByteBuffer())))
        #expect(machine.isWaitingForPong)
        var other = machine
        #expect(machine.timerFired() == .finish(SessionEnd(.pingTimeout)))
        #expect(
            other.packetReceived(.pong(ByteBuffer()))
                == .finish(SessionEnd(.transportError, detail: "invalid heartbeat direction")))
        var upgraded = SessionStateMachine(isRevision3: true)
        _ = upgraded.opened()
        #expect(upgraded.upgraded() == .adopt)
    }
}
