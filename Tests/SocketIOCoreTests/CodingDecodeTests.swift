// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// `Decodable` types out of arguments.
@Suite struct CodingDecodeTests {
    private func decode<T: Decodable>(_ text: String, as type: T.Type = T.self) throws -> T {
        try PacketPayload(text: ByteBuffer(string: "[\"e\",\(text)]")).decode(type, at: 1)
    }

    struct Message: Codable, Equatable {
        struct Author: Codable, Equatable {
            var name: String
            var age: Int?
        }
        enum Kind: String, Codable { case text, image }

        var id: Int
        var author: Author
        var kind: Kind
        var tags: [String]
        var scores: [Double]
        var flags: [Bool]
        var reply: [Author]?
        var extra: [String: Int]
        var ratio: Double
        var edited: Bool
        var note: String?
    }

    static let message = Message(
        id: 7, author: .init(name: "Ann \"A\" é😀", age: nil), kind: .image, tags: ["a", "b"], scores: [1, 2.5],
        flags: [true, false], reply: [.init(name: "Bob", age: 3)], extra: ["x": 1, "y": -2], ratio: 0.5, edited: true,
        note: nil)
    static let messageText = """
        {"id":7,"author":{"name":"Ann \\"A\\" \\u00e9\\ud83d\\ude00"},"kind":"image","tags":["a","b"],"scores":[1,2.5],\
        "flags":[true,false],"reply":[{"name":"Bob","age":3}],"extra":{"x":1,"y":-2},"ratio":0.5,"edited":true}
        """

    @Test func structures() throws {
        #expect(try decode(Self.messageText) == Self.message)
        // Any order, white space, unknown members, null for nil.
        let shuffled = """
            { "unknown" : [ 1 , { "id" : 9 } ] , "edited":true,"ratio":5e-1,"extra":{"y":-2,"x":1},
              "author":{"age":null,"name":"Ann \\"A\\" é😀"}, "note":null, "flags":[true,false],"kind":"image",
              "scores":[1.0,25e-1],"tags":["a","b"],"reply":[{"age":3,"name":"Bob"}],"id":7.0 }
            """
        #expect(try decode(shuffled) == Self.message)
    }

    @Test func scalars() throws {
        #expect(try decode("\"x\"", as: String.self) == "x")
        #expect(try decode("5", as: Int.self) == 5)
        #expect(try decode("5", as: Double.self) == 5)
        #expect(try decode("5.5", as: Float.self) == 5.5)
        #expect(try decode("true", as: Bool.self))
        #expect(try decode("null", as: String?.self) == nil)
        #expect(try decode("\"x\"", as: String?.self) == "x")
        #expect(try decode("null", as: Int??.self) == Int??.none)
        #expect(try decode("[1,null]", as: [Int?].self) == [1, nil])
        #expect(try decode("[[1],[]]", as: [[Int]].self) == [[1], []])
        #expect(try decode("{\"1\":\"a\"}", as: [Int: String].self) == [1: "a"])
        #expect(try decode("[1,2,2]", as: Set<Int>.self) == [1, 2])
        #expect(try decode("[1,2]", as: ClosedRange<Int>.self) == 1...2)
    }

    @Test func strings() throws {
        #expect(
            try decode(#""\b\f\n\r\t\"\\\/\u0041\u00e9\u20ac\ud83d\ude00""#, as: String.self)
                == "\u{8}\u{c}\n\r\t\"\\/Aé€😀")
        #expect(try decode(#""\u0000""#, as: String.self) == "\0")
        #expect(try decode(#""\ud800""#, as: String.self) == "\u{fffd}")
        #expect(try decode(#""a\ud800b""#, as: String.self) == "a\u{fffd}b")
        #expect(try decode(#""\udc00\ud800""#, as: String.self) == "\u{fffd}\u{fffd}")
        #expect(try decode(#""\ud800\u0041""#, as: String.self) == "\u{fffd}A")
        #expect(try decode(#""\ud800\ud83d\ude00""#, as: String.self) == "\u{fffd}😀")
        #expect(try decode(#""\uD83D\uDE00""#, as: String.self) == "😀")
        #expect(try decode("\"\u{2028}é世😀\"", as: String.self) == "\u{2028}é世😀")
        #expect(try decode("\"\"", as: String.self) == "")
        let long = String(repeating: "0123456789é", count: 1_000)
        #expect(try decode("\"\(long)\"", as: String.self) == long)
        #expect(try decode("\"\\n\(long)\"", as: String.self) == "\n" + long)
    }

    @Test func missingArguments() throws {
        let payload = try PacketPayload(text: ByteBuffer(string: "[\"e\"]"))
        #expect(try payload.decode(Int?.self, at: 1) == nil)
        #expect(payload.value(at: 1) == .null)
        #expect(payload.rawJSON(at: 5).json == "null")
        #expect(payload.raw(at: 1).isEmpty)
        #expect(payload.leadingByte(at: 1) == nil)
        #expect(payload.leadingByte(at: -1) == nil)
        #expect(throws: DecodingError.self) { try payload.decode(Int.self, at: 1) }
        #expect(throws: DecodingError.self) { try payload.decode(String.self, at: -1) }
        do {
            _ = try payload.decode(String.self, at: 3)
        } catch DecodingError.valueNotFound(_, let context) {
            #expect(context.codingPath.map(\.intValue) == [3])
        }
    }

    @Test func theLastOfTwoMembersCounts() throws {
        struct One: Decodable { var a: Int }
        #expect(try decode("{\"a\":1,\"a\":2}", as: One.self).a == 2)
        #expect(try decode("{\"a\":1,\"\\u0061\":2}", as: One.self).a == 2)
        #expect(try decode("{\"\\u0061\":2}", as: One.self).a == 2)
        #expect(try decode("{\"a\":1,\"a\":2}", as: [String: Int].self) == ["a": 2])
        #expect(try decode("{\"a\":1,\"a\":2}", as: SocketValue.self) == ["a": 2])
        let many = (0..<40).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(try decode("{\"a\":1,\(many),\"a\":3}", as: One.self).a == 3)
        #expect(try decode("{\(many)}", as: [String: Int].self).count == 40)
    }

    @Test func largeObjectsAreNotSearchedMemberByMember() throws {
        let count = 20_000
        let text = "{" + (0..<count).map { "\"key\($0)\":\($0)" }.joined(separator: ",") + "}"
        let started = ContinuousClock.now
        let result = try decode(text, as: [String: Int].self)
        #expect(result.count == count)
        #expect(result["key19999"] == 19_999)
        #expect(ContinuousClock.now - started < .seconds(10))
    }

    /// Errors that are caught must not each search the whole text for their coding path.
    @Test func manyCaughtErrorsAreCheap() throws {
        enum Either: Decodable {
            case text(String)
            case number(Int)
            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else {
                    self = .number(try container.decode(Int.self))
                }
            }
        }
        let count = 50_000
        let text = "[" + Array(repeating: "1", count: count).joined(separator: ",") + "]"
        let started = ContinuousClock.now
        #expect(try decode(text, as: [Either].self).count == count)
        #expect(ContinuousClock.now - started < .seconds(10))
    }

    struct Manual: Decodable {
        enum Keys: String, CodingKey { case list, inner, nothing, `super` }
        var sum = 0
        var depth: [String] = []
        var keys: [String] = []

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            keys = container.allKeys.map(\.rawValue)
            #expect(container.contains(.list))
            #expect(try container.decodeNil(forKey: .nothing))
            #expect(try !container.decodeNil(forKey: .list))
            var list = try container.nestedUnkeyedContainer(forKey: .list)
            #expect(list.count == 5)
            sum += try list.decode(Int.self)
            #expect(try list.decodeNil())
            #expect(try !list.decodeNil())
            var inner = try list.nestedUnkeyedContainer()
            while !inner.isAtEnd { sum += try inner.decode(Int.self) }
            #expect(list.currentIndex == 3)
            let object = try list.nestedContainer(keyedBy: Keys.self)
            sum += try object.decode(Int.self, forKey: .inner)
            sum += try list.superDecoder().singleValueContainer().decode(Int.self)
            #expect(list.isAtEnd)
            #expect(throws: DecodingError.self) { try list.decode(Int.self) }
            #expect(throws: DecodingError.self) { try list.decodeNil() }
            let nested = try container.nestedContainer(keyedBy: Keys.self, forKey: .inner)
            depth = nested.codingPath.map(\.stringValue)
            sum += try container.superDecoder().singleValueContainer().decode(Int.self)
            sum += try container.superDecoder(forKey: .super).singleValueContainer().decode(Int.self)
        }
    }

    @Test func containersByHand() throws {
        let value = try decode(
            #"{"list":[1,null,[2,3],{"inner":4},5],"inner":{},"nothing":null,"super":10,"other":0}"#, as: Manual.self)
        #expect(value.sum == 35)
        #expect(value.keys == ["list", "inner", "nothing", "super"])
        #expect(value.depth == ["Index 1", "inner"])
    }

    class Base: Codable {
        var a: Int
        init(a: Int) { self.a = a }
    }

    final class Derived: Base {
        enum Keys: String, CodingKey { case b }
        var b: String
        init(a: Int, b: String) {
            self.b = b
            super.init(a: a)
        }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            b = try container.decode(String.self, forKey: .b)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try super.encode(to: container.superEncoder())
            try container.encode(b, forKey: .b)
        }
    }

    @Test func classes() throws {
        let value = try decode(#"{"b":"x","super":{"a":3}}"#, as: Derived.self)
        #expect(value.a == 3)
        #expect(value.b == "x")
        var writer = ArgumentWriter()
        try writer.append(value)
        #expect(String(buffer: writer.finish().json) == #"[{"super":{"a":3},"b":"x"}]"#)
    }

    enum Shape: Codable, Equatable {
        case circle(radius: Double)
        case none
    }

    @Test func enumerationsWithValues() throws {
        #expect(try decode(#"{"circle":{"radius":2}}"#, as: Shape.self) == .circle(radius: 2))
        #expect(try decode(#"{"none":{}}"#, as: Shape.self) == Shape.none)
        #expect(throws: DecodingError.self) { try decode(#"{"square":{}}"#, as: Shape.self) }
    }

    @Test func faultsNameTheirPlace() throws {
        struct Outer: Decodable { var items: [Message.Author] }
        do {
            _ = try decode(#"{"items":[{"name":"a"},{"name":5}]}"#, as: Outer.self)
            Issue.record("decoded")
        } catch DecodingError.typeMismatch(_, let context) {
            #expect(context.codingPath.map(\.stringValue) == ["Index 1", "items", "Index 1", "name"])
            #expect(context.debugDescription == "Expected String but found a number.")
        }
        do {
            _ = try decode(#"{"items":[{"nam":"a"}]}"#, as: Outer.self)
            Issue.record("decoded")
        } catch DecodingError.keyNotFound(let key, let context) {
            #expect(key.stringValue == "name")
            #expect(context.codingPath.map(\.stringValue) == ["Index 1", "items", "Index 0"])
        }
        do {
            _ = try decode(#"{"items":null}"#, as: Outer.self)
            Issue.record("decoded")
        } catch DecodingError.valueNotFound {}
        for text in ["1", "\"a\"", "null", "[]", "true"] {
            #expect(throws: DecodingError.self) { try decode(text, as: Outer.self) }
        }
        #expect(throws: DecodingError.self) { try decode("{}", as: [Int].self) }
        #expect(throws: DecodingError.self) { try decode("{}", as: [String].self) }
        #expect(throws: DecodingError.self) { try decode("[1]", as: [String].self) }
        #expect(throws: DecodingError.self) { try decode("1", as: String.self) }
        #expect(throws: DecodingError.self) { try decode("\"1\"", as: Double.self) }
        #expect(throws: DecodingError.self) { try decode("0", as: Bool.self) }
        #expect(throws: DecodingError.self) { try decode("\"purple\"", as: Message.Kind.self) }
    }

    @Test func contextReachesTypesThatDecodeThemselves() throws {
        final class Surroundings {}
        struct Probe: Decodable {
            let context: AnyObject?
            init(from decoder: any Decoder) throws { context = (decoder as? PayloadDecoder)?.context }
        }
        let surroundings = Surroundings()
        let payload = try PacketPayload(text: ByteBuffer(string: "[]"))
        #expect(try payload.decode(Probe.self, at: 0, context: surroundings).context === surroundings)
    }

    @Test func eventNames() throws {
        func name(_ text: String) throws -> String? { try PacketPayload(text: ByteBuffer(string: text)).eventName }
        #expect(try name("[\"chat message\",1]") == "chat message")
        #expect(try name("[ \"\\u0061\\n\" ]") == "a\n")
        #expect(try name("[\"\"]") == "")
        #expect(try name("[1]") == "1")
        #expect(try name("[-0.50]") == "-0.5")
        #expect(try name("[1e21]") == "1e+21")
        #expect(try name("[]") == nil)
        #expect(try name("[null]") == nil)
        #expect(try name("[{}]") == nil)
        #expect(try name("[[\"a\"]]") == nil)
        #expect(try name("[true]") == nil)
        #expect(PacketPayload.empty.count == 0)
    }
}
