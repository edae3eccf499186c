// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// What the scanner accepts and refuses; names follow the groups of the JSON test suites.
@Suite struct JSONScannerTests {
    static let accepted: [String] = [
        "null", "true", "false", "0", "-0", "1", "-1", "12", "1.0", "0.1", "-0.1", "1e5", "1E5", "1e+5", "1e-5", "0e0",
        "0e+1", "1.5e300", "1e400", "-1e400", "123456789012345678901234567890", "18446744073709551616",
        "\"\"", "\"a\"", "\"a b\"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"", "\"\\b\\f\\n\\r\\t\"", "\"\\u0000\"",
        "\"\\u00e9\"", "\"\\u00E9\"", "\"\\ud83d\\ude00\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"",
        "\"\\ud800a\"", "\"\u{7f}\"", "\"\u{80}\"", "\"\u{7ff}\"", "\"\u{800}\"", "\"\u{d7ff}\"", "\"\u{e000}\"",
        "\"\u{ffff}\"", "\"\u{10000}\"", "\"\u{10ffff}\"", "\"\u{2028}\u{2029}\"", "\"\u{feff}\"",
        "[]", "[ ]", "{}", "{ }", "[null]", "[1,2]", "[ 1 , 2 ]", "[[],[]]", "[{},{}]", "[[[[1]]]]", "{\"a\":1}",
        "{\"a\":1,\"a\":2}", "{\"\":0}", "{\"__proto__\":1}", "{\"constructor\":{}}", "{ \"a\" : [ ] , \"b\" : { } }",
        "{\"a\":{\"b\":{\"c\":[1,{\"d\":2}]}}}", " 1", "1 ", "\t\r\n 1 \t\r\n", "[1]\n", "[\"a\",1,true,null,{},[]]",
    ]

    static let refused: [(String, JSONError.Kind, Int)] = [
        ("", .unexpectedEnd, 0), (" ", .unexpectedEnd, 1), ("\u{feff}1", .unexpectedByte, 0),
        ("\u{feff}[]", .unexpectedByte, 0), ("nul", .unexpectedEnd, 3), ("nulL", .unexpectedByte, 3),
        ("nullx", .trailingBytes, 4), ("True", .unexpectedByte, 0), ("tru e", .unexpectedByte, 3),
        ("undefined", .unexpectedByte, 0), ("NaN", .unexpectedByte, 0), ("Infinity", .unexpectedByte, 0),
        ("-Infinity", .invalidNumber, 1), ("-", .unexpectedEnd, 1), ("+1", .unexpectedByte, 0),
        ("01", .invalidNumber, 1), ("-01", .invalidNumber, 2), ("00", .invalidNumber, 1), ("1.", .unexpectedEnd, 2),
        (".1", .unexpectedByte, 0), ("1.e5", .invalidNumber, 2), ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3),
        ("1e+a", .invalidNumber, 3), ("1.5.5", .trailingBytes, 3), ("0x10", .trailingBytes, 1),
        ("1_000", .trailingBytes, 1), ("--1", .invalidNumber, 1), ("[1.]", .invalidNumber, 3),
        ("\"", .unexpectedEnd, 1), ("\"a", .unexpectedEnd, 2), ("\"abcdefghij", .unexpectedEnd, 11),
        ("\"\\", .unexpectedEnd, 2), ("\"\\\"", .unexpectedEnd, 3), ("\"\\x\"", .invalidEscape, 1),
        ("\"\\u\"", .unexpectedEnd, 4), ("\"\\u12\"", .unexpectedEnd, 6), ("\"\\u12g4\"", .invalidEscape, 1),
        ("\"\\U0041\"", .invalidEscape, 1), ("\"\\u00 1\"", .invalidEscape, 1), ("\"\\a\"", .invalidEscape, 1),
        ("\"\\'\"", .invalidEscape, 1), ("'a'", .unexpectedByte, 0), ("\"a\nb\"", .controlCharacter, 2),
        ("\"\t\"", .controlCharacter, 1), ("\"\u{0}\"", .controlCharacter, 1), ("\"\u{1f}\"", .controlCharacter, 1),
        ("\"aaaaaaaaaaaaaaaaaaaa\u{1}\"", .controlCharacter, 21),
        ("[", .unexpectedEnd, 1), ("[1", .unexpectedEnd, 2), ("[1,", .unexpectedEnd, 3), ("[1,]", .unexpectedByte, 3),
        ("[,1]", .unexpectedByte, 1), ("[1 2]", .unexpectedByte, 3), ("[1,,2]", .unexpectedByte, 3),
        ("]", .unexpectedByte, 0), ("[]]", .trailingBytes, 2), ("[1}", .unexpectedByte, 2),
        ("[1:2]", .unexpectedByte, 2),
        ("{", .unexpectedEnd, 1), ("{\"a\"", .unexpectedEnd, 4), ("{\"a\":", .unexpectedEnd, 5),
        ("{\"a\":1", .unexpectedEnd, 6), ("{\"a\":1,", .unexpectedEnd, 7), ("{\"a\":1,}", .unexpectedByte, 7),
        ("{a:1}", .unexpectedByte, 1), ("{1:1}", .unexpectedByte, 1), ("{\"a\" 1}", .unexpectedByte, 5),
        ("{\"a\":1]", .unexpectedByte, 6), ("{\"a\",1}", .unexpectedByte, 4), ("{,}", .unexpectedByte, 1),
        ("{\"a\":1 \"b\":2}", .unexpectedByte, 7), ("{}}", .trailingBytes, 2), ("1 2", .trailingBytes, 2),
        ("[1]x", .trailingBytes, 3), ("[]\u{0}", .trailingBytes, 2), ("// c\n1", .unexpectedByte, 0),
        ("[1/**/]", .unexpectedByte, 2), ("\u{a0}1", .unexpectedByte, 0), ("\u{b}1", .unexpectedByte, 0),
        ("[\"x\"\u{2028}]", .unexpectedByte, 4), ("é", .unexpectedByte, 0),
    ]

    private func validate(_ bytes: [UInt8], maximumDepth: Int = 128) throws(JSONError) {
        try JSONScanner.validate(ByteBuffer(bytes: bytes), maximumDepth: maximumDepth)
    }

    private func kind(_ bytes: [UInt8], maximumDepth: Int = 128) -> JSONError? {
        do {
            try validate(bytes, maximumDepth: maximumDepth)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: accepted) func accepts(_ text: String) {
        #expect(kind(Array(text.utf8)) == nil)
        // The same in an array, with elements around it.
        #expect(kind(Array("[0,\(text),\"x\"]".utf8)) == nil)
        #expect(kind(Array("{\"k\":\(text)}".utf8)) == nil)
    }

    @Test(arguments: refused) func refuses(_ text: String, _ reason: JSONError.Kind, _ offset: Int) {
        #expect(kind(Array(text.utf8)) == JSONError(reason, at: offset))
    }

    @Test func refusesMalformedUTF8() {
        let sequences: [[UInt8]] = [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xC2, 0xC2], [0xE0, 0x9F, 0xBF],
            [0xE0, 0xA0],
            [0xE1, 0x80], [0xE1, 0x80, 0x41], [0xE1, 0x41, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80], [0xF0, 0x90, 0x80, 0x41], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ]
        for sequence in sequences {
            for padding in 0..<10 {
                let lead: [UInt8] = [0x22] + Array(repeating: 0x61, count: padding)
                #expect(kind(lead + sequence + [0x22])?.kind == .invalidUTF8, "\(sequence) after \(padding)")
                #expect(kind(lead + sequence)?.kind == .invalidUTF8)
                #expect(kind(lead + [0xC3, 0xA9] + sequence + [0x22])?.offset == padding + 3)
            }
        }
    }

    @Test func acceptsEveryScalar() throws {
        var text = ByteBuffer(string: "\"")
        for value in UInt32(0x20)...0x10FFFF where value != 0x22 && value != 0x5C {
            guard let scalar = Unicode.Scalar(value) else { continue }
            text.writeString(String(scalar))
        }
        text.writeString("\"")
        try JSONScanner.validate(text)
    }

    /// Each special byte at each distance from the start and the end of the eight-byte steps.
    @Test func findsSpecialBytesAtEveryOffset() {
        for length in 0..<40 {
            for position in 0..<max(length, 1) where length > 0 {
                for special: UInt8 in [0x00, 0x1F, 0x22, 0x5C, 0x80, 0xFF] {
                    var bytes: [UInt8] = Array(repeating: 0x7F, count: length)
                    bytes[position] = special
                    let error = kind([0x22] + bytes + [0x22])
                    let expected: JSONError.Kind =
                        switch special {
                        case 0x22: .trailingBytes
                        case 0x5C: position == length - 1 ? .unexpectedEnd : .invalidEscape
                        case 0x80...: .invalidUTF8
                        default: .controlCharacter
                        }
                    #expect(error?.kind == expected)
                }
            }
        }
    }

    @Test func limitsDepth() {
        func nested(_ open: String, _ close: String, _ depth: Int) -> [UInt8] {
            Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8)
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            let levels = open == "[{\"a\":" ? 2 : 1
            #expect(kind(nested(open, close, 128 / levels)) == nil)
            #expect(kind(nested(open, close, 128 / levels + 1))?.kind == .tooDeep)
            for depth in [5_000, 490_000] {
                #expect(kind(nested(open, close, depth))?.kind == .tooDeep)
                #expect(kind(Array(String(repeating: open, count: depth).utf8))?.kind == .tooDeep)
            }
        }
        #expect(kind(nested("[", "]", 5), maximumDepth: 5) == nil)
        #expect(kind(nested("[", "]", 6), maximumDepth: 5) == JSONError(.tooDeep, at: 5))
        #expect(kind(Array("[]".utf8), maximumDepth: 0)?.kind == .tooDeep)
        #expect(kind(Array("1".utf8), maximumDepth: 0) == nil)
        // Side by side is not deep.
        #expect(kind(Array(("[" + String(repeating: "[[]],", count: 100_000) + "0]").utf8), maximumDepth: 3) == nil)
    }

    @Test func everyPrefixOfAValidTextFails() {
        let text = Array(#"[{"a":[1,-2.5e+3,true,false,null],"\u00e9é":"\n😀"},"x"]"#.utf8)
        #expect(kind(text) == nil)
        for length in 0..<text.count {
            let error = kind(Array(text[..<length]))
            #expect(error?.kind == .unexpectedEnd || error?.kind == .invalidUTF8, "\(length)")
        }
    }

    // MARK: Splitting

    private func elements(_ text: String) throws -> [String] {
        let buffer = ByteBuffer(string: text)
        return try JSONScanner.splitArray(buffer).map { buffer.getString(at: $0.lowerBound, length: $0.count) ?? "" }
    }

    @Test func splitsTheOutermostArray() throws {
        #expect(try elements("[]") == [])
        #expect(try elements(" [ ] ") == [])
        #expect(try elements("[1]") == ["1"])
        #expect(
            try elements(#" [ "a" , 1 ,{"b":[1,2]}, [ ] , [[1],[2]] ,{} , "," ] "#) == [
                "\"a\"", "1", "{\"b\":[1,2]}", "[ ]", "[[1],[2]]", "{}", "\",\"",
            ])
        #expect(try elements("[\(Array(repeating: "[0]", count: 1000).joined(separator: ","))]").count == 1000)
    }

    @Test func splittingNeedsAnArray() {
        for text in ["{}", "1", "\"a\"", "null", " {\"a\":[1]}"] {
            #expect(throws: JSONError.self) { try elements(text) }
            do {
                _ = try JSONScanner.splitArray(ByteBuffer(string: text))
            } catch {
                #expect(error.kind == .notAnArray)
            }
        }
        do {
            _ = try JSONScanner.splitArray(ByteBuffer(string: "{\"a\":}"))
            Issue.record("accepted")
        } catch {
            #expect(error == JSONError(.unexpectedByte, at: 5))
        }
    }

    @Test func worksOnASliceOfABuffer() throws {
        var buffer = ByteBuffer(string: "42[\"a\",1]tail")
        buffer.moveReaderIndex(forwardBy: 2)
        let slice = buffer.readSlice(length: 7) ?? ByteBuffer()
        let payload = try PacketPayload(text: slice)
        #expect(payload.count == 2)
        #expect(payload.eventName == "a")
        #expect(String(decoding: payload.raw(at: 1), as: UTF8.self) == "1")
    }
}
