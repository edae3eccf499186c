// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// Numbers read exactly, and printed as JavaScript prints them.
@Suite struct JSONNumberTests {
    private func decode<T: Decodable>(_ text: String, as type: T.Type = T.self) throws -> T {
        try PacketPayload(text: ByteBuffer(string: "[\(text)]")).decode(type, at: 0)
    }

    private func encode<T: Encodable>(_ value: T) throws -> String {
        var writer = ArgumentWriter(bracketed: false)
        try writer.append(value)
        return String(buffer: writer.finish().json)
    }

    @Test(
        arguments: [
            (0.0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (-0.1, "-0.1"), (1.5, "1.5"), (100, "100"),
            (123456789, "123456789"), (0.001, "0.001"), (0.000001, "0.000001"), (0.0000012, "0.0000012"),
            (1e-7, "1e-7"), (1.5e-7, "1.5e-7"), (-1e-7, "-1e-7"), (1e-10, "1e-10"), (1.234e-100, "1.234e-100"),
            (1e15, "1000000000000000"), (1e16, "10000000000000000"), (1e17, "100000000000000000"),
            (1e20, "100000000000000000000"), (123456789012345683968, "123456789012345680000"),
            (1e21, "1e+21"), (1.5e21, "1.5e+21"), (1e22, "1e+22"), (1e100, "1e+100"), (-1e300, "-1e+300"),
            (.leastNonzeroMagnitude, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
            (2.2250738585072014e-308, "2.2250738585072014e-308"), (9007199254740991, "9007199254740991"),
            (9007199254740992, "9007199254740992"), (9007199254740994, "9007199254740994"),
            (0.30000000000000004, "0.30000000000000004"), (1.0 / 3, "0.3333333333333333"), (123.456, "123.456"),
            (4.35, "4.35"), (1234567.891, "1234567.891"), (0.00001234, "0.00001234"), (1e-5, "0.00001"),
            (.nan, "null"), (.infinity, "null"), (-.infinity, "null"),
        ] as [(Double, String)]) func printsAsJavaScript(_ value: Double, _ text: String) throws
    {
        #expect(try encode(value) == text)
        #expect(try encode(SocketValue.double(value)) == text)
        #expect(try encode([value]) == "[\(text)]")
    }

    @Test func printsIntegersAndFloats() throws {
        #expect(try encode(Int.min) == "-9223372036854775808")
        #expect(try encode(Int.max) == "9223372036854775807")
        #expect(try encode(UInt64.max) == "18446744073709551615")
        #expect(try encode(Int128.max) == Int128.max.description)
        #expect(try encode([Int8.min, -1, 0, 9, 10, 99, 100, Int8.max]) == "[-128,-1,0,9,10,99,100,127]")
        #expect(try encode(Float(0.1)) == "0.1")
        #expect(try encode(Float(16_777_216)) == "16777216")
        #expect(try encode(Float(1e10)) == "10000000000")
        #expect(try encode(Float.infinity) == "null")
        #expect(try encode(Float(-0.0)) == "0")
    }

    @Test func everyPrintedDoubleReadsBack() throws {
        var generator = SeededGenerator(seed: 99)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            #expect(try decode(encode(value), as: Double.self) == value)
        }
    }

    @Test(arguments: [
        "0", "-0", "1", "0.1", "1e22", "1e23", "1e-22", "1e-23", "123456789012345678", "9007199254740993",
        "0.1000000000000000055511151231257827", "1.7976931348623157e308", "4.9e-324", "2.4703282292062328e-324",
        "2.2250738585072011e-308", "8.5e-324", "100000000000000000000000000000000", "0.000000000000000000000000001",
        "123456789012345678901234567890e-10", "1e-400", "-1e-400", "9007199254740992.5", "9007199254740993.0",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126", "0e999999999999", "0.0e-5",
    ]) func readsDoublesExactly(_ text: String) throws {
        let expected = try #require(Double(text))
        let value = try decode(text, as: Double.self)
        #expect(value.bitPattern == expected.bitPattern, "\(text): \(value)")
    }

    @Test func readsLongNumbers() throws {
        // Half way between two doubles, decided by the 1,000th digit.
        let half = "1.00000000000000011102230246251565404236316680908203125"
        let zeros = String(repeating: "0", count: 1_000)
        #expect(try decode(half + zeros, as: Double.self) == 1)
        #expect(try decode(half + zeros + "1", as: Double.self) == 1.0.nextUp)
        #expect(try decode("1" + zeros + "e-1000", as: Double.self) == 1)
        #expect(try decode("0." + zeros + "1e1001", as: Double.self) == 1)
        let digits = String(repeating: "7", count: 400_000)
        #expect(try decode("0." + digits, as: Double.self) == 7.0 / 9)
        #expect(throws: DecodingError.self) { try decode(digits, as: Double.self) }
        #expect(throws: DecodingError.self) { try decode(digits, as: Int.self) }
    }

    @Test func numbersOutOfRange() throws {
        for text in ["1e400", "-1e400", "1e99999999999999999999", "2e308"] {
            #expect(throws: DecodingError.self) { try decode(text, as: Double.self) }
            #expect(throws: DecodingError.self) { try decode(text, as: Int.self) }
            // The dynamic form does as JavaScript.
            #expect(try decode(text, as: SocketValue.self).double?.isInfinite == true)
        }
        #expect(throws: DecodingError.self) { try decode("1e39", as: Float.self) }
    }

    private func check<T: FixedWidthInteger & Codable & Sendable>(_ type: T.Type) throws {
        for value in [T.min, T.max, 0, 1, T.max - 1, T.min + 1] {
            #expect(try decode(value.description, as: type) == value)
            #expect(try decode(encode(value), as: type) == value)
            #expect(try decode("{\"v\":\(value)}", as: [String: T].self) == ["v": value])
            #expect(try decode("[\(value)]", as: [T?].self) == [value])
        }
        for text in ["\(T.max)0", "-\(T.max)0", "1.5", "1e400", "\"1\"", "true", "null", "[]", "-0.5"] {
            #expect(throws: DecodingError.self) { try decode(text, as: type) }
        }
        let above = T.max.description
        let last = try #require(above.last?.wholeNumberValue)
        #expect(throws: DecodingError.self) { try decode(above.dropLast() + "\(last + 1)", as: type) }
        #expect(try decode("1.0", as: type) == 1)
        #expect(try decode("1e2", as: type) == 100)
        #expect(try decode("120e-1", as: type) == 12)
        #expect(try decode("-0", as: type) == 0)
    }

    @Test func everyIntegerWidth() throws {
        try check(Int.self)
        try check(Int8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(Int64.self)
        try check(Int128.self)
        try check(UInt.self)
        try check(UInt8.self)
        try check(UInt16.self)
        try check(UInt32.self)
        try check(UInt64.self)
        try check(UInt128.self)
        #expect(throws: DecodingError.self) { try decode("-1", as: UInt.self) }
        #expect(throws: DecodingError.self) { try decode("9223372036854775808", as: Int.self) }
        #expect(throws: DecodingError.self) { try decode("-9223372036854775809", as: Int.self) }
    }

    @Test func dynamicNumbers() throws {
        #expect(try decode("9223372036854775807", as: SocketValue.self).int == Int.max)
        #expect(try decode("9223372036854775808", as: SocketValue.self) == .double(9_223_372_036_854_775_808))
        #expect(try decode("1.0", as: SocketValue.self).int == 1)
        #expect(try decode("-0", as: SocketValue.self).double?.sign == .minus)
        #expect(try decode("1.5", as: SocketValue.self).int == nil)
    }
}
