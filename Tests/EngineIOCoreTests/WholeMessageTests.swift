// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

/// The short way for whole messages: it gives what the general way gives, or leaves everything to it.
@Suite("WebSocket messages in one piece")
struct WholeMessageTests {
    @Test func everyLengthAndMask() {
        var rng = SeededGenerator(seed: 12)
        for count in Array(0...70) + [124, 125, 126, 127, 128, 255, 256, 257, 999, 1000] {
            let payload = rng.bytes(count)
            for key in [rng.bytes(4), [0, 0, 0, 0], [255, 255, 255, 255]] {
                let frame = ClientFrame(opcode: 2, payload: payload, key: key)
                let (messages, taken) = whole(frame.bytes)
                #expect(messages == [.binary(ByteBuffer(bytes: payload))])
                #expect(taken == frame.bytes.count)
            }
        }
    }

    /// Several frames in one read, the last of which is not all there.
    @Test func takesWhatIsThere() {
        let frames: [ClientFrame] = [.text("a"), .text(""), .text("b€😀"), ClientFrame(opcode: 2, payload: [0, 255])]
        let bytes = frames.flatMap(\.bytes)
        let all: [EngineMessage] = [
            .text(ByteBuffer(string: "a")), .text(ByteBuffer()), .text(ByteBuffer(string: "b€😀")),
            .binary(ByteBuffer(bytes: [0, 255])),
        ]
        var ends = [0]
        for frame in frames { ends.append((ends.last ?? 0) + frame.bytes.count) }
        for count in 0...bytes.count {
            let complete = ends.lastIndex { $0 <= count } ?? 0
            let (messages, taken) = whole(Array(bytes[..<count]))
            #expect(messages == Array(all[..<complete]))
            #expect(taken == ends[complete])
        }
    }

    /// Whatever is not a whole message as it should be is not touched.
    @Test func leavesTheRest() {
        let long = ClientFrame(opcode: 2, payload: [UInt8](repeating: 7, count: 1001))
        var short = ClientFrame.text("hello").bytes
        short.replaceSubrange(1...1, with: [0x80 | 126, 0, 5])
        var wide = ClientFrame.text("hello").bytes
        wide.replaceSubrange(1...1, with: [0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 5])
        let frames: [[UInt8]] = [
            [], long.bytes, short, wide,
            ClientFrame(opcode: 2, payload: [UInt8](repeating: 7, count: 70_000)).bytes,
            ClientFrame(opcode: 1, payload: [0x61], key: nil).bytes + [0, 0, 0, 0, 0],
            ClientFrame(opcode: 1, payload: [0xFF]).bytes, ClientFrame(opcode: 1, payload: [0xE2, 0x82]).bytes,
            ClientFrame(opcode: 1, payload: [0x61], reserved: 0x40).bytes,
            ClientFrame(opcode: 1, payload: [0x61], reserved: 0x20).bytes,
            ClientFrame.text("a", isFinal: false).bytes, ClientFrame.more([0x61], isFinal: true).bytes,
            ClientFrame(opcode: 9, payload: []).bytes, ClientFrame(opcode: 10, payload: [1]).bytes,
            ClientFrame.close([]).bytes, ClientFrame(opcode: 3, payload: [1]).bytes,
        ]
        for bytes in frames {
            let (messages, taken) = whole(bytes)
            #expect(messages.isEmpty && taken == 0, "\(bytes.prefix(4))")
            #expect(assembleAsRead([bytes], limits: limits) == assemble([bytes], limits: limits))
        }
    }

    /// In the middle of a message, of a frame or after the end the assembler has to be asked.
    @Test func onlyBetweenMessages() {
        for before in [
            ClientFrame.text("a", isFinal: false).bytes, Array(ClientFrame.text("abc").bytes.dropLast()), [0x81],
            ClientFrame.close([]).bytes, [0x83],
        ] {
            var assembler = MessageAssembler(limits: limits)
            var bytes = ByteBuffer(bytes: before)
            assembler.receive(&bytes)
            while (try? assembler.next(now: .uptimeNanoseconds(0))) != nil {}
            #expect(!assembler.isBetweenMessages)
        }
        #expect(MessageAssembler(limits: limits).isBetweenMessages)
    }

    /// Random frames, faults among them, in random pieces: both ways agree.
    @Test func agreesWithTheGeneralWay() {
        var rng = SeededGenerator(seed: 99)
        for _ in 0..<400 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...6, using: &rng) {
                var payload = rng.bytes(Int.random(in: 0...140, using: &rng))
                let opcode: UInt8 = [1, 1, 1, 2, 2, 9, 0].randomElement(using: &rng) ?? 1
                if opcode == 1, Int.random(in: 0..<8, using: &rng) > 0 { payload = payload.map { $0 & 0x7F } }
                if opcode == 9 { payload = Array(payload.prefix(20)) }
                let isFinal = opcode == 9 || Int.random(in: 0..<6, using: &rng) > 0
                bytes += ClientFrame(opcode: opcode, payload: payload, isFinal: isFinal, key: rng.bytes(4)).bytes
            }
            var pieces: [[UInt8]] = []
            while !bytes.isEmpty {
                let count = Int.random(in: 1...bytes.count, using: &rng)
                pieces.append(Array(bytes[..<count]))
                bytes.removeFirst(count)
            }
            #expect(assembleAsRead(pieces, limits: limits) == assemble(pieces, limits: limits))
        }
    }

    /// A message that is kept stays as it is while later ones are made in the same memory.
    @Test func keptMessagesStay() {
        var reader = WholeMessageReader()
        var kept: [(EngineMessage, [UInt8])] = []
        for number in 0..<300 {
            let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number * 3)
            let bytes = ByteBuffer(bytes: ClientFrame(opcode: 2, payload: payload).bytes)
            var taken = 0
            let whole = reader.next(in: bytes, at: &taken, limit: limits.maximumMessageSize)
            #expect(whole?.lead == payload.first ?? 0)
            if let whole, number.isMultiple(of: 2) { kept.append((whole.message, payload)) }
        }
        for (message, payload) in kept { #expect(message == .binary(ByteBuffer(bytes: payload))) }
        #expect(kept.count == 150)
    }

    private func whole(_ bytes: [UInt8]) -> ([EngineMessage], taken: Int) {
        var reader = WholeMessageReader()
        let buffer = ByteBuffer(bytes: bytes)
        var taken = 0
        var messages: [EngineMessage] = []
        while let whole = reader.next(in: buffer, at: &taken, limit: limits.maximumMessageSize) {
            messages.append(whole.message)
        }
        return (messages, taken)
    }
}
