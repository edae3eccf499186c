// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// `Encodable` types into arguments.
@Suite struct CodingEncodeTests {
    private func encode<T: Encodable>(_ value: T) throws -> String {
        var writer = ArgumentWriter(bracketed: false)
        try writer.append(value)
        return String(buffer: writer.finish().json)
    }

    @Test func structures() throws {
        #expect(
            try encode(CodingDecodeTests.Message.Author(name: "a", age: 1)) == #"{"name":"a","age":1}"#)
        #expect(try encode(CodingDecodeTests.Message.Author(name: "a", age: nil)) == #"{"name":"a"}"#)
        let text = try encode(CodingDecodeTests.message)
        let payload = try PacketPayload(text: ByteBuffer(string: "[\(text)]"))
        #expect(try payload.decode(CodingDecodeTests.Message.self, at: 0) == CodingDecodeTests.message)
        #expect(
            text.hasPrefix(
                #"{"id":7,"author":{"name":"Ann \"A\" é😀"},"kind":"image","tags":["a","b"],"scores":[1,2.5],"#))
    }

    @Test func scalarsAndCollections() throws {
        #expect(try encode("x") == "\"x\"")
        #expect(try encode(5) == "5")
        #expect(try encode(true) == "true")
        #expect(try encode(2.0) == "2")
        #expect(try encode(Int?.none) == "null")
        #expect(try encode(Int?.some(1)) == "1")
        #expect(try encode([Int]()) == "[]")
        #expect(try encode([String]()) == "[]")
        #expect(try encode([1, nil, 3]) == "[1,null,3]")
        #expect(try encode(["a", "b"]) == #"["a","b"]"#)
        #expect(try encode([true, false]) == "[true,false]")
        #expect(try encode([[1], []]) == "[[1],[]]")
        #expect(try encode(["k": 1]) == #"{"k":1}"#)
        #expect(try encode([3: 1]) == #"{"3":1}"#)
        #expect(try encode([String: Int]()) == "{}")
        #expect(try encode(CodingDecodeTests.Shape.circle(radius: 2)) == #"{"circle":{"radius":2}}"#)
        #expect(try encode(CodingDecodeTests.Shape.none) == #"{"none":{}}"#)
        struct Nothing: Encodable {}
        #expect(try encode(Nothing()) == "{}")
        #expect(try encode([Nothing(), Nothing()]) == "[{},{}]")
    }

    @Test func stringsAsJavaScriptWritesThem() throws {
        #expect(try encode("\u{8}\u{c}\n\r\t\"\\/") == #""\b\f\n\r\t\"\\/""#)
        #expect(try encode("\0\u{1}\u{b}\u{1f}\u{7f}") == "\"\\u0000\\u0001\\u000b\\u001f\u{7f}\"")
        #expect(try encode("é\u{2028}世😀") == "\"é\u{2028}世😀\"")
        for scalar in UInt8(0)..<0x80 {
            let text = "12345678" + String(UnicodeScalar(scalar)) + "12345678"
            let payload = try PacketPayload(text: ByteBuffer(string: "[\(encode(text))]"))
            #expect(try payload.decode(String.self, at: 0) == text)
        }
    }

    @Test func argumentsAndHeadroom() throws {
        var writer = ArgumentWriter(eventName: "a\"b", headroom: 17)
        try writer.append(1)
        try writer.append(SocketValue.null)
        try writer.append(["x": true])
        let encoded = writer.finish()
        #expect(String(buffer: encoded.json) == #"["a\"b",1,null,{"x":true}]"#)
        #expect(encoded.json.readerIndex == 17)
        #expect(encoded.attachments.isEmpty)
        var empty = ArgumentWriter()
        #expect(String(buffer: empty.finish().json) == "[]")
    }

    struct Failing: Encodable {
        struct Fault: Error {}
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(SocketData([1]))
            var nested = container.nestedUnkeyedContainer()
            try nested.encode(1)
            throw Fault()
        }
    }

    @Test func aFaultLeavesNoTrace() throws {
        var writer = ArgumentWriter(eventName: "e")
        try writer.append(1)
        #expect(throws: Failing.Fault.self) { try writer.append(Failing()) }
        try writer.append(2)
        #expect(throws: Failing.Fault.self) { try writer.append([Failing()]) }
        let encoded = writer.finish()
        #expect(String(buffer: encoded.json) == "[\"e\",1,2]")
        #expect(encoded.attachments.isEmpty)
    }

    @Test func aFaultThatIsCaughtLeavesNoTrace() throws {
        struct Tolerant: Encodable {
            enum Keys: CodingKey { case a, b, c }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try? container.encode(Failing(), forKey: .a)
                try container.encode(1, forKey: .b)
                try? container.encode([Failing()], forKey: .c)
            }
        }
        var writer = ArgumentWriter()
        try writer.append(Tolerant())
        let encoded = writer.finish()
        #expect(String(buffer: encoded.json) == #"[{"b":1}]"#)
        #expect(encoded.attachments.isEmpty)
    }

    final class Endless: Encodable {
        enum Keys: CodingKey { case me }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(self, forKey: .me)
        }
    }

    final class EndlessWrapper: Encodable {
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(self)
        }
    }

    @Test func depthIsLimited() throws {
        func nested(_ depth: Int) -> SocketValue {
            (0..<depth).reduce(.int(1)) { value, level in level % 2 == 0 ? [value] : ["a": value] }
        }
        // The array of arguments is the first level.
        var writer = ArgumentWriter()
        try writer.append(nested(127))
        #expect(throws: EncodingError.self) { try writer.append(nested(128)) }
        #expect(throws: EncodingError.self) { try writer.append(Endless()) }
        #expect(throws: EncodingError.self) { try writer.append(EndlessWrapper()) }
        try JSONScanner.validate(writer.finish().json)
        #expect(throws: EncodingError.self) { try RawJSON(encoding: Endless()) }

        indirect enum Chain: Encodable {
            case end
            case link(Chain)
            func encode(to encoder: any Encoder) throws {
                guard case .link(let next) = self else { return }
                var container = encoder.unkeyedContainer()
                try container.encode(next)
            }
        }
        func chain(_ length: Int) -> Chain { (0..<length).reduce(.end) { chain, _ in .link(chain) } }
        var chains = ArgumentWriter()
        try chains.append(chain(126))  // the last link writes `{}`
        #expect(throws: EncodingError.self) { try chains.append(chain(128)) }
        try JSONScanner.validate(chains.finish().json)
        // Spliced text is measured where it lands.
        let deep = try RawJSON(String(repeating: "[", count: 127) + String(repeating: "]", count: 127))
        var splices = ArgumentWriter()
        try splices.append(deep)
        #expect(throws: EncodingError.self) { try splices.append([deep]) }
        try JSONScanner.validate(splices.finish().json)
    }

    @Test func arraysOfScalarsCountAsALevel() throws {
        func check<T: Encodable>(_ value: T) {
            var writer = ArgumentWriter(maximumDepth: 2)
            #expect(throws: Never.self) { try writer.append(value) }
            #expect(throws: EncodingError.self) { try writer.append([value]) }
        }
        check([1])
        check(["a"])
        check([true])
        check([1.5])
        check([Int8(1)])
    }

    struct Mine: Codable, SocketRepresentable, Equatable {
        var text: String
        init(_ text: String) { self.text = text }
        init(socketValue: SocketValue) throws {
            guard let string = socketValue.string else { throw Failing.Fault() }
            text = string
        }
        var socketValue: SocketValue { .string(text) }
    }

    @Test func ownRepresentations() throws {
        struct Holder: Codable, Equatable {
            var one: Mine
            var some: Mine?
            var none: Mine?
            var list: [Mine]
        }
        let holder = Holder(one: Mine("a"), some: Mine("b"), none: nil, list: [Mine("c")])
        let text = try encode(holder)
        #expect(text == #"{"one":"a","some":"b","list":["c"]}"#)
        let payload = try PacketPayload(text: ByteBuffer(string: "[\(text),\"x\",null,5]"))
        #expect(try payload.decode(Holder.self, at: 0) == holder)
        #expect(try payload.decode(Mine.self, at: 1) == Mine("x"))
        #expect(try payload.decode(Mine?.self, at: 2) == nil)
        #expect(throws: DecodingError.self) { try payload.decode(Mine.self, at: 2) }
        #expect(throws: Failing.Fault.self) { try payload.decode(Mine.self, at: 3) }
        #expect(try encode(Mine?.none) == "null")
    }
}
