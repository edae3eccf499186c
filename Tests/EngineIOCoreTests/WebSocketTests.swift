// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

/// One frame as a client sends it.
struct ClientFrame {
    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true
    var reserved: UInt8 = 0
    var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]

    var bytes: [UInt8] {
        var bytes = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let mask: UInt8 = key == nil ? 0 : 0x80
        if payload.count < 126 {
            bytes.append(mask | UInt8(payload.count))
        } else if payload.count <= 0xFFFF {
            bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        } else {
            bytes.append(mask | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard let key else { return bytes + payload }
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    static func text(_ text: String, isFinal: Bool = true) -> ClientFrame {
        ClientFrame(opcode: 1, payload: Array(text.utf8), isFinal: isFinal)
    }

    static func more(_ payload: [UInt8], isFinal: Bool) -> ClientFrame {
        ClientFrame(opcode: 0, payload: payload, isFinal: isFinal)
    }

    static func close(_ payload: [UInt8]) -> ClientFrame { ClientFrame(opcode: 8, payload: payload) }
}

enum Outcome: Equatable {
    case event(WebSocketEvent)
    case error(WebSocketProtocolError)

    static func text(_ text: String) -> Outcome { .event(.message(.text(ByteBuffer(string: text)))) }
    static func binary(_ bytes: [UInt8]) -> Outcome { .event(.message(.binary(ByteBuffer(bytes: bytes)))) }
    static func ping(_ bytes: [UInt8]) -> Outcome { .event(.ping(ByteBuffer(bytes: bytes))) }
    static func pong(_ bytes: [UInt8]) -> Outcome { .event(.pong(ByteBuffer(bytes: bytes))) }
}

/// Feeds pieces and keeps every event, so that a buffer used again too early shows.
func assemble(_ pieces: [some Collection<UInt8>], limits: WebSocketLimits) -> [Outcome] {
    var assembler = MessageAssembler(limits: limits)
    var outcomes: [Outcome] = []
    for piece in pieces {
        var bytes = ByteBuffer(bytes: piece)
        assembler.receive(&bytes)
        do {
            while let event = try assembler.next(now: .uptimeNanoseconds(0)) { outcomes.append(.event(event)) }
        } catch {
            outcomes.append(.error(error))
        }
    }
    return outcomes
}

private let limits = WebSocketLimits(maximumMessageSize: 1000)

/// The frames in one piece, byte by byte, and cut once at every place: the same outcomes each time.
private func expect(
    _ frames: [ClientFrame], give expected: [Outcome], limits: WebSocketLimits = limits,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let bytes = frames.flatMap(\.bytes)
    #expect(assemble([bytes], limits: limits) == expected, sourceLocation: sourceLocation)
    #expect(assemble(bytes.map { [$0] }, limits: limits) == expected, sourceLocation: sourceLocation)
    for cut in 1..<max(2, bytes.count) {
        let pieces = [bytes[..<cut], bytes[cut...]]
        #expect(assemble(pieces, limits: limits) == expected, "cut at \(cut)", sourceLocation: sourceLocation)
    }
}

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

    // MARK: - UTF-8

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

@Suite("Server frames")
struct ServerFrameTests {
    @Test func frames() {
        #expect(ServerFrame.close(code: nil).array == [0x88, 0])
        #expect(ServerFrame.close(code: 1000).array == [0x88, 2, 3, 232])
        #expect(ServerFrame.close(code: 1001, reason: "hi").array == [0x88, 4, 3, 233, 104, 105])
        #expect(ServerFrame.pong(ByteBuffer(bytes: [1, 2])).array == [0x8A, 2, 1, 2])
        #expect(ServerFrame.message(.text(ByteBuffer(string: "x"))).array == [0x81, 1, 120])
        let large = ByteBuffer(bytes: [UInt8](repeating: 1, count: 126))
        #expect(ServerFrame.message(.binary(large)).array.prefix(4) == [0x82, 126, 0, 126])
    }

    @Test func longReasonsAreCutBetweenCharacters() {
        let ascii = ServerFrame.close(code: 1000, reason: String(repeating: "a", count: 300))
        #expect(ascii.readableBytes == 2 + 125)
        let wide = ServerFrame.close(code: 1000, reason: String(repeating: "€", count: 300))
        #expect(wide.readableBytes == 2 + 2 + 123)
        let odd = ServerFrame.close(code: 1000, reason: "a" + String(repeating: "😀", count: 300))
        #expect(odd.readableBytes == 2 + 2 + 121)
    }

    @Test func outboundPacketsHoldTheirFrame() {
        for count in [0, 1, 124, 125, 126, 65534, 65535, 65536] {
            let payload = ByteBuffer(bytes: [UInt8](repeating: 97, count: count))
            let text = OutboundPacket.message(.text(payload))
            #expect(text.payload.count == count + 1)
            #expect(text.payload.first == UInt8(ascii: "4"))
            let binary = OutboundPacket.binary(payload)
            #expect(Array(binary.payload) == payload.array)
            #expect(binary.headerLength == (count < 126 ? 2 : count < 65536 ? 4 : 10))
        }
    }
}
