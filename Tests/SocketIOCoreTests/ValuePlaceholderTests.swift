// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// Binary data: attachments and the placeholders that stand for them (protocol 3.2 and 3.3, rule 7).
@Suite struct ValuePlaceholderTests {
    private func payload(_ text: String, _ attachments: [[UInt8]]) throws -> PacketPayload {
        try PacketPayload(text: ByteBuffer(string: text)).attaching(attachments.map { ByteBuffer(bytes: $0) })
    }

    private func bytes(_ encoded: EncodedArguments) -> [[UInt8]] {
        encoded.attachments.map { Array($0.readableBytesView) }
    }

    @Test func writesPlaceholdersInOrder() throws {
        struct Nested: Encodable {
            var first: SocketData
            var list: [SocketData]
            var value: SocketValue
            var bytes: [UInt8]
        }
        var writer = ArgumentWriter(eventName: "b")
        try writer.append(SocketData([0]))
        try writer.append(Nested(first: [1], list: [[2], [3]], value: ["k": .binary([4])], bytes: [5]))
        try writer.append(ByteBuffer(bytes: [6]))
        let encoded = writer.finish()
        func placeholder(_ number: Int) -> String { "{\"_placeholder\":true,\"num\":\(number)}" }
        #expect(
            String(buffer: encoded.json)
                == "[\"b\",\(placeholder(0)),{\"first\":\(placeholder(1)),\"list\":[\(placeholder(2)),\(placeholder(3))],"
                + "\"value\":{\"k\":\(placeholder(4))},\"bytes\":\(placeholder(5))},\(placeholder(6))]")
        #expect(bytes(encoded) == (0...6).map { [UInt8($0)] })
    }

    @Test func decodesAttachments() throws {
        let text = #"["e",{"_placeholder":true,"num":1},{"x":{"num":0,"_placeholder":true,"more":[]},"y":[1,2]}]"#
        let payload = try payload(text, [[1, 2], [3]])
        #expect(try payload.decode(SocketData.self, at: 1) == [3])
        #expect(try payload.decode([UInt8].self, at: 1) == [3])
        #expect(try payload.decode(ByteBuffer.self, at: 1) == ByteBuffer(bytes: [3]))
        #expect(try payload.decode(SocketData?.self, at: 1) == [3])
        #expect(payload.value(at: 1) == .binary([3]))
        #expect(payload.value(at: 2) == ["x": .binary([1, 2]), "y": [1, 2]])
        struct Two: Decodable {
            var x: SocketData
            var y: [UInt8]
        }
        let two = try payload.decode(Two.self, at: 2)
        #expect(two.x == [1, 2])
        #expect(two.y == [1, 2])
        #expect(try payload.decode([String: SocketValue].self, at: 2)["x"] == .binary([1, 2]))
        #expect(throws: DecodingError.self) { try payload.decode(String.self, at: 1) }
        #expect(throws: DecodingError.self) { try payload.decode(SocketData.self, at: 0) }
        #expect(throws: DecodingError.self) { try payload.decode(SocketData.self, at: 2) }
    }

    @Test func withoutAttachmentsAPlaceholderIsAnObject() throws {
        let payload = try payload(#"["e",{"_placeholder":true,"num":7}]"#, [])
        #expect(payload.value(at: 1) == ["_placeholder": true, "num": 7])
        #expect(throws: DecodingError.self) { try payload.decode(SocketData.self, at: 1) }
    }

    @Test(arguments: [
        #"{"_placeholder":true}"#, #"{"_placeholder":true,"num":-1}"#, #"{"_placeholder":true,"num":2}"#,
        #"{"_placeholder":true,"num":"0"}"#, #"{"_placeholder":true,"num":1e400}"#, #"{"_placeholder":true,"num":0.5}"#,
        #"{"_placeholder":true,"num":null}"#, #"{"_placeholder":true,"num":[0]}"#, #"{"_placeholder":true,"num":true}"#,
        #"{"_placeholder":true,"num":99999999999999999999}"#, #"{"a":[{"_placeholder":true,"num":3}]}"#,
        #"{"num":9,"_placeholder":true,"x":1}"#, #"{"\u005fplaceholder":true,"num":9}"#,
        #"{"_placeholder":false,"_placeholder":true,"num":5}"#, #"{"num":0,"num":5,"_placeholder":true}"#,
        #"[[[{"_placeholder":true,"num":-9223372036854775809}]]]"#,
    ]) func refusesIllegalPlaceholders(_ argument: String) {
        do {
            _ = try payload("[\"e\",\(argument)]", [[1], [2]])
            Issue.record("accepted")
        } catch {
            #expect((error as? JSONError)?.kind == .illegalAttachment)
        }
    }

    @Test(arguments: [
        #"{"_placeholder":true,"num":1.0}"#, #"{"_placeholder":true,"num":1e0}"#, #"{"_placeholder":true,"num":-0}"#,
        #"{"_placeholder":false,"num":9}"#, #"{"_placeholder":1,"num":9}"#, #"{"_placeholder":"true","num":9}"#,
        #"{"_placeholder":true,"_placeholder":false,"num":9}"#, #"{"num":9}"#, #""_placeholder""#,
    ]) func acceptsOthers(_ argument: String) throws {
        _ = try payload("[\"e\",\(argument)]", [[1], [2]])
    }

    @Test func relaysBytesUnchanged() throws {
        let texts = [
            #"["e", 1.0 ,1e400,-0,"\ud800\/\u0041",{"a":1,"a":2,"__proto__":{"x":[ ]}},"\u2028",123456789012345678901234567890]"#,
            "[\"e\",\"\u{2028}\",[ ],{ }]",
        ]
        for text in texts {
            let payload = try payload(text, [])
            var writer = ArgumentWriter(eventName: "f")
            try writer.append(contentsOf: payload, from: 1)
            var handlers = ArgumentWriter(eventName: "f")
            for index in 1..<payload.count { try handlers.append(payload.decode(RawJSON.self, at: index)) }
            let relayed = writer.finish()
            #expect(relayed == handlers.finish())
            let again = try PacketPayload(text: relayed.json)
            #expect(again.count == payload.count)
            for index in 1..<payload.count { #expect(again.raw(at: index).elementsEqual(payload.raw(at: index))) }
        }
    }

    @Test func relayingRenumbers() throws {
        let text =
            #"["e",[{"num":1,"_placeholder":true,"x":"y"}, {"_placeholder":true,"num":1}],{"_placeholder":true,"num":0}]"#
        let payload = try payload(text, [[10], [11], [12]])
        var writer = ArgumentWriter(eventName: "f")
        try writer.append(SocketData([99]))
        try writer.append(payload, at: 2)
        try writer.append(payload.decode(RawJSON.self, at: 1))
        let encoded = writer.finish()
        #expect(
            String(buffer: encoded.json)
                == #"["f",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},"#
                + #"[{"_placeholder":true,"num":2}, {"_placeholder":true,"num":3}]]"#)
        // Unused attachments go, those used twice come twice.
        #expect(bytes(encoded) == [[99], [10], [11], [11]])
    }

    @Test func relayingAWholePacketKeepsItsText() throws {
        let text = #"["e",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}],"b":1.0}]"#
        let payload = try payload(text, [[1], [2]])
        var writer = ArgumentWriter()
        try writer.append(contentsOf: payload)
        let encoded = writer.finish()
        #expect(String(buffer: encoded.json) == text)
        #expect(bytes(encoded) == [[1], [2]])
    }

    @Test func rawValues() throws {
        let payload = try payload(#"["e",{"a":{"_placeholder":true,"num":0},"b":{"c":2}}]"#, [[1, 2]])
        struct Holder: Codable {
            var a: RawJSON
            var b: RawJSON
        }
        let raw = payload.rawJSON(at: 1)
        #expect(raw.hasAttachments)
        #expect(raw.value == ["a": .binary([1, 2]), "b": ["c": 2]])
        let holder = try raw.decode(Holder.self)
        #expect(try holder.a.decode(SocketData.self) == [1, 2])
        #expect(holder.b.json == #"{"c":2}"#)
        let made = try RawJSON(encoding: holder)
        #expect(made.value == raw.value)
        #expect(throws: JSONError.self) { try RawJSON("{") }
        #expect(try RawJSON(" [1] ").decode([Int].self) == [1])
        #expect(
            try PacketPayload(text: ByteBuffer(string: #"["text"]"#)).decode(RawJSON.self, at: 0).json == "\"text\"")
    }

    @Test func whatWasWrittenReadsAsAPayload() throws {
        var writer = ArgumentWriter(eventName: "e", headroom: 9)
        try writer.append(SocketData([7]))
        let payload = try PacketPayload(writer.finish())
        #expect(payload.eventName == "e")
        #expect(payload.value(at: 1) == .binary([7]))
    }

    @Test func missingElementsRelayAsNull() throws {
        let payload = try payload("[\"e\"]", [])
        var writer = ArgumentWriter()
        try writer.append(payload, at: 4)
        try writer.append(contentsOf: payload, from: 9)
        #expect(String(buffer: writer.finish().json) == "[null]")
    }
}
