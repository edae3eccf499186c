// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@Suite("WebSocket text")
struct WebSocketTextTests {
    private static let invalidTexts: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
        [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        [0xC2, 0x41], [0xE2, 0x82, 0x41], [0xE2, 0x41, 0x82], [0xF0, 0x9F, 0x98, 0x41], [0xC2], [0xE2, 0x82],
        [0xF0, 0x9F, 0x98],
        // ASCII inside a scalar whose other bytes are right.
        [0xC2, 0x41, 0x80], [0xE2, 0x82, 0x41, 0xAC], [0xF0, 0x9F, 0x41, 0x98, 0x80],
    ]

    @Test(arguments: invalidTexts)
    func invalidText(bytes: [UInt8]) {
        let ascii = Array("0123456789".utf8)
        for prefix in [[], ascii] {
            let text = prefix + bytes
            expect([ClientFrame(opcode: 1, payload: text)], give: [.error(.invalidUTF8)])
            for cut in 0...text.count {
                let frames = [
                    ClientFrame(opcode: 1, payload: Array(text[..<cut]), isFinal: false),
                    .more(Array(text[cut...]), isFinal: true),
                ]
                #expect(assemble([frames.flatMap(\.bytes)], limits: limits) == [.error(.invalidUTF8)])
            }
        }
        #expect(assemble([ClientFrame(opcode: 2, payload: bytes).bytes], limits: limits) == [.binary(bytes)])
    }

    @Test func validTextInAllFragmentations() {
        let text = "a\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}z"
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let frames: [ClientFrame] = [
                    ClientFrame(opcode: 1, payload: Array(bytes[..<first]), isFinal: false),
                    .more(Array(bytes[first..<second]), isFinal: false), .more(Array(bytes[second...]), isFinal: true),
                ]
                #expect(assemble([frames.flatMap(\.bytes)], limits: limits) == [.text(text)])
            }
        }
    }

    /// Bad bytes are refused when they arrive, not when the frame or the message is whole.
    @Test func invalidTextFailsFast() {
        var unfinished = ClientFrame(opcode: 1, payload: Array("abc".utf8) + [0xED, 0xA0], isFinal: false).bytes
        #expect(assemble([unfinished], limits: limits) == [.error(.invalidUTF8)])
        unfinished = ClientFrame(opcode: 1, payload: [0xFF] + [UInt8](repeating: 97, count: 100)).bytes
        #expect(assemble([unfinished.prefix(7)], limits: limits) == [.error(.invalidUTF8)])
    }

    @Test func validatorAgreesWithTheStandardLibrary() {
        var rng = SeededGenerator(seed: 12)
        let interesting: [UInt8] = [0x41, 0x80, 0xBF, 0xC2, 0xDF, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF3, 0xF4, 0x9F, 0xA0]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...14, using: &rng)
            let bytes = (0..<count).map { _ in interesting[Int.random(in: 0..<interesting.count, using: &rng)] }
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            #expect(UTF8Validator.isValid(ByteBuffer(bytes: bytes)) == isValid, "\(bytes)")
            let cut = Int.random(in: 0...count, using: &rng)
            var validator = UTF8Validator()
            let accepted = [bytes[..<cut], bytes[cut...]].allSatisfy { piece in
                Array(piece).withUnsafeBytes { validator.consume($0) }
            }
            #expect((accepted && validator.isComplete) == isValid, "\(bytes) cut at \(cut)")
        }
    }
}
