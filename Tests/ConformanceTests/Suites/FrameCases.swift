// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting
import Testing

/// What a client sends on a WebSocket and what a plain echo endpoint must answer.
///
/// The classes are those of the Autobahn test suite, sections 1–7 and 10, named with its numbers, and
/// with those of the attacks in docs/security.md.
struct FrameCase: Sendable, CustomTestStringConvertible {
    var name: String
    /// Frames, sent in one write.
    var frames: [ClientFrame]
    /// Bytes each write holds; 0 sends everything at once.
    var piece: Int
    var answers: [WebSocketTestMessage]
    /// The close code the server must send by itself; nil when the connection must stay open.
    var closeCode: UInt16?

    var testDescription: String { name }

    init(
        _ name: String, _ frames: [ClientFrame], pieces: Int = 0, answers: [WebSocketTestMessage] = [],
        close: UInt16? = nil
    ) {
        self.name = name
        self.frames = frames
        self.piece = pieces
        self.answers = answers
        self.closeCode = close
    }

    static let all = messages + pings + reservedBits + opcodes + fragments + utf8 + closes + limits

    private static let sizes = [0, 125, 126, 127, 128, 65535, 65536]

    // MARK: 1 and 10: messages of every length class

    static let messages: [FrameCase] =
        sizes.flatMap { size in
            let text = String(repeating: "*", count: size)
            let bytes = [UInt8](repeating: 0xFE, count: size)
            return [
                FrameCase("1.1 text of \(size)", [.text(text)], answers: [.text(text)]),
                FrameCase("1.2 binary of \(size)", [.binary(bytes)], answers: [.binary(bytes)]),
            ]
        } + [
            FrameCase(
                "1.1.8 text of 65536 in pieces of 997", [.text(String(repeating: "*", count: 65536))], pieces: 997,
                answers: [.text(String(repeating: "*", count: 65536))]),
            FrameCase(
                "10.1.1 text of 65536 in frames of 1300",
                split(String(repeating: "*", count: 65536), every: 1300),
                answers: [.text(String(repeating: "*", count: 65536))]),
            FrameCase(
                "attack 28 1,000 messages in one write", (0..<1000).map { .text("\($0)") },
                answers: (0..<1000).map { .text("\($0)") }),
            FrameCase(
                "1 length field longer than needed, which other servers take as well",
                [ClientFrame(opcode: .text, payload: [0x61], lengthBytes: 8)],
                answers: [.text("a")]),
        ]

    // MARK: 2: pings and pongs

    static let pings: [FrameCase] = [
        FrameCase("2.1 empty ping", [.init(opcode: .ping)], answers: [.pong([])]),
        FrameCase("2.2 ping with text", [.init(opcode: .ping, payload: hello)], answers: [.pong(hello)]),
        FrameCase(
            "2.3 ping with binary", [.init(opcode: .ping, payload: [0x00, 0xFF, 0xFE, 0xFD])],
            answers: [.pong([0x00, 0xFF, 0xFE, 0xFD])]),
        FrameCase(
            "2.4 ping of 125", [.init(opcode: .ping, payload: .init(repeating: 0xFE, count: 125))],
            answers: [.pong(.init(repeating: 0xFE, count: 125))]),
        FrameCase(
            "2.5 ping of 126", [.init(opcode: .ping, payload: .init(repeating: 0xFE, count: 126))], close: 1002),
        FrameCase(
            "2.6 ping of 125, a byte at a time", [.init(opcode: .ping, payload: .init(repeating: 1, count: 125))],
            pieces: 1, answers: [.pong(.init(repeating: 1, count: 125))]),
        FrameCase("2.7 pong nobody asked for", [.init(opcode: .pong), .text("a")], answers: [.text("a")]),
        FrameCase(
            "2.9 pong, then ping", [.init(opcode: .pong, payload: hello), .init(opcode: .ping, payload: [1])],
            answers: [.pong([1])]),
        FrameCase(
            "2.10 ten pings", (0..<10).map { .init(opcode: .ping, payload: [$0]) },
            answers: (0..<10).map { .pong([$0]) }),
        FrameCase(
            "2.11 ten pings, a byte at a time", (0..<10).map { .init(opcode: .ping, payload: [$0]) }, pieces: 1,
            answers: (0..<10).map { .pong([$0]) }),
    ]

    // MARK: 3: reserved bits

    static let reservedBits: [FrameCase] =
        (1...7).map { bits in
            FrameCase(
                "3 text with reserved bits \(bits)",
                [.text("a"), .init(opcode: .text, payload: hello, reserved: UInt8(bits)), .init(opcode: .ping)],
                answers: [.text("a")], close: 1002)
        } + [
            FrameCase("3.6 ping with reserved bits", [.init(opcode: .ping, reserved: 6)], close: 1002),
            FrameCase("3.7 close with reserved bits", [.init(opcode: .close, reserved: 7)], close: 1002),
        ]

    // MARK: 4: opcodes; attack 21: masks

    static let opcodes: [FrameCase] =
        [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map { code in
            FrameCase(
                "4 opcode \(code)",
                [.text("a"), .init(opcode: .init(rawValue: code), payload: hello), .init(opcode: .ping)],
                answers: [.text("a")], close: 1002)
        } + [
            FrameCase("attack 21 unmasked text", [.init(opcode: .text, payload: hello, masked: false)], close: 1002),
            FrameCase("attack 21 unmasked empty ping", [.init(opcode: .ping, masked: false)], close: 1002),
        ]

    // MARK: 5: fragments

    static let fragments: [FrameCase] = [
        FrameCase("5.1 fragmented ping", [.init(opcode: .ping, payload: hello, isFinal: false)], close: 1002),
        FrameCase("5.2 fragmented pong", [.init(opcode: .pong, payload: hello, isFinal: false)], close: 1002),
        FrameCase("5.3 two fragments", split("fragment1fragment2", every: 9), answers: [.text("fragment1fragment2")]),
        FrameCase(
            "5.5 two fragments, a byte at a time", split("fragment1fragment2", every: 9), pieces: 1,
            answers: [.text("fragment1fragment2")]),
        FrameCase(
            "5.6 ping between fragments",
            [
                .init(opcode: .text, payload: hello, isFinal: false), .init(opcode: .ping, payload: [1]),
                .init(opcode: .continuation, payload: hello),
            ], answers: [.pong([1]), .text("hellohello")]),
        FrameCase(
            "5.6 the same, a byte at a time",
            [
                .init(opcode: .binary, payload: hello, isFinal: false), .init(opcode: .ping, payload: [1]),
                .init(opcode: .continuation, payload: hello),
            ], pieces: 1, answers: [.pong([1]), .binary(hello + hello)]),
        FrameCase(
            "5.9 continuation of nothing", [.init(opcode: .continuation, payload: hello), .text("a")], close: 1002),
        FrameCase(
            "5.12 unfinished continuation of nothing",
            [.init(opcode: .continuation, payload: hello, isFinal: false), .text("a")], close: 1002),
        FrameCase(
            "5.15 continuation after the last fragment",
            split("aabb", every: 2) + [.init(opcode: .continuation, payload: hello, isFinal: false), .text("a")],
            answers: [.text("aabb")], close: 1002),
        FrameCase(
            "5.18 text inside a fragmented text", [.init(opcode: .text, payload: hello, isFinal: false), .text("a")],
            close: 1002),
        FrameCase(
            "5.19 five fragments with pings between",
            (0..<5).flatMap { index in
                [
                    ClientFrame(opcode: index == 0 ? .text : .continuation, payload: [0x61 + index], isFinal: false),
                    ClientFrame(opcode: .ping, payload: [index]),
                ]
            } + [.init(opcode: .continuation)],
            answers: (0..<5).map { .pong([$0]) } + [.text("abcde")]),
        FrameCase(
            "6.1 three empty fragments",
            [
                .init(opcode: .text, isFinal: false), .init(opcode: .continuation, isFinal: false),
                .init(opcode: .continuation),
            ], answers: [.text("")]),
    ]

    // MARK: 6: UTF-8

    private static let greek = "Hello-µ@ßöäüàá-UTF-8!! κόσμε"

    private static let valid: [String] = [
        greek, "\u{0}", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{FFFE}",
        "\u{FFFF}", "\u{10000}", "\u{1FFFF}", "\u{10FFFF}", "𐀀𐀀", "\u{FEFF}bom",
    ]

    private static let invalid: [[UInt8]] = [
        [0x80], [0xBF], [0x80, 0xBF, 0x80], [0xC0], [0xC2], [0xE0, 0x80], [0xEF, 0xBF], [0xF0, 0x90, 0x80],
        [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xF0, 0x80, 0x80, 0xAF], [0xF8, 0x88, 0x80, 0x80, 0x80],
        [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
        [0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80],
        [0xF4, 0x90, 0x80, 0x80], [0xF7, 0xBF, 0xBF, 0xBF], [0xFE], [0xFF], [0xC1, 0xBF], [0xF5, 0x80, 0x80, 0x80],
    ]

    static let utf8: [FrameCase] =
        valid.enumerated().flatMap { index, text in
            [
                FrameCase("6 valid text \(index)", [.text(text)], answers: [.text(text)]),
                FrameCase(
                    "6 valid text \(index), a byte in a frame", split(text, every: 1), answers: [.text(text)]),
                FrameCase(
                    "6 valid text \(index), a byte at a time", [.text(text)], pieces: 1, answers: [.text(text)]),
            ]
        }
        + invalid.enumerated().flatMap { index, bytes in
            let around = Array("before ".utf8) + bytes + Array(" after".utf8)
            return [
                FrameCase("6 invalid text \(index)", [.init(opcode: .text, payload: around)], close: 1007),
                FrameCase("6 invalid text \(index) at the end", [.init(opcode: .text, payload: bytes)], close: 1007),
                FrameCase("6 invalid text \(index), a byte in a frame", split(around, every: 1), close: 1007),
                FrameCase(
                    "6 invalid text \(index), a byte at a time", [.init(opcode: .text, payload: around)], pieces: 1,
                    close: 1007),
            ]
        }
        + [
            FrameCase(
                "6 invalid bytes are fine in binary", [.binary([0xFF, 0xC0])], answers: [.binary([0xFF, 0xC0])])
        ]

    // MARK: 7: closing

    static let closes: [FrameCase] =
        [
            FrameCase("7.1.1 a message, then close", [.text("a"), .close(1000)], answers: [.text("a")], close: 1000),
            FrameCase("7.1.2 two closes", [.close(1000), .close(1000)], close: 1000),
            FrameCase("7.1.3 ping after close", [.close(1000), .init(opcode: .ping)], close: 1000),
            FrameCase("7.1.4 text after close", [.close(1000), .text("a")], close: 1000),
            FrameCase(
                "7.1.5 close between fragments",
                [
                    .init(opcode: .text, payload: hello, isFinal: false), .close(1000),
                    .init(opcode: .continuation, payload: hello),
                ], close: 1000),
            FrameCase(
                "7.1.6 a long message, then close", [.text(String(repeating: "*", count: 262_144)), .close(1000)],
                answers: [.text(String(repeating: "*", count: 262_144))], close: 1000),
            FrameCase("7.3.1 close without code", [.close()], close: 1005),
            FrameCase("7.3.2 close of one byte", [.init(opcode: .close, payload: [0x61])], close: 1002),
            FrameCase("7.3.4 close with reason", [.close(1000, "Hello World!")], close: 1000),
            FrameCase(
                "7.3.5 close with the longest reason", [.close(1000, String(repeating: "*", count: 123))],
                close: 1000),
            FrameCase(
                "7.3.6 close of 126 bytes", [.close(1000, String(repeating: "*", count: 124))], close: 1002),
            FrameCase(
                "7.5.1 reason that is not UTF-8",
                [.init(opcode: .close, payload: [0x03, 0xE8, 0xCE, 0xBA, 0xED, 0xA0])],
                close: 1007),
        ]
        + [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map { (code: UInt16) in
            FrameCase("7.7 close code \(code)", [.close(code)], close: code)
        }
        + [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map { (code: UInt16) in
            FrameCase("7.9 close code \(code)", [.close(code)], close: 1002)
        }

    // MARK: attacks 24, 25 and 27: limits

    static let limits: [FrameCase] =
        [UInt64(1) << 63, .max, 10_000_000, 1_000_001].map { length in
            FrameCase(
                "attack 24 \(length) bytes announced",
                [ClientFrame(opcode: .binary, announcedLength: length, lengthBytes: 8)],
                close: length >> 63 == 1 ? nil : 1009)
        }.map { item in
            var item = item
            // Which of the two is not fixed: the highest bit is against RFC 6455, 5.2 and over the limit as well.
            if item.closeCode == nil { item.closeCode = Self.eitherTooBigOrInvalid }
            return item
        } + [
            FrameCase(
                "attack 24 over the limit in two fragments",
                [
                    .init(opcode: .binary, payload: .init(repeating: 1, count: 600_000), isFinal: false),
                    .init(opcode: .continuation, payload: .init(repeating: 1, count: 600_000)),
                ], close: 1009),
            FrameCase(
                "exactly the limit", [.binary(.init(repeating: 7, count: 1_000_000))],
                answers: [.binary(.init(repeating: 7, count: 1_000_000))]),
            FrameCase(
                "attack 25 1,024 fragments", split(.init(repeating: 0x61, count: 1024), every: 1),
                answers: [.text(String(repeating: "a", count: 1024))]),
            FrameCase(
                "attack 25 1,025 fragments", split(.init(repeating: 0x61, count: 1025), every: 1), close: 1008),
            FrameCase(
                "attack 25 200,000 empty fragments",
                [.init(opcode: .text, isFinal: false)]
                    + Array(repeating: .init(opcode: .continuation, isFinal: false), count: 200_000), close: 1008),
            FrameCase(
                "attack 27 1,000 pings at once", Array(repeating: .init(opcode: .ping), count: 1000), close: 1008),
            FrameCase(
                "attack 27 1,000 pongs at once", Array(repeating: .init(opcode: .pong), count: 1000), close: 1008),
        ]

    /// Stands for "1009 or 1002" in the table.
    static let eitherTooBigOrInvalid: UInt16 = 0

    // MARK: helpers

    private static let hello = Array("hello".utf8)

    private static func split(_ text: String, every size: Int) -> [ClientFrame] {
        split(Array(text.utf8), every: size)
    }

    private static func split(_ bytes: [UInt8], every size: Int) -> [ClientFrame] {
        stride(from: 0, to: bytes.count, by: size).map { start in
            let end = min(bytes.count, start + size)
            return ClientFrame(
                opcode: start == 0 ? .text : .continuation, payload: Array(bytes[start..<end]),
                isFinal: end == bytes.count)
        }
    }
}
