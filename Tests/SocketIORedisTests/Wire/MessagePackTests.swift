// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOTesting
import Testing

@Suite("MessagePack")
struct MessagePackTests {
    private func written(_ json: String, attachments: [[UInt8]] = []) throws -> [UInt8] {
        var writer = MessagePackWriter(capacity: 8)
        try writer.write(json: ByteBuffer(string: json), attachments: attachments.map(ByteBuffer.init(bytes:)))
        return Array(writer.finish().readableBytesView)
    }

    private func read(
        _ bytes: [UInt8], limits: MessagePackLimits = MessagePackLimits()
    ) throws -> (json: String, attachments: [[UInt8]]) {
        var reader = MessagePackReader(ByteBuffer(bytes: bytes))
        let result = try MessagePackJSON.read(&reader, limits: limits)
        try reader.finish()
        try JSONScanner.validate(result.json)
        return (String(buffer: result.json), result.attachments.map { Array($0.readableBytesView) })
    }

    @Test(
        "numbers take their shortest form",
        arguments: [
            ("0", [0x00]), ("-0", [0x00]), ("127", [0x7F]), ("128", [0xCC, 0x80]), ("255", [0xCC, 0xFF]),
            ("256", [0xCD, 1, 0]), ("65535", [0xCD, 0xFF, 0xFF]), ("65536", [0xCE, 0, 1, 0, 0]),
            ("4294967296", [0xCF, 0, 0, 0, 1, 0, 0, 0, 0]), ("-1", [0xFF]), ("-32", [0xE0]), ("-33", [0xD0, 0xDF]),
            ("-128", [0xD0, 0x80]), ("-129", [0xD1, 0xFF, 0x7F]), ("-32769", [0xD2, 0xFF, 0xFF, 0x7F, 0xFF]),
            ("-2147483649", [0xD3, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]), ("1.0", [0x01]),
            ("1e3", [0xCD, 3, 0xE8]), ("-1.50", [0xCB, 0xBF, 0xF8, 0, 0, 0, 0, 0, 0]),
            ("18446744073709551615", [0xCF] + Array(repeating: 0xFF, count: 8)),
            // notepack cuts these to 64 bits; here they stay what they are, if rounded.
            ("18446744073709551616", [0xCB, 0x43, 0xF0, 0, 0, 0, 0, 0, 0]),
            ("-9223372036854775808", [0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            ("-9223372036854777856", [0xCB, 0xC3, 0xE0, 0, 0, 0, 0, 0, 1]),
            ("1e400", [0xCB, 0x7F, 0xF0, 0, 0, 0, 0, 0, 0]),
        ] as [(String, [UInt8])])
    func numbers(json: String, bytes: [UInt8]) throws {
        #expect(try written(json) == bytes)
        #expect(try written(" [ \(json) ] ") == [0x91] + bytes)
    }

    @Test("texts, escapes and half a surrogate pair")
    func texts() throws {
        #expect(try written(#""""#) == [0xA0])
        #expect(try written(#""a\n\u00e9\ud83d\ude00\/""#) == [0xA9, 0x61, 0x0A] + Array("é😀/".utf8))
        #expect(try written(#""a\ud800b""#) == [0xA5, 0x61, 0xEF, 0xBF, 0xBD, 0x62])
        for length in [31, 32, 255, 256, 65_535, 65_536] {
            let text = String(repeating: "x", count: length)
            let bytes = try written("\"\(text)\"")
            #expect(bytes.count == length + [31: 1, 32: 2, 255: 2, 256: 3, 65_535: 3, 65_536: 5][length, default: 0])
            #expect(try read(bytes).json == "\"\(text)\"")
        }
    }

    @Test("containers of every length", arguments: [0, 1, 15, 16, 17, 65_535, 65_536])
    func containers(count: Int) throws {
        let array = "[" + (0..<count).map { "[\($0 % 7)]" }.joined(separator: ",") + "]"
        let object = "{" + (0..<count).map { "\"k\($0)\":{\"x\":[]}" }.joined(separator: ",") + "}"
        for json in [array, object, "[\(array),{\"o\":\(object)}]"] {
            let bytes = try written(json)
            #expect(try read(bytes).json == json)
        }
        let head = try written(array)[0]
        #expect(head == (count < 16 ? 0x90 | UInt8(count) : count < 65_536 ? 0xDC : 0xDD))
    }

    @Test("placeholders become byte strings and come back")
    func binary() throws {
        let json = #"["a",{"_placeholder":true,"num":1},{"x":{"_placeholder":true,"num":0}}]"#
        let bytes = try written(json, attachments: [[1, 2], []])
        #expect(bytes == [0x93, 0xA1, 0x61, 0xC4, 0, 0x81, 0xA1, 0x78, 0xC4, 2, 1, 2])
        let back = try read(bytes)
        #expect(back.json == #"["a",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]"#)
        #expect(back.attachments == [[], [1, 2]])
        // What only looks like one is left alone.
        let lookalike = #"{"_placeholder":true,"num":0}"#
        #expect(try read(try written(lookalike)).json == lookalike)
        #expect(try read(try written(#"{"_placeholder":true,"num":7}"#, attachments: [[1]])).attachments == [])
    }

    @Test(
        "what other encoders write",
        arguments: [
            ([0xCA, 0x3F, 0xC0, 0, 0], "1.5"), ([0xCB, 0x7F, 0xF8, 0, 0, 0, 0, 0, 0], "null"),
            ([0xCB, 0xFF, 0xF0, 0, 0, 0, 0, 0, 0], "null"), ([0xCB, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0], "1"),
            ([0xD4, 0, 0], "null"), ([0x82, 0xA1, 0x61, 0xD4, 0, 0, 0xA1, 0x62, 1], #"{"b":1}"#),
            ([0x81, 0xA1, 0x61, 0xD4, 0, 0], "{}"), ([0x92, 0xD4, 0, 0, 1], "[null,1]"),
            ([0xD7, 0, 0, 0, 0, 0, 0, 0, 0, 1], #""1970-01-01T00:00:00.001Z""#),
            ([0xD7, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "null"),
            ([0xD6, 0xFF, 0x69, 0x57, 0x35, 0xA5], #""2026-01-02T03:04:05.000Z""#),
            (
                [0xC7, 12, 0xFF, 0x1D, 0xCD, 0x65, 0] + Array(repeating: 0xFF, count: 7) + [0xFE],
                #""1969-12-31T23:59:58.500Z""#
            ),
            ([0xC7, 12, 0xFF, 0, 0, 0, 0] + Array(repeating: 0x7F, count: 8), "null"),
            ([0x81, 0x05, 0x06], #"{"5":6}"#), ([0x81, 0xC4, 1, 0x61, 0x06], #"{"a":6}"#),
            ([0x81, 0xC0, 0x06], #"{"null":6}"#), ([0xA1, 0xFF], "\"\u{FFFD}\""),
            ([0xA3, 0xED, 0xA0, 0x80], "\"\u{FFFD}\u{FFFD}\u{FFFD}\""),
            ([0xCF] + Array(repeating: 0xFF, count: 8), "18446744073709551615"),
            ([0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
        ] as [([UInt8], String)])
    func foreign(bytes: [UInt8], json: String) throws {
        #expect(try read(bytes).json == json)
    }

    @Test("an extension that is not known, as notepack shows it")
    func extensions() throws {
        let result = try read([0xD5, 7, 1, 2])
        #expect(result.json == #"[7,{"_placeholder":true,"num":0}]"#)
        #expect(result.attachments == [[1, 2]])
        #expect(try read([0xC7, 3, 0, 1, 2, 3]).attachments == [[1, 2, 3]])
    }

    @Test("notepack 2: a buffer of one byte is not undefined, one of eight bytes is no date")
    func shortBuffers() throws {
        #expect(try read([0xC7, 1, 0, 7]).attachments == [[7]])
        #expect(try read([0xC7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1]).attachments == [[0, 0, 0, 0, 0, 0, 0, 1]])
        #expect(try read([0xC8, 0, 1, 0, 7]).attachments == [[7]])
        #expect(try read([0xD5, 0, 1, 2]).attachments == [[1, 2]])
        #expect(try read([0xC7, 0, 0]).attachments == [[]])
        #expect(try read([0x81, 0xA1, 0x61, 0xC7, 1, 0, 7]).json == #"{"a":{"_placeholder":true,"num":0}}"#)
        #expect(try read([0xD4, 0, 7]).json == "null")
        #expect(throws: MessagePackError.invalidKey(at: 1)) { try read([0x81, 0xD7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]) }
    }

    @Test("both generations of notepack give the same, as recorded")
    func generations() throws {
        let line = try #require(
            try Vectors.text(of: "claims").split(separator: "\n").first { $0.contains(#""M1/notepack-2-and-3""#) })
        guard case .object(let values)? = try TestValue(json: String(line))["values"] else {
            throw TestFailure("no values")
        }
        #expect(values.count == 18)
        for (name, value) in values {
            let results = try ["2.2.0", "3.0.1"].compactMap { value[$0]?.string }.map { try read(bytes(hex: $0)) }
            // The newer one keeps the lowest byte of every element only.
            guard results.count == 2, name != "typedarray-uint16" else { continue }
            #expect(results[0].json == results[1].json, "\(name)")
            #expect(results[0].attachments == results[1].attachments, "\(name)")
        }
    }

    private func bytes(hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    @Test(
        "what is no MessagePack, or too much of it",
        arguments: [
            [], [0xC1], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0xA0],
            [0xDB, 0xFF, 0xFF, 0xFF, 0xFF, 0x61], [0xC6, 0xFF, 0xFF, 0xFF, 0xFF], [0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            [0x91], [0x81, 0xA1], [0x81, 0x90, 0x01], [0x81, 0xA1, 0x61], [0xCD, 0x01], [0x01, 0x01],
            Array(repeating: 0x91, count: 129) + [0x01],
            Array(repeating: 0x91, count: 100_000) + [0x01],
        ] as [[UInt8]])
    func invalid(bytes: [UInt8]) {
        #expect(throws: MessagePackError.self) { try read(bytes) }
    }

    @Test("limits at n and n + 1")
    func limits() throws {
        #expect(try read(Array(repeating: 0x91, count: 128) + [0x01]).json.count == 257)
        var limits = MessagePackLimits()
        limits.maximumAttachments = 2
        #expect(try read([0x92, 0xC4, 0, 0xC4, 0], limits: limits).attachments.count == 2)
        #expect(throws: MessagePackError.tooManyAttachments(at: 5)) {
            try read([0x93, 0xC4, 0, 0xC4, 0, 0xC4, 0], limits: limits)
        }
        limits.maximumTextLength = 4
        #expect(throws: MessagePackError.self) { try read([0x93, 0xA3, 0x61, 0x61, 0x61, 1, 1], limits: limits) }
        #expect(throws: JSONError.self) {
            try written(String(repeating: "[", count: 129) + String(repeating: "]", count: 129))
        }
    }

    @Test("random bytes give a value or an error; skipping and reading agree")
    func random() {
        var rng = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let length = Int.random(in: 0..<60, using: &rng)
            let bytes = (0..<length).map { _ in
                // Small containers and texts more often than chance would have it.
                Bool.random(using: &rng)
                    ? UInt8.random(in: 0x80..<0xC0, using: &rng) : UInt8.random(in: 0...255, using: &rng)
            }
            var skipper = MessagePackReader(ByteBuffer(bytes: bytes))
            let skipped = try? skipper.skip()
            var reader = MessagePackReader(ByteBuffer(bytes: bytes))
            guard let value = try? MessagePackJSON.read(&reader) else { continue }
            #expect(skipped?.upperBound == reader.offset, "\(bytes)")
            #expect((try? JSONScanner.validate(value.json)) != nil, "\(bytes)")
            // What was read can be written, and read again to the same.
            var writer = MessagePackWriter()
            guard (try? writer.write(json: value.json, attachments: value.attachments)) != nil else {
                Issue.record("cannot be written: \(bytes)")
                continue
            }
            var again = MessagePackReader(writer.finish())
            let second = try? MessagePackJSON.read(&again)
            #expect(second?.json == value.json && second?.attachments == value.attachments, "\(bytes)")
        }
    }

    @Test("every JSON text that starts valid ends in a value or an error")
    func truncated() {
        let text = #"{"a":[1,-2.5e3,"x\"\u00e9",true,null,{"_placeholder":true,"num":0}],"b":{}}"#
        for length in 0...text.utf8.count {
            var writer = MessagePackWriter()
            try? writer.write(
                json: ByteBuffer(bytes: text.utf8.prefix(length)), attachments: [ByteBuffer(bytes: [1])])
            _ = writer.finish()
        }
    }
}
