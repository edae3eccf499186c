// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// The dynamic form of values.
@Suite struct ValueTests {
    static let sample: SocketValue = [
        "name": "Ann", "age": 30, "score": 1.5, "ok": true, "none": nil, "tags": ["a", ["b"]], "nested": ["k": "v"],
    ]

    @Test func literalsAndAccess() throws {
        let value = Self.sample
        #expect(value["name"]?.string == "Ann")
        #expect(value["age"]?.int == 30)
        #expect(value["age"]?.double == 30)
        #expect(value["score"]?.double == 1.5)
        #expect(value["score"]?.int == nil)
        #expect(value["ok"]?.bool == true)
        #expect(value["none"]?.isNull == true)
        #expect(value["missing"] == nil)
        #expect(value["tags"]?[0]?.string == "a")
        #expect(value["tags"]?[1]?[0] == "b")
        #expect(value["tags"]?[2] == nil)
        #expect(value["tags"]?[-1] == nil)
        #expect(value["tags"]?.array?.count == 2)
        #expect(value["nested"]?.object?.keys == ["k"])
        #expect(value["nested"]?["k"] == "v")
        #expect(value["name"]?["x"] == nil)
        #expect(SocketValue.binary([1, 2]).binary?.bytes == [1, 2])
        #expect(value.string == nil && value.bool == nil && value.array == nil && value.binary == nil)
        #expect("a\(1)b" as SocketValue == .string("a1b"))
    }

    @Test func assignment() {
        var value = SocketValue.null
        value["a"] = 1
        value["b"] = ["x"]
        value["a"] = 2
        #expect(value == ["a": 2, "b": ["x"]])
        #expect(value.object?.keys == ["a", "b"])
        value["a"] = nil
        #expect(value == ["b": ["x"]])
        var number: SocketValue = 5
        number["a"] = 1
        #expect(number == 5)
    }

    @Test func equality() {
        #expect(SocketValue.int(1) == .double(1))
        #expect(SocketValue.int(1).hashValue == SocketValue.double(1).hashValue)
        #expect(SocketValue.int(1) != .double(1.5))
        #expect(SocketValue.int(.max) != .double(9_223_372_036_854_775_808))
        #expect(["a": 1, "b": 2] as SocketValue == ["b": 2, "a": 1])
        #expect((["a": 1, "b": 2] as SocketValue).hashValue == (["b": 2, "a": 1] as SocketValue).hashValue)
        #expect(["a": 1] as SocketValue != ["a": 1, "b": 2])
        #expect(["a": nil] as SocketValue != [:])
        #expect([1, 2] as SocketValue != [2, 1])
        #expect(SocketValue.null != false)
        #expect("1" as SocketValue != 1)
    }

    @Test func objectsKeepTheirOrder() {
        var object = SocketObject()
        let names = (0..<100).map { "k\($0 * 7 % 100)" }
        for (index, name) in names.enumerated() { object[name] = .int(Int64(index)) }
        #expect(object.keys == names)
        object["k7"] = "new"
        #expect(object.keys == names)
        #expect(object["k7"] == "new")
        for name in names.prefix(95) { object[name] = nil }
        #expect(object.keys == Array(names.suffix(5)))
        #expect(object[names[97]] == .int(97))
        #expect(object[names[3]] == nil)
        object["again"] = 1
        #expect(object["again"] == 1)
        #expect(object.map(\.key).last == "again")
        #expect(object.values.count == 6)
    }

    @Test func description() {
        #expect(
            Self.sample.description
                == #"{"name":"Ann","age":30,"score":1.5,"ok":true,"none":null,"tags":["a",["b"]],"nested":{"k":"v"}}"#)
        #expect(SocketValue.binary([1, 2, 3]).description == "<3 bytes>")
        #expect("\"\n" as SocketValue == .string("\"\n"))
        #expect(("\"\n" as SocketValue).description == #""\"\n""#)
        let deep = (0..<1_000).reduce(SocketValue.null) { value, _ in [value] }
        #expect(deep.description.count < 400)
    }

    @Test func otherCoders() throws {
        let data = try JSONEncoder().encode(Self.sample)
        #expect(try JSONDecoder().decode(SocketValue.self, from: data) == Self.sample)
        let raw = try JSONDecoder().decode(RawJSON.self, from: Data(#"{"a":[1,"x"]}"#.utf8))
        #expect(raw.json == #"{"a":[1,"x"]}"#)
        #expect(try JSONEncoder().encode(raw) == Data(#"{"a":[1,"x"]}"#.utf8))
        let bytes = try JSONEncoder().encode([SocketData([1, 2, 3])])
        #expect(bytes == Data(#"["AQID"]"#.utf8))
        #expect(try JSONDecoder().decode([SocketData].self, from: bytes) == [[1, 2, 3]])
    }

    @Test func conversions() throws {
        let value = try SocketValue(encoding: CodingDecodeTests.message)
        #expect(value["author"]?["name"]?.string == "Ann \"A\" é😀")
        #expect(try value.decode(CodingDecodeTests.Message.self) == CodingDecodeTests.message)
        #expect(try SocketValue(encoding: [SocketData([1])]) == [.binary([1])])
        #expect(try (["a": .binary([1])] as SocketValue).decode([String: SocketData].self) == ["a": [1]])
        #expect(throws: DecodingError.self) { try value.decode(Int.self) }
        let deep = (0..<200).reduce(SocketValue.null) { value, _ in [value] }
        #expect(throws: EncodingError.self) { try deep.decode(SocketValue.self) }
    }

    @Test func deepestAcceptedValue() throws {
        let text = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        let payload = try PacketPayload(text: ByteBuffer(string: text))
        var writer = ArgumentWriter()
        try writer.append(payload.value(at: 0))
        #expect(String(buffer: writer.finish().json) == text)
        var relay = ArgumentWriter()
        try relay.append(contentsOf: payload)
        #expect(String(buffer: relay.finish().json) == text)
    }
}
