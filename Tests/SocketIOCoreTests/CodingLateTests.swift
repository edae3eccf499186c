// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// Containers used out of order, which `Encodable` allows.
@Suite struct CodingLateTests {
    struct AnyEncodable: Encodable {
        let body: @Sendable (any Encoder) throws -> Void
        init(_ body: @escaping @Sendable (any Encoder) throws -> Void) { self.body = body }
        func encode(to encoder: any Encoder) throws { try body(encoder) }
    }

    enum Keys: String, CodingKey { case a, b, c, d }

    private func encode(_ body: @escaping @Sendable (any Encoder) throws -> Void) throws -> String {
        var writer = ArgumentWriter()
        try writer.append(AnyEncodable(body))
        try writer.append(0)
        return String(buffer: writer.finish().json)
    }

    @Test func sameContainerTwice() throws {
        let text = try encode { encoder in
            var first = encoder.container(keyedBy: Keys.self)
            try first.encode(1, forKey: .a)
            var second = encoder.container(keyedBy: Keys.self)
            try second.encode(2, forKey: .b)
            try first.encode(3, forKey: .c)
        }
        #expect(text == #"[{"a":1,"b":2,"c":3},0]"#)
    }

    @Test func nestedContainersTakeTurns() throws {
        let text = try encode { encoder in
            var outer = encoder.container(keyedBy: Keys.self)
            var first = outer.nestedUnkeyedContainer(forKey: .a)
            var second = outer.nestedContainer(keyedBy: Keys.self, forKey: .b)
            try first.encode(1)
            try second.encode(2, forKey: .c)
            try outer.encode("x", forKey: .d)
            try first.encode(["l": [3]])
            try second.encode([4, 5], forKey: .d)
            try first.encodeNil()
        }
        #expect(text == #"[{"a":[1,{"l":[3]},null],"b":{"c":2,"d":[4,5]},"d":"x"},0]"#)
    }

    @Test func lateContainersInsideLateContainers() throws {
        let text = try encode { encoder in
            var outer = encoder.unkeyedContainer()
            var first = outer.nestedUnkeyedContainer()
            try outer.encode("end")
            var late = first.nestedUnkeyedContainer()
            var later = late.nestedContainer(keyedBy: Keys.self)
            try late.encode(1)
            try first.encode(2)
            try later.encode(3, forKey: .a)
            var list = later.nestedUnkeyedContainer(forKey: .b)
            try outer.encode("really")
            try list.encode(CodingDecodeTests.Message.Author(name: "n", age: 1))
            try list.encode(4)
            try late.encode(5)
        }
        #expect(text == #"[[[[{"a":3,"b":[{"name":"n","age":1},4]},1,5],2],"end","really"],0]"#)
    }

    /// A class that takes the place for its superclass first and fills it last, as Foundation's encoders allow.
    private class Vehicle: Encodable {
        var wheels = 4

        private enum Keys: CodingKey { case wheels }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(wheels, forKey: .wheels)
        }
    }

    private final class Bus: Vehicle {
        var line = "7"

        private enum Keys: CodingKey { case line, stops }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            let superclass = container.superEncoder()
            var stops = container.nestedUnkeyedContainer(forKey: .stops)
            try container.encode(line, forKey: .line)
            for stop in ["a", "b"] { try stops.encode(stop) }
            try super.encode(to: superclass)
        }
    }

    @Test func classesEncodeTheirSuperclassLast() throws {
        var writer = ArgumentWriter()
        try writer.append(Bus())
        #expect(String(buffer: writer.finish().json) == #"[{"super":{"wheels":4},"stops":["a","b"],"line":"7"}]"#)
    }

    @Test func superEncoders() throws {
        let unused = try encode { encoder in
            var outer = encoder.container(keyedBy: Keys.self)
            _ = outer.superEncoder()
            try outer.encode(1, forKey: .a)
        }
        #expect(unused == #"[{"super":{},"a":1},0]"#)

        let prompt = try encode { encoder in
            var outer = encoder.unkeyedContainer()
            var list = outer.superEncoder().unkeyedContainer()
            try list.encode(1)
            try list.encode([2])
            var single = outer.superEncoder().singleValueContainer()
            try single.encode("s")
            var members = outer.superEncoder().container(keyedBy: Keys.self)
            try members.encode(true, forKey: .a)
            try outer.encode(9)
        }
        #expect(prompt == #"[[[1,[2]],"s",{"a":true},9],0]"#)

        let late = try encode { encoder in
            var outer = encoder.container(keyedBy: Keys.self)
            let first = outer.superEncoder(forKey: .a)
            let second = outer.superEncoder(forKey: .b)
            let third = outer.superEncoder(forKey: .c)
            try outer.encode(1, forKey: .d)
            var list = third.unkeyedContainer()
            try list.encode(3)
            var members = first.container(keyedBy: Keys.self)
            try members.encode(["k": [1]], forKey: .a)
            var single = second.singleValueContainer()
            try single.encode(CodingDecodeTests.Message.Author(name: "n", age: nil))
            try list.encode(4)
            try members.encode(2, forKey: .b)
        }
        #expect(late == #"[{"a":{"a":{"k":[1]},"b":2},"b":{"name":"n"},"c":[3,4],"d":1},0]"#)
    }

    @Test func misuseThrows() throws {
        #expect(throws: EncodingError.self) {
            try encode { encoder in
                var single = encoder.singleValueContainer()
                try single.encode(1)
                try single.encode(2)
            }
        }
        #expect(throws: EncodingError.self) {
            try encode { encoder in
                _ = encoder.container(keyedBy: Keys.self)
                _ = encoder.unkeyedContainer()
            }
        }
        #expect(throws: EncodingError.self) {
            try encode { encoder in
                var single = encoder.singleValueContainer()
                try single.encode(1)
                var members = encoder.container(keyedBy: Keys.self)
                try members.encode(1, forKey: .a)
            }
        }
    }

    @Test func secondAttemptOfASingleValue() throws {
        let text = try encode { encoder in
            var single = encoder.singleValueContainer()
            #expect(throws: (any Error).self) { try single.encode(CodingEncodeTests.Failing()) }
            try single.encode(2)
        }
        #expect(text == "[2,0]")
    }

    @Test func codingPaths() throws {
        let text = try encode { encoder in
            var outer = encoder.container(keyedBy: Keys.self)
            try outer.encode(1, forKey: .a)
            var list = outer.nestedUnkeyedContainer(forKey: .b)
            try list.encode(1)
            let inner = list.nestedContainer(keyedBy: Keys.self)
            #expect(inner.codingPath.map(\.stringValue) == ["Index 0", "b", "Index 1"])
            #expect(list.count == 2)
        }
        #expect(text == #"[{"a":1,"b":[1,{}]},0]"#)
    }
}
