// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import Testing

@testable import SocketIOCore

/// The MessagePack parser against what Node and its clients have recorded, and at its limits.
@Suite struct MessagePackParserTests {
    private static func steps(_ id: String) throws -> [SocketValue] {
        let url = try #require(Bundle.module.url(forResource: "Vectors/claims", withExtension: "jsonl"))
        let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
        let line = try #require(try lines.map { try SocketValue(json: String($0)) }.first { $0["id"]?.string == id })
        return try #require(line["steps"]?.array)
    }

    private func parse(_ message: SocketValue, limits: PacketLimits = PacketLimits()) throws -> SocketPacket {
        var parser = DefaultParser(limits: limits, parser: .msgpack)
        return try #require(try parser.receive(message.message))
    }

    /// JSON as the MessagePack of a packet.
    private func packed(_ json: String) throws -> SocketValue {
        var writer = MessagePackWriter()
        try writer.write(json: ByteBuffer(string: json), attachments: [])
        return .binary(SocketData(writer.finish()))
    }

    private func failure(_ body: () throws -> Void) -> PacketDecodingError? {
        do {
            try body()
            return nil
        } catch {
            return error as? PacketDecodingError
        }
    }

    // MARK: Recordings

    @Test func readsWhatTheStockClientSends() throws {
        var count = 0
        for step in try Self.steps("M/client-packets") {
            guard let sent = step["send"], let decoded = step["decoded"] else { continue }
            let packet = try parse(sent)
            #expect(packet.nsp == decoded["nsp"]?.string)
            #expect(packet.id == decoded["id"]?.int)
            let data = decoded["data"]?.meant
            switch packet.body {
            case .connect(let auth):
                #expect(decoded["type"]?.int == 0)
                #expect(try auth.map { try SocketValue(json: String(buffer: $0)) } == data)
            case .disconnect: #expect(decoded["type"]?.int == 1)
            case .event(let payload):
                #expect(decoded["type"]?.int == 2)
                #expect(.array(payload.values) == data)
            default: Issue.record("a packet of another type")
            }
            count += 1
        }
        #expect(count == 18)
    }

    @Test func refusesAndAcceptsAsRecordedButForTheNames() throws {
        let different: [String: PacketDecodingError?] = [
            // nil is what python-socketio writes for what is missing.
            "CONNECT data nil": nil, "EVENT id nil": nil, "DISCONNECT data nil": nil,
            "EVENT id -1": .malformedMessagePack, "EVENT empty array": .unexpectedPayload(.event),
            "EVENT reserved name": .reservedEventName, "EVENT reserved name disconnect": .reservedEventName,
            "EVENT reserved newListener": .reservedEventName, "EVENT name nil": .unexpectedPayload(.event),
            "EVENT name map": .unexpectedPayload(.event), "EVENT bin as name": .unexpectedPayload(.event),
            // Not an error of the parser: the client may not send it.
            "CONNECT_ERROR from client": nil, "text frame of the default parser": .unexpectedText,
            "type 5": .unknownType(5),
        ]
        let steps = try Self.steps("M/server-validation")
        #expect(steps.count == 21)
        for step in steps {
            let name = step["client"]?.string ?? ""
            let found = failure { _ = try parse(try #require(step["send"])) }
            if let expected = different[name] {
                #expect(found == expected, "\(name)")
            } else {
                #expect((found == nil) == (step["closed"] == .null), "\(name)")
            }
        }
    }

    @Test func readsDatesOfBothKinds() throws {
        let standard = try #require(
            try Self.steps("M/server-validation").first {
                $0["client"]?.string?.contains("-1") == true
                    && $0["client"]?.string?.contains("ext") == true
            })
        guard case .event(let payload) = try parse(try #require(standard["send"])).body else {
            Issue.record("no event")
            return
        }
        #expect(payload.values == ["a", "1970-01-01T00:00:00.000Z"])
    }

    // MARK: Limits

    @Test func everyLimitAtNAndOneMore() throws {
        let text = { (data: String) in #"{"type":2,"nsp":"/","data":\#(data)}"# }
        let limits = PacketLimits(
            maxPacketBytes: 64, maxDepth: 3, maxNamespaceLength: 4, maxKeyLength: 2, maxEventNameLength: 3)
        func fails(_ json: String) throws -> PacketDecodingError? {
            let value = try packed(json)
            return failure { _ = try parse(value, limits: limits) }
        }
        #expect(try fails(text(#"["abc"]"#)) == nil)
        #expect(try fails(text(#"["abcd"]"#)) == .eventNameTooLong(limit: 3))
        #expect(try fails(text(#"["a",[[]]]"#)) == nil)
        #expect(try fails(text(#"["a",[[[]]]]"#)) == .nestedTooDeep(limit: 3))
        #expect(try fails(text(#"["a",{"kk":1}]"#)) == nil)
        #expect(try fails(text(#"["a",{"kkk":1}]"#)) == .keyTooLong(limit: 2))
        #expect(try fails(#"{"type":2,"nsp":"/abc","data":["a"]}"#) == nil)
        #expect(try fails(#"{"type":2,"nsp":"/abcd","data":["a"]}"#) == .namespaceTooLong(limit: 4))
        #expect(try fails(#"{"type":0,"nsp":"/","data":{"kkk":1}}"#) == .keyTooLong(limit: 2))
        let head = try packed(text(#"["a",""]"#)).message.byteCount
        #expect(try fails(text(#"["a","\#(String(repeating: "x", count: 31))"]"#)) == nil)
        #expect(try fails(text(#"["a","\#(String(repeating: "x", count: 64 - head))"]"#)) == .packetTooLarge(limit: 64))
        #expect(try fails(#"{"type":3,"nsp":"/","id":9007199254740991,"data":[]}"#) == nil)
        #expect(try fails(#"{"type":3,"nsp":"/","id":9007199254740992,"data":[]}"#) == .ackIDTooLarge)
    }

    @Test func countsAttachments() throws {
        func event(_ count: UInt8) -> SocketValue {
            var bytes: [UInt8] =
                [0x83, 0xA4] + Array("type".utf8) + [2, 0xA3] + Array("nsp".utf8) + [0xA1, 0x2F, 0xA4]
            bytes += Array("data".utf8) + [0xDC, 0, count + 1, 0xA1, 0x61]
            for _ in 0..<count { bytes += [0xC4, 1, 7] }
            return .binary(SocketData(bytes))
        }
        guard case .event(let payload) = try parse(event(10)).body else {
            Issue.record("no event")
            return
        }
        #expect(payload.attachments.count == 10)
        #expect(failure { _ = try parse(event(11)) } == .tooManyAttachments(limit: 10))
    }

    /// An event with one attachment and placeholders for it, written as objects.
    private func event(attachment bytes: Int, placeholders: Int) -> SocketValue {
        var writer = MessagePackWriter()
        writer.writeMapHead(3)
        writer.write("type" as StaticString)
        writer.write(Int64(2))
        writer.write("nsp" as StaticString)
        writer.write("/" as StaticString)
        writer.write("data" as StaticString)
        writer.writeArrayHead(2 + placeholders)
        writer.write("e" as StaticString)
        writer.write(binary: ByteBuffer(repeating: 7, count: bytes))
        for _ in 0..<placeholders {
            writer.writeMapHead(2)
            writer.write("_placeholder" as StaticString)
            writer.write(true)
            writer.write("num" as StaticString)
            writer.write(Int64(0))
        }
        return .binary(SocketData(writer.finish()))
    }

    /// Relaying writes the attachment out for each of them: of a message of 1 MB that were gigabytes.
    @Test func placeholdersCountAsWhatTheyStandFor() throws {
        let limits = PacketLimits(maxPacketBytes: 1_000)
        #expect(failure { _ = try parse(event(attachment: 200, placeholders: 4), limits: limits) } == nil)
        #expect(
            failure { _ = try parse(event(attachment: 200, placeholders: 5), limits: limits) }
                == .packetTooLarge(limit: 1_000))
        #expect(
            failure { _ = try parse(event(attachment: 500_000, placeholders: 20_000)) }
                == .packetTooLarge(limit: 1_000_000))
    }

    /// What other servers send is bounded where it is written.
    @Test func theWriterBoundsRepeatedAttachments() throws {
        let placeholder = #"{"_placeholder":true,"num":0}"#
        func written(_ count: Int, of bytes: Int) throws -> Int {
            var writer = MessagePackWriter()
            let list = Array(repeating: placeholder, count: count).joined(separator: ",")
            try writer.write(
                json: ByteBuffer(string: "[\(list)]"), attachments: [ByteBuffer(repeating: 1, count: bytes)])
            return writer.finish().readableBytes
        }
        #expect(try written(2, of: 3 << 20) > 6 << 20)
        #expect(throws: JSONError.self) { try written(3, of: 3 << 20) }
        #expect(try written(1025, of: 1024) > 1 << 20)
        #expect(throws: JSONError.self) { try written(1026, of: 1024) }
        // So is what handlers get of other servers.
        func attached(_ count: Int) throws {
            let list = Array(repeating: placeholder, count: count).joined(separator: ",")
            _ = try PacketPayload(text: ByteBuffer(string: "[\(list)]"))
                .attaching([ByteBuffer(repeating: 1, count: 1024)])
        }
        try attached(1025)
        #expect(throws: JSONError(.tooLong, at: 1 + 1025 * 30)) { try attached(1026) }
    }

    /// The others get these names in texts, in which they end at a comma and begin with a slash.
    @Test(arguments: ["", "chat", "/a,b", "/a,[\"fake\"]", ",", "1/"])
    func namespacesThatNoTextCanNameAreRefused(name: String) throws {
        for type in 0...4 {
            var writer = MessagePackWriter()
            writer.writeMapHead(3)
            writer.write("type" as StaticString)
            writer.write(Int64(type))
            writer.write("nsp" as StaticString)
            writer.write(name)
            writer.write("data" as StaticString)
            writer.writeArrayHead(1)
            writer.write("e" as StaticString)
            let packet = SocketValue.binary(SocketData(writer.finish()))
            #expect(failure { _ = try parse(packet) } == .malformedNamespace)
        }
    }

    @Test func theWorstTextIsNotRefusedForItsLength() throws {
        // Each of these bytes becomes six in JSON.
        let limits = PacketLimits(maxPacketBytes: 10_000)
        let event = try packed(#"{"type":2,"nsp":"/","data":["a","\#(String(repeating: "\\u0001", count: 9_900))"]}"#)
        #expect(failure { _ = try parse(event, limits: limits) } == nil)
    }

    @Test(arguments: [
        "[]", "7", "null", #"{"type":2,"data":["a"]}"#, #"{"nsp":"/","data":["a"]}"#,
        #"{"type":"2","nsp":"/","data":["a"]}"#,
        #"{"type":2,"nsp":5,"data":["a"]}"#, #"{"type":2,"nsp":null,"data":["a"]}"#,
        #"{"type":null,"nsp":"/","data":["a"]}"#,
        #"{"type":2,"nsp":"/","data":["a"],"id":"1"}"#, #"{"type":2,"nsp":"/","data":["a"],"id":1.5}"#,
        #"{"type":2,"nsp":"/","data":["a"],"id":[]}"#,
    ])
    func noPackets(json: String) throws {
        let value = try packed(json)
        #expect(failure { _ = try parse(value) } == .malformedMessagePack)
    }

    @Test(arguments: [
        #"{"type":2,"nsp":"/","data":{}}"#, #"{"type":2,"nsp":"/"}"#, #"{"type":3,"nsp":"/","id":1}"#,
        #"{"type":0,"nsp":"/","data":[]}"#, #"{"type":0,"nsp":"/","data":"x"}"#, #"{"type":1,"nsp":"/","data":{}}"#,
        #"{"type":4,"nsp":"/","data":7}"#, #"{"type":4,"nsp":"/"}"#,
    ])
    func wrongData(json: String) throws {
        let value = try packed(json)
        guard case .unexpectedPayload = failure({ _ = try parse(value) }) else {
            Issue.record("\(json) was accepted")
            return
        }
    }

    @Test func everyPrefixAndEveryDamageIsRefusedOrRead() throws {
        for step in try Self.steps("M/client-packets") {
            guard case .binary(let data)? = step["send"]?.meant else { continue }
            let bytes = Array(data.bytes)
            for length in bytes.indices {
                #expect(failure { _ = try parse(.binary(SocketData(Array(bytes[..<length])))) } != nil)
            }
            #expect(failure { _ = try parse(.binary(SocketData(bytes + [0xC0]))) } == .malformedMessagePack)
            for index in bytes.indices {
                for byte: UInt8 in [0x00, 0x80, 0x9F, 0xC1, 0xC6, 0xC9, 0xDB, 0xDF, 0xFF] {
                    var damaged = bytes
                    damaged[index] = byte
                    _ = failure { _ = try parse(.binary(SocketData(damaged))) }
                }
            }
        }
    }

    // MARK: Choice of the parser

    @Test func theFirstMessageDecides() throws {
        var text = DefaultParser(parser: .auto)
        #expect(!text.isPacked)
        #expect(try text.receive("0") != nil)
        #expect(!text.isPacked)
        #expect(failure { _ = try text.receive(bytes: [1]) } == .unexpectedBinary)
        var packed = DefaultParser(parser: .auto)
        #expect(try packed.receive(self.packed(#"{"type":0,"nsp":"/"}"#).message) != nil)
        #expect(packed.isPacked)
        #expect(failure { _ = try packed.receive("2[\"a\"]") } == .unexpectedText)
        packed.reset()
        #expect(packed.isPacked)
    }

    // MARK: Writing

    private func written(_ message: OutboundMessage) throws -> [UInt8] {
        let packed = try #require(MessagePackEncoder.message(message))
        #expect(packed.head.isBinary)
        #expect(packed.attachments.isEmpty)
        #expect(packed.compress == message.compress)
        return Array(packed.head.payload)
    }

    @Test func writesEveryType() throws {
        let connect = DefaultEncoder.connect(nsp: "/auth", sid: "x")
        let map: [UInt8] = [0x83, 0xA4] + Array("type".utf8) + [0, 0xA4] + Array("data".utf8)
        #expect(
            try written(connect) == map + [0x81, 0xA3] + Array("sid".utf8) + [0xA1, 0x78, 0xA3] + Array("nsp".utf8)
                + [0xA5] + Array("/auth".utf8))
        // As Node writes it.
        #expect(
            try written(DefaultEncoder.disconnect(nsp: "/")) == [0x82, 0xA4] + Array("type".utf8) + [1, 0xA3]
                + Array("nsp".utf8) + [0xA1, 0x2F])
        for message in [
            DefaultEncoder.event(nsp: "/", json: ByteBuffer(string: #"["bc",1]"#)),
            DefaultEncoder.event(
                nsp: "/a", id: 7, json: ByteBuffer(string: #"["bc",{"k":[null,true]}]"#), compress: false),
            DefaultEncoder.event(
                nsp: "/a", json: ByteBuffer(string: #"["b",{"_placeholder":true,"num":0}]"#),
                attachments: [ByteBuffer(bytes: [1, 2])]),
            DefaultEncoder.ack(nsp: "/", id: 0, json: ByteBuffer(string: "[]")),
            DefaultEncoder.ack(
                nsp: "/", id: 3, json: ByteBuffer(string: #"[{"_placeholder":true,"num":0}]"#),
                attachments: [ByteBuffer(bytes: [9])]),
            DefaultEncoder.connectError(nsp: "/nope", message: "Invalid namespace"),
        ] {
            let packet = try parse(.binary(SocketData(try written(message))))
            var parser = DefaultParser()
            var expected = try parser.receive(message.socketText)
            for attachment in message.attachments { expected = try parser.receive(.binary(attachment.payloadBuffer)) }
            expected?.shortName = nil
            #expect(packet == expected)
        }
    }

    @Test func aMessageOfAnotherServerThatCannotBePackedIsNotSent() {
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(MessagePackEncoder.message(DefaultEncoder.event(nsp: "/", json: ByteBuffer(string: deep))) == nil)
    }
}
