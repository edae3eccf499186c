// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@Suite("WebSocket messages")
struct MessageAssemblerTests {
    @Test func messagesOfOneFrame() {
        expect([.text("hello")], give: [.text("hello")])
        expect([.text("")], give: [.text("")])
        expect([ClientFrame(opcode: 2, payload: [])], give: [.binary([])])
        expect([ClientFrame(opcode: 2, payload: [0, 255, 128])], give: [.binary([0, 255, 128])])
        expect([.text("a"), .text("b€"), .text("😀c")], give: [.text("a"), .text("b€"), .text("😀c")])
    }

    @Test func everyLengthAndMask() {
        var rng = SeededGenerator(seed: 11)
        for count in Array(0...70) + [124, 125, 126, 127, 128, 255, 256, 257, 999, 1000] {
            let payload = rng.bytes(count)
            for key in [rng.bytes(4), [0, 0, 0, 0], [255, 255, 255, 255]] {
                let frame = ClientFrame(opcode: 2, payload: payload, key: key)
                #expect(assemble([frame.bytes], limits: limits) == [.binary(payload)])
                #expect(assemble(frame.bytes.map { [$0] }, limits: limits) == [.binary(payload)])
            }
        }
        let large = rng.bytes(70_000)
        let outcomes = assemble(
            [ClientFrame(opcode: 2, payload: large).bytes], limits: WebSocketLimits(maximumMessageSize: 70_000))
        #expect(outcomes == [.binary(large)])
    }

    @Test func fragments() {
        expect(
            [.text("ab", isFinal: false), .more(Array("cd".utf8), isFinal: false), .more([], isFinal: true)],
            give: [.text("abcd")])
        expect(
            [ClientFrame(opcode: 2, payload: [1], isFinal: false), .more([2, 3], isFinal: true), .text("x")],
            give: [.binary([1, 2, 3]), .text("x")])
        expect([.text("", isFinal: false), .more([], isFinal: true)], give: [.text("")])
    }

    @Test func controlFramesInsideAMessage() {
        expect(
            [
                .text("a€", isFinal: false), ClientFrame(opcode: 9, payload: [1, 2]),
                .more(Array("€".utf8.prefix(2)), isFinal: false), ClientFrame(opcode: 10, payload: []),
                .more(Array("€".utf8.suffix(1)), isFinal: true), ClientFrame(opcode: 9, payload: []),
            ],
            give: [.ping([1, 2]), .pong([]), .text("a€€"), .ping([])])
        let full = [UInt8](repeating: 0xFE, count: 125)
        expect([ClientFrame(opcode: 9, payload: full)], give: [.ping(full)])
    }

    @Test func closeFrames() {
        expect([.close([])], give: [.event(.close(code: nil, reason: ""))])
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1014, 3000, 3999, 4000, 4999] {
            let payload = [UInt8(code >> 8), UInt8(code & 0xFF)]
            expect([.close(payload)], give: [.event(.close(code: UInt16(code), reason: ""))])
        }
        expect(
            [.close([3, 232] + Array("bye €".utf8))], give: [.event(.close(code: 1000, reason: "bye €"))])
        // Whatever follows is dropped, valid or not.
        expect(
            [.close([]), .text("late"), ClientFrame(opcode: 7, payload: [])],
            give: [.event(.close(code: nil, reason: ""))])
        expect(
            [.text("a", isFinal: false), .close([])], give: [.event(.close(code: nil, reason: ""))])
    }

    @Test func badCloseFrames() {
        expect([.close([3])], give: [.error(.invalidClosePayload)])
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            expect(
                [.close([UInt8(code >> 8), UInt8(code & 0xFF)])], give: [.error(.invalidCloseCode(UInt16(code)))])
        }
        expect([.close([3, 232, 0xFF])], give: [.error(.invalidUTF8)])
        expect([.close([3, 232, 0xE2, 0x82])], give: [.error(.invalidUTF8)])
    }

    @Test func brokenRules() {
        var unmasked = ClientFrame.text("x")
        unmasked.key = nil
        expect([.text("ok"), unmasked, .text("late")], give: [.text("ok"), .error(.unmaskedFrame)])
        for bit in [0x40, 0x20, 0x10, 0x70] as [UInt8] {
            expect([ClientFrame(opcode: 1, payload: [], reserved: bit)], give: [.error(.reservedBits)])
        }
        for opcode in Array(3...7) + Array(11...15) as [UInt8] {
            expect([ClientFrame(opcode: opcode, payload: [])], give: [.error(.reservedOpcode(opcode))])
        }
        for opcode in 8...10 as ClosedRange<UInt8> {
            expect(
                [ClientFrame(opcode: opcode, payload: [], isFinal: false)], give: [.error(.fragmentedControlFrame)])
            expect(
                [ClientFrame(opcode: opcode, payload: [UInt8](repeating: 97, count: 126))],
                give: [.error(.controlFrameTooLong)])
        }
        expect([.more([], isFinal: true)], give: [.error(.unexpectedContinuation)])
        expect([.more([], isFinal: false)], give: [.error(.unexpectedContinuation)])
        expect([.text("a"), .more([], isFinal: true)], give: [.text("a"), .error(.unexpectedContinuation)])
        expect([.text("a", isFinal: false), .text("b")], give: [.error(.expectedContinuation)])
        expect(
            [.text("a", isFinal: false), ClientFrame(opcode: 2, payload: [])], give: [.error(.expectedContinuation)])
    }

    @Test func closeCodes() {
        #expect(WebSocketProtocolError.unmaskedFrame.closeCode == 1002)
        #expect(WebSocketProtocolError.invalidCloseCode(1).closeCode == 1002)
        #expect(WebSocketProtocolError.invalidUTF8.closeCode == 1007)
        #expect(WebSocketProtocolError.messageTooLarge(limit: 1).closeCode == 1009)
        #expect(WebSocketProtocolError.tooManyFragments(limit: 1).closeCode == 1008)
        #expect(WebSocketProtocolError.tooManyControlFrames(limit: 1).closeCode == 1008)
    }

    // MARK: - Limits

    @Test func messageSize() {
        let small = WebSocketLimits(maximumMessageSize: 200)
        let fits = [UInt8](repeating: 97, count: 200)
        expect([ClientFrame(opcode: 2, payload: fits)], give: [.binary(fits)], limits: small)
        let over = Outcome.error(.messageTooLarge(limit: 200))
        expect([ClientFrame(opcode: 2, payload: fits + [97])], give: [over], limits: small)
        let half = ClientFrame(opcode: 2, payload: Array(fits.prefix(100)), isFinal: false)
        expect([half, .more(Array(fits.prefix(100)), isFinal: true)], give: [.binary(fits)], limits: small)
        expect([half, .more(Array(fits.prefix(101)), isFinal: true)], give: [over], limits: small)
        // A new message has the whole room again, and control frames need none.
        expect(
            [half, .more(Array(fits.prefix(100)), isFinal: false), ClientFrame(opcode: 9, payload: [1])],
            give: [.ping([1])], limits: small)
    }

    /// The announced length alone decides, before the mask has arrived.
    @Test(
        arguments: [
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], [0x82, 0xFF, 255, 255, 255, 255, 255, 255, 255, 255],
            [0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255], [0x82, 0xFF, 0, 0, 0, 0, 0, 0x98, 0x96, 0x80],
            [0x82, 0xFE, 0x03, 0xE9],
        ] as [[UInt8]])
    func announcedLength(header: [UInt8]) {
        let over = [Outcome.error(.messageTooLarge(limit: 1000))]
        #expect(assemble([header], limits: limits) == over)
        #expect(assemble(header.map { [$0] }, limits: limits) == over)
        let first = ClientFrame(opcode: 2, payload: [1], isFinal: false).bytes
        #expect(assemble([first + [0x80] + header.dropFirst()], limits: limits) == over)
    }

    @Test func fragmentCount() {
        let few = WebSocketLimits(maximumMessageSize: 1000, maximumFragments: 4)
        let start = ClientFrame.text("a", isFinal: false)
        let more = ClientFrame.more([98], isFinal: false)
        let end = ClientFrame.more([99], isFinal: true)
        expect([start, more, more, end, start, end], give: [.text("abbc"), .text("ac")], limits: few)
        expect([start, more, more, more, end], give: [.error(.tooManyFragments(limit: 4))], limits: few)

        let empty = ClientFrame.more([], isFinal: false).bytes
        let flood = [start.bytes + Array(repeatElement(empty, count: 200_000).joined())]
        #expect(assemble(flood, limits: limits) == [.error(.tooManyFragments(limit: 1024))])
    }

    @Test func controlFrameRate() throws {
        var assembler = MessageAssembler(limits: WebSocketLimits(maximumMessageSize: 10))
        let ping = ClientFrame(opcode: 9, payload: []).bytes
        func feed(_ count: Int, at seconds: Double) throws(WebSocketProtocolError) -> Int {
            var bytes = ByteBuffer(bytes: Array(repeatElement(ping, count: count).joined()))
            assembler.receive(&bytes)
            var events = 0
            while try assembler.next(now: .uptimeNanoseconds(UInt64(seconds * 1e9))) != nil { events += 1 }
            return events
        }
        #expect(try feed(50, at: 10) == 50)
        #expect(try feed(50, at: 11) == 50)
        #expect(throws: WebSocketProtocolError.tooManyControlFrames(limit: 50)) { try feed(1, at: 11.999) }
        #expect(try feed(1, at: 13) == 0)
    }

    // MARK: - Streams

    @Test func thousandFramesInOneSegment() {
        let frames = (0..<1000).map { ClientFrame.text("message \($0)") }
        let outcomes = assemble([frames.flatMap(\.bytes)], limits: limits)
        #expect(outcomes == (0..<1000).map { .text("message \($0)") })
    }

    @Test func randomStreamsInRandomPieces() {
        var rng = SeededGenerator(seed: 13)
        for _ in 0..<300 {
            var bytes: [UInt8] = []
            var expected: [Outcome] = []
            for _ in 0..<Int.random(in: 1...8, using: &rng) {
                let payload = rng.bytes(Int.random(in: 0...300, using: &rng))
                let cuts = (0..<Int.random(in: 0...3, using: &rng)).map { _ in
                    Int.random(in: 0...payload.count, using: &rng)
                }
                let bounds = [0] + cuts.sorted() + [payload.count]
                for (index, (from, to)) in zip(bounds, bounds.dropFirst()).enumerated() {
                    let isLast = index == bounds.count - 2
                    bytes +=
                        ClientFrame(
                            opcode: index == 0 ? 2 : 0, payload: Array(payload[from..<to]), isFinal: isLast,
                            key: rng.bytes(4)
                        ).bytes
                    if !isLast, Bool.random(using: &rng) {
                        bytes += ClientFrame(opcode: 10, payload: [UInt8(index)]).bytes
                        expected.append(.pong([UInt8(index)]))
                    }
                }
                expected.append(.binary(payload))
            }
            var pieces: [ArraySlice<UInt8>] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...100, using: &rng))
                pieces.append(piece)
                rest = rest.dropFirst(piece.count)
            }
            #expect(assemble(pieces, limits: limits) == expected)
        }
    }

    @Test func garbageNeverTraps() {
        var rng = SeededGenerator(seed: 14)
        for _ in 0..<3_000 {
            var pieces: [[UInt8]] = []
            for _ in 0..<Int.random(in: 1...4, using: &rng) {
                var piece = rng.bytes(Int.random(in: 0...60, using: &rng))
                // Half of them start like frames, so that the later stages are reached.
                if piece.count > 1, Bool.random(using: &rng) {
                    piece[0] = [0x01, 0x81, 0x82, 0x02, 0x00, 0x80, 0x88, 0x89][Int(piece[0] & 7)]
                    piece[1] |= 0x80
                }
                pieces.append(piece)
            }
            let whole = assemble([pieces.flatMap { $0 }], limits: limits)
            #expect(assemble(pieces, limits: limits) == whole)
        }
    }

    // MARK: - Memory

    /// A small message that nobody keeps leaves its memory to the next one.
    @Test func smallMessagesUseOneBuffer() throws {
        var assembler = MessageAssembler(limits: limits)
        var addresses: Set<Int> = []
        for index in 0..<100 {
            var bytes = ByteBuffer(bytes: ClientFrame.text("message \(index)").bytes)
            assembler.receive(&bytes)
            #expect(bytes.readableBytes == 0)
            guard case .message(.text(let message)) = try assembler.next(now: .uptimeNanoseconds(0)) else {
                Issue.record("no message")
                return
            }
            #expect(message.text == "message \(index)")
            addresses.insert(message.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) })
            #expect(try assembler.next(now: .uptimeNanoseconds(0)) == nil)
        }
        #expect(addresses.count == 1)
    }

    /// A message sets aside no more than has arrived of it.
    @Test func announcedBytesAreNotReserved() throws {
        var assembler = MessageAssembler(limits: WebSocketLimits(maximumMessageSize: 100_000_000))
        let announced: [UInt8] = [0x82, 0xFF, 0, 0, 0, 0, 0x05, 0xF5, 0xE1, 0x00, 0, 0, 0, 0, 1]
        var bytes = ByteBuffer(bytes: announced)
        assembler.receive(&bytes)
        #expect(try assembler.next(now: .uptimeNanoseconds(0)) == nil)
        #expect(assembler.bufferedCapacity <= 256)
    }
}
