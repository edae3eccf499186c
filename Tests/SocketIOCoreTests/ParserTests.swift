// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

/// Limits, state between messages, and input that makes no sense.
@Suite struct ParserTests {
    // MARK: Limits, each at n and n + 1

    @Test func attachments() throws {
        for limit in [0, 1, 10, 1000] {
            var parser = DefaultParser(limits: PacketLimits(maxAttachments: limit))
            _ = try parser.receive("5\(limit)-[\"a\"]")
            #expect(parser.isCollecting == (limit > 0))
            parser.reset()
            #expect(throws: PacketDecodingError.tooManyAttachments(limit: limit)) {
                try parser.receive("5\(limit + 1)-[\"a\"]")
            }
            #expect(throws: PacketDecodingError.tooManyAttachments(limit: limit)) {
                try parser.receive("6\(limit + 1)-1[]")
            }
        }
    }

    @Test(arguments: [
        "11", "51", "10000000000", "1000000000", "999999999999999999999999999999", "9223372036854775807",
        "9223372036854775808",
    ])
    func absurdAttachmentCounts(count: String) {
        var parser = DefaultParser()
        #expect(throws: PacketDecodingError.tooManyAttachments(limit: 10)) { try parser.receive("5\(count)-[\"a\"]") }
        #expect(!parser.isCollecting)
    }

    @Test func largestPossibleAttachmentLimit() {
        var parser = DefaultParser(limits: PacketLimits(maxAttachments: .max))
        #expect(throws: PacketDecodingError.tooManyAttachments(limit: .max)) {
            try parser.receive("59223372036854775808-[\"a\"]")
        }
    }

    @Test func bytesOfTheText() throws {
        let text = "2[\"abc\"]"
        var parser = DefaultParser(limits: PacketLimits(maxPacketBytes: text.utf8.count))
        #expect(try parser.receive(text) != nil)
        #expect(throws: PacketDecodingError.packetTooLarge(limit: text.utf8.count)) { try parser.receive(text + " ") }
    }

    @Test func bytesOfAllParts() throws {
        let text = "52-[\"a\"]"
        let limit = text.utf8.count + 10
        var parser = DefaultParser(limits: PacketLimits(maxPacketBytes: limit))
        #expect(try parser.receive(text) == nil)
        #expect(try parser.receive(bytes: Array(repeating: 0, count: 4)) == nil)
        #expect(try parser.receive(bytes: Array(repeating: 0, count: 6)) != nil)

        #expect(try parser.receive(text) == nil)
        #expect(try parser.receive(bytes: Array(repeating: 0, count: 4)) == nil)
        #expect(throws: PacketDecodingError.packetTooLarge(limit: limit)) {
            try parser.receive(bytes: Array(repeating: 0, count: 7))
        }
        #expect(!parser.isCollecting)
    }

    /// Passed on, an attachment may have to be written for each placeholder that names it: that must not make a large packet
    /// of a small one.
    @Test func everyPlaceholderCountsAsWhatItStandsFor() throws {
        let placeholder = #"{"_placeholder":true,"num":0}"#
        let text = "51-[\"a\",\(placeholder),[\(placeholder)]]"
        let array = text.utf8.count - 3
        for (bytes, isAllowed) in [(50, true), (51, false)] {
            var parser = DefaultParser(limits: PacketLimits(maxPacketBytes: array + 100))
            #expect(try parser.receive(text) == nil)
            if isAllowed {
                #expect(try parser.receive(bytes: Array(repeating: 0, count: bytes)) != nil)
            } else {
                #expect(throws: PacketDecodingError.packetTooLarge(limit: array + 100)) {
                    try parser.receive(bytes: Array(repeating: 0, count: bytes))
                }
            }
            #expect(!parser.isCollecting)
        }
        let many = "51-[\"a\"" + String(repeating: "," + placeholder, count: 10_000) + "]"
        var parser = DefaultParser()
        #expect(try parser.receive(many) == nil)
        #expect(throws: PacketDecodingError.packetTooLarge(limit: 1_000_000)) {
            try parser.receive(bytes: Array(repeating: 0, count: 1000))
        }
    }

    /// As in Node.js: the same one twice, and none at all.
    @Test func placeholdersThatNodeAccepts() throws {
        var parser = DefaultParser()
        let placeholder = #"{"_placeholder":true,"num":0}"#
        #expect(try parser.receive("51-[\"a\",\(placeholder),\(placeholder)]") == nil)
        guard case .event(let twice) = try parser.receive(bytes: [1, 2])?.body else {
            Issue.record("no event")
            return
        }
        #expect(twice.count == 3 && twice.attachments.count == 1)
        #expect(
            RawJSON(validated: try #require(twice.slice(at: 1)), attachments: twice.attachments).value.binary?.bytes
                == [1, 2])
        #expect(
            RawJSON(validated: try #require(twice.slice(at: 2)), attachments: twice.attachments).value.binary?.bytes
                == [1, 2])
        #expect(try parser.receive("52-[\"a\",1]") == nil)
        #expect(try parser.receive(bytes: [1]) == nil)
        guard case .event(let none) = try parser.receive(bytes: [2])?.body else {
            Issue.record("no event")
            return
        }
        #expect(none.count == 2)
    }

    @Test(arguments: [1, 2, 128])
    func depth(limit: Int) throws {
        var parser = DefaultParser(limits: PacketLimits(maxDepth: limit))
        func event(depth: Int) -> String {
            let inner = depth - 1
            return "2[\"a\"" + (inner > 0 ? "," : "") + String(repeating: "[", count: inner)
                + String(repeating: "]", count: inner) + "]"
        }
        #expect(try parser.receive(event(depth: limit)) != nil)
        for depth in [limit + 1, 5000, 490_000] {
            #expect(throws: PacketDecodingError.nestedTooDeep(limit: limit)) { try parser.receive(event(depth: depth)) }
        }
        #expect(throws: PacketDecodingError.nestedTooDeep(limit: limit)) {
            try parser.receive("0" + String(repeating: "{\"a\":", count: limit + 1))
        }
    }

    @Test func namespaceLength() throws {
        var parser = DefaultParser(limits: PacketLimits(maxNamespaceLength: 8))
        #expect(try parser.receive("0/2345678,")?.nsp == "/2345678")
        #expect(try parser.receive("0/2345678")?.nsp == "/2345678")
        for text in ["0/23456789,", "0/23456789", "2/" + String(repeating: "n", count: 900_000) + ",[\"a\"]"] {
            #expect(throws: PacketDecodingError.namespaceTooLong(limit: 8)) { try parser.receive(text) }
        }
    }

    @Test func ackIDs() throws {
        var parser = DefaultParser()
        #expect(try parser.receive("29007199254740991[\"a\"]")?.id == PacketLimits.maxAckID)
        #expect(try parser.receive("2" + String(repeating: "0", count: 1000) + "7[\"a\"]")?.id == 7)
        for id in ["9007199254740992", "99999999999999999999999999999", "9223372036854775808"] {
            #expect(throws: PacketDecodingError.ackIDTooLarge) { try parser.receive("2\(id)[\"a\"]") }
            #expect(throws: PacketDecodingError.ackIDTooLarge) { try parser.receive("3\(id)[]") }
        }
    }

    @Test(arguments: [1, 3, 1024])
    func keyLength(limit: Int) throws {
        var parser = DefaultParser(limits: PacketLimits(maxKeyLength: limit))
        let longest = String(repeating: "k", count: limit)
        for (before, after) in [
            (#"2["a",{"#, "}]"), (#"2["a",{"b":1,"#, "}]"), (#"2["a",[[{"#, "}]]]"), (#"31[{"#, "}]"), ("0{", "}"),
        ] {
            #expect(try parser.receive("\(before)\"\(longest)\":1\(after)") != nil)
            #expect(throws: PacketDecodingError.keyTooLong(limit: limit)) {
                try parser.receive("\(before)\"\(longest)k\" : 1\(after)")
            }
        }
        // Values may be longer.
        #expect(try parser.receive("2[\"a\",\"\(longest)kk\",{\"\":\"\(longest)kk\"}]") != nil)
    }

    @Test func keysAreMeasuredAsTheyAreWritten() throws {
        var parser = DefaultParser(limits: PacketLimits(maxKeyLength: 6))
        #expect(try parser.receive(#"2["a",{"\u00e9":1}]"#) != nil)
        #expect(try parser.receive("2[\"a\",{\"ééé\":1}]") != nil)
        for key in [#"\u00e9a"#, "éééa", "e\u{301}\u{301}\u{301}"] {
            #expect(throws: PacketDecodingError.keyTooLong(limit: 6)) { try parser.receive("2[\"a\",{\"\(key)\":1}]") }
        }
    }

    @Test(arguments: [1, 15, 16, 256])
    func eventNameLength(limit: Int) throws {
        var parser = DefaultParser(limits: PacketLimits(maxEventNameLength: limit))
        let longest = String(repeating: "n", count: limit)
        let digits = String(repeating: "7", count: limit)
        for packet in ["2[\"\(longest)\"]", "2/n,1[\"\(longest)\",1]", "2[\(digits)]"] {
            #expect(try parser.receive(packet) != nil)
        }
        #expect(try parser.receive("51-[\"\(longest)\"]") == nil)
        #expect(parser.isCollecting)
        parser.reset()
        for packet in ["2[\"\(longest)n\"]", "2/n,1[\"\(longest)n\",1]", "2[\(digits)7]", "51-[\"\(longest)n\"]"] {
            #expect(throws: PacketDecodingError.eventNameTooLong(limit: limit)) { try parser.receive(packet) }
        }
        // Arguments and acknowledgements have no names.
        #expect(try parser.receive("2[\"n\",\"\(longest)n\"]") != nil)
        #expect(try parser.receive("31[\"\(longest)n\"]") != nil)
    }

    // MARK: Event names

    @Test(arguments: ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])
    func reservedNames(name: String) throws {
        #expect(EventName.isReserved(name))
        var parser = DefaultParser()
        #expect(throws: PacketDecodingError.reservedEventName) { try parser.receive("2[\"\(name)\"]") }
        #expect(throws: PacketDecodingError.reservedEventName) { try parser.receive("2/n,1[ \"\(name)\" ,1]") }
        // The same name, its first character escaped.
        let first = String(try #require(name.unicodeScalars.first).value, radix: 16)
        #expect(throws: PacketDecodingError.reservedEventName) {
            try parser.receive("2[\"\\u00\(first)\(name.dropFirst())\"]")
        }
        #expect(try parser.receive("2[\"\(name)s\"]") != nil)
        #expect(try parser.receive("2[\"\(name.dropLast())\"]") != nil)
        #expect(try parser.receive("31[\"\(name)\"]") != nil)
    }

    @Test(arguments: ["{}", "[]", "null", "true", "false", "{\"_placeholder\":true,\"num\":0}"])
    func namesOfOtherTypes(name: String) {
        var parser = DefaultParser()
        #expect(throws: PacketDecodingError.unexpectedPayload(.event)) { try parser.receive("2[\(name),1]") }
        #expect(throws: PacketDecodingError.unexpectedPayload(.binaryEvent)) { try parser.receive("51-[\(name),1]") }
    }

    // MARK: Between messages

    @Test func payloadSharesTheMessage() throws {
        var message = ByteBuffer(string: "xx2/a,5[\"name\",{\"k\":[1,2]}]")
        message.moveReaderIndex(forwardBy: 2)
        var parser = DefaultParser()
        let packet = try #require(try parser.receive(.text(message)))
        guard case .event(let payload) = packet.body else {
            Issue.record("not an event")
            return
        }
        #expect(packet.nsp == "/a")
        #expect(packet.id == 5)
        #expect(payload.eventName == "name")
        #expect(String(buffer: payload.text) == "[\"name\",{\"k\":[1,2]}]")
        let base = message.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let text = payload.text.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(text == base + 5)
    }

    @Test func attachmentsArriveInOrder() throws {
        var parser = DefaultParser()
        let head = #"52-/chat,7["up",{"_placeholder":true,"num":1},{"x":{"_placeholder":true,"num":0}}]"#
        #expect(try parser.receive(head) == nil)
        #expect(parser.isCollecting)
        #expect(try parser.receive(bytes: [1]) == nil)
        let packet = try #require(try parser.receive(bytes: [2, 3]))
        #expect(!parser.isCollecting)
        #expect(packet.nsp == "/chat")
        #expect(packet.id == 7)
        guard case .event(let payload) = packet.body else {
            Issue.record("not an event")
            return
        }
        #expect(payload.values == ["up", .binary([2, 3]), ["x": .binary([1])]])
        #expect(try parser.receive("2[\"next\"]") != nil)
    }

    @Test func aResetDropsAHalfPacket() throws {
        var parser = DefaultParser()
        #expect(try parser.receive("51-[\"a\"]") == nil)
        parser.reset()
        #expect(try parser.receive("2[\"b\"]") != nil)
        #expect(throws: PacketDecodingError.unexpectedBinary) { try parser.receive(bytes: [1]) }
    }

    @Test func textAmongAttachmentsFreesThem() throws {
        var parser = DefaultParser()
        #expect(try parser.receive("52-[\"a\"]") == nil)
        #expect(try parser.receive(bytes: [1]) == nil)
        #expect(throws: PacketDecodingError.textWhileAttachmentsPending) { try parser.receive("1") }
        #expect(!parser.isCollecting)
    }

    @Test(arguments: [
        "", #","num":-1"#, #","num":1"#, #","num":"0""#, #","num":1e400"#, #","num":0.5"#, #","num":null"#,
        #","num":[0]"#, #","num":99999999999999999999"#,
    ])
    func illegalPlaceholders(rest: String) throws {
        var parser = DefaultParser()
        #expect(try parser.receive(#"51-["a",[{"_placeholder":true\#(rest)}]]"#) == nil)
        #expect(throws: PacketDecodingError.invalidPlaceholder) { try parser.receive(bytes: [1]) }
        #expect(!parser.isCollecting)
    }

    @Test func acksWithoutData() throws {
        var parser = DefaultParser()
        for (text, id) in [("3", nil), ("35", 5), ("3/n,5", 5), ("60-5", 5)] as [(String, Int?)] {
            let packet = try #require(try parser.receive(text))
            #expect(packet.id == id)
            #expect(packet.body == .ack(.empty))
        }
    }

    @Test func repeatedNamespaces() throws {
        var parser = DefaultParser()
        for nsp in ["/a", "/a", "/b", "/", "/a", "/ab", "/a"] {
            #expect(try parser.receive("2\(nsp),[\"x\"]")?.nsp == nsp)
        }
    }

    // MARK: Garbage

    /// Nothing traps, and after an error the parser is as a new one: it finds of every text what that finds.
    @Test func randomTexts() throws {
        var random = PacketTestRandom(seed: 0x5EED)
        let alphabet = Array("0123456789-/,[]{}\":\\ antrue_placeholdernum.eE+é\u{1F600}".utf8)
        let limits = PacketLimits(maxPacketBytes: 200)
        var parser = DefaultParser(limits: limits)
        var accepted = 0
        var refused = 0
        for _ in 0..<60_000 {
            let length = Int.random(in: 0...40, using: &random)
            let bytes = (0..<length).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            let message: EngineMessage =
                Int.random(in: 0..<6, using: &random) == 0
                ? .binary(ByteBuffer(bytes: bytes)) : .text(ByteBuffer(bytes: bytes))
            let isFresh = !parser.isCollecting
            let outcome = Self.outcome(message, &parser)
            if isFresh {
                var other = DefaultParser(limits: limits)
                #expect(outcome == Self.outcome(message, &other), "\(message)")
            }
            if outcome == "error" { refused += 1 } else { accepted += 1 }
        }
        // Of random texts few are packets: mostly those that need no payload.
        #expect(accepted > 100 && refused > 30_000, "\(accepted) and \(refused)")
    }

    /// What a parser makes of a message, in words.
    private static func outcome(_ message: EngineMessage, _ parser: inout DefaultParser) -> String {
        do {
            guard let packet = try parser.receive(message) else { return "attachments missing" }
            return touch(packet)
        } catch {
            #expect(!parser.isCollecting)
            return "error"
        }
    }

    /// Valid packets with a few bytes changed, cut or doubled.
    @Test func damagedPackets() throws {
        var random = PacketTestRandom(seed: 42)
        let seeds = [
            #"2["chat message",{"text":"hello","n":[1,2.5e3,null,true]},"\u00e9\n"]"#, #"2/admin,456["x",123]"#,
            #"0/admin,{"token":"123"}"#, #"3/admin,456[]"#, #"4/x,{"message":"no"}"#, "1/admin,",
            #"52-/cool,23["a",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]"#,
            #"61-4[{"num":0,"_placeholder":true},{}]"#,
        ].map { Array($0.utf8) }
        var (accepted, refused) = (0, 0)
        for _ in 0..<60_000 {
            var bytes = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(bytes[place], at: place)
                default: bytes.removeSubrange(place...)
                }
            }
            var parser = DefaultParser()
            var packet = try? parser.receive(.text(ByteBuffer(bytes: bytes)))
            while packet == nil, parser.isCollecting { packet = try? parser.receive(bytes: [1, 2]) }
            if let packet {
                accepted += 1
                _ = Self.touch(packet)
            } else {
                refused += 1
            }
        }
        #expect(accepted > 10_000 && refused > 10_000, "\(accepted) and \(refused)")
    }

    /// Reads everything of a packet that a handler could, and says what it is.
    private static func touch(_ packet: SocketPacket) -> String {
        let head = "\(packet.nsp) \(packet.id.map(String.init) ?? "-")"
        switch packet.body {
        case .event(let payload):
            #expect(payload.eventName != nil || payload.values.first.map { $0.string == nil } ?? true, "\(head)")
            return "event \(head) \(payload.values)"
        case .ack(let payload): return "ack \(head) \(payload.values)"
        case .connect: return "connect \(head)"
        case .disconnect: return "disconnect \(head)"
        case .connectError: return "connect error \(head)"
        }
    }
}
