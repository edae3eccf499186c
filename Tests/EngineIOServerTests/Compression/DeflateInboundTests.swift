// Part of socketio-server, MIT licence; see LICENSE.

internal import CZlib
internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// What the server makes of compressed frames, without a socket.
@Suite struct DeflateInboundTests {
    enum Outcome: Equatable {
        case event(WebSocketEvent)
        case error(WebSocketProtocolError)

        static func text(_ text: String) -> Outcome { .event(.message(.text(ByteBuffer(string: text)))) }
        static func binary(_ bytes: [UInt8]) -> Outcome { .event(.message(.binary(ByteBuffer(bytes: bytes)))) }
    }

    private static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

    private static func assemble(
        _ pieces: [some Collection<UInt8>], limit: Int, isAgreed: Bool = true
    ) -> [Outcome] {
        var assembler = MessageAssembler(
            limits: WebSocketLimits(maximumMessageSize: limit), decompressor: isAgreed ? FrameInflater() : nil)
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

    /// The frames in one piece, byte by byte, and cut once at every place.
    private func expect(
        _ frames: [[UInt8]], give expected: [Outcome], limit: Int = 1000, isAgreed: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let bytes = Array(frames.joined())
        #expect(
            Self.assemble([bytes], limit: limit, isAgreed: isAgreed) == expected, sourceLocation: sourceLocation)
        guard bytes.count <= 4096 else { return }
        #expect(
            Self.assemble(bytes.map { [$0] }, limit: limit, isAgreed: isAgreed) == expected,
            sourceLocation: sourceLocation)
        for cut in 1..<bytes.count {
            #expect(
                Self.assemble([bytes[..<cut], bytes[cut...]], limit: limit, isAgreed: isAgreed) == expected,
                "cut at \(cut)", sourceLocation: sourceLocation)
        }
    }

    private func compressed(_ payload: [UInt8], opcode: UInt8 = 1, isFinal: Bool = true) -> [UInt8] {
        SessionWire.frame(opcode: opcode, payload, isFinal: isFinal, isCompressed: true)
    }

    /// The examples of RFC 7692, section 7.2.3.
    @Test func readsTheExamplesOfTheStandard() {
        expect([compressed(Self.hello)], give: [.text("Hello")])
        expect(
            [
                compressed(Array(Self.hello[..<3]), isFinal: false),
                SessionWire.frame(opcode: 0, Array(Self.hello[3...])),
            ],
            give: [.text("Hello")])
        // Not compressed, a block that calls itself the last, and two blocks.
        expect([compressed([0x00, 0x05, 0x00, 0xFA, 0xFF] + Array("Hello".utf8) + [0x00])], give: [.text("Hello")])
        expect([compressed([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00])], give: [.text("Hello")])
        expect(
            [compressed([0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00])],
            give: [.text("Hello")])
        // The second of two messages that share a window: the client was told not to.
        expect(
            [compressed(Self.hello), compressed([0xF2, 0x00, 0x11, 0x00, 0x00])],
            give: [.text("Hello"), .error(.invalidCompressedData)])
    }

    @Test func oneInflaterReadsManyMessages() throws {
        let texts = ["", "a", String(repeating: "äö€🎉", count: 50), "plain", String(repeating: "z", count: 999)]
        let frames = try texts.map { try SessionWire.compressed($0) } + [SessionWire.text("bare")]
        expect(frames, give: (texts + ["bare"]).map { .text($0) })
        // Binary, and stored, fixed and dynamic blocks.
        let bytes = noise(500) + [UInt8](repeating: 1, count: 400)
        for (level, strategy) in [(0, Z_DEFAULT_STRATEGY), (6, Z_FIXED), (9, Z_DEFAULT_STRATEGY), (6, Z_HUFFMAN_ONLY)] {
            let packed = try ClientDeflate.pack(bytes, level: Int32(level), strategy: strategy)
            expect([compressed(packed, opcode: 2)], give: [.binary(bytes)])
        }
        // The last block may end the message as well.
        expect([compressed([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])], give: [.text("Hello")])
        // An empty message, by the standard and without any byte.
        expect(
            [compressed([0x00]), compressed([]), compressed([0x00], opcode: 2)],
            give: [.text(""), .text(""), .binary([])])
    }

    @Test func controlFramesMayComeInBetween() {
        expect(
            [
                compressed(Array(Self.hello[..<4]), isFinal: false), SessionWire.frame(opcode: 9, [7]),
                SessionWire.frame(opcode: 0, [], isFinal: false), SessionWire.frame(opcode: 0, Array(Self.hello[4...])),
                SessionWire.text("next"),
            ],
            give: [.event(.ping(ByteBuffer(bytes: [7]))), .text("Hello"), .text("next")])
    }

    @Test func reservedBitsElsewhereAreAnError() {
        let refused: [Outcome] = [.error(.reservedBits)]
        expect([compressed(Self.hello)], give: refused, isAgreed: false)
        expect([compressed([], opcode: 9)], give: refused)
        expect([compressed([], opcode: 8)], give: refused)
        expect([compressed([], opcode: 10)], give: refused)
        expect([compressed(Self.hello, opcode: 3)], give: refused)
        expect([compressed([0x00], isFinal: false), compressed([0x00], opcode: 0)], give: refused)
        expect([SessionWire.frame([1], isFinal: false), compressed(Self.hello, opcode: 0)], give: refused)
        for bit: UInt8 in [0x20, 0x10] {
            for other: UInt8 in [0, 0x40] {
                var frame = SessionWire.text("x")
                frame[0] |= bit | other
                expect([frame], give: refused)
            }
        }
        // A new message inside a compressed one.
        expect([compressed([0x00], isFinal: false), compressed(Self.hello)], give: [.error(.expectedContinuation)])
    }

    @Test func textIsCheckedAfterInflation() throws {
        for bytes: [UInt8] in [[0xFF], [0x61, 0xE2, 0x82], [0xED, 0xA0, 0x80], [0xC0, 0x80]] {
            expect([compressed(try ClientDeflate.pack(bytes))], give: [.error(.invalidUTF8)])
            expect([compressed(try ClientDeflate.pack(bytes), opcode: 2)], give: [.binary(bytes)])
        }
        #expect(WebSocketProtocolError.invalidUTF8.closeCode == 1007)
    }

    /// The limit holds for what comes out, to the byte, also for data that grows when it is compressed.
    @Test(arguments: [0, 1, 2, 100, 4095, 4096, 4097, 65_536, 100_000])
    func theLimitIsExact(limit: Int) throws {
        for source in [noise(limit + 1), [UInt8](repeating: 0x61, count: limit + 1)] {
            for level: Int32 in [0, 1, 9] {
                let fits = Array(source[..<limit])
                expect(
                    [compressed(try ClientDeflate.pack(fits, level: level), opcode: 2)], give: [.binary(fits)],
                    limit: limit)
                expect(
                    [compressed(try ClientDeflate.pack(source, level: level), opcode: 2)],
                    give: [.error(.messageTooLarge(limit: limit))], limit: limit)
            }
        }
        #expect(WebSocketProtocolError.messageTooLarge(limit: 1).closeCode == 1009)
    }

    /// A gigabyte in a megabyte, and in little more than a thousand bytes; refused when the limit has come out of it.
    @Test func bombsAreRefusedAtTheLimit() throws {
        // Three bits a block header and then 258 zeros for each two bits: the densest there is.
        let limit = 1_000_000
        let bomb = try ClientDeflate.pack([UInt8](repeating: 0, count: 64 << 20), level: 9)
        #expect(bomb.count < 70_000)
        let inflater = FrameInflater()
        let payload = ByteBuffer(bytes: bomb)
        for _ in 0..<200 {
            #expect(throws: WebSocketProtocolError.messageTooLarge(limit: limit)) {
                try inflater.inflate(payload, limit: limit)
            }
        }
        // The inflater is as good as new.
        #expect(try inflater.inflate(ByteBuffer(bytes: Self.hello), limit: 5) == ByteBuffer(string: "Hello"))
        let small = try ClientDeflate.pack([UInt8](repeating: 0, count: 1_000_000), level: 9)
        #expect(try inflater.inflate(ByteBuffer(bytes: small), limit: limit).capacity <= 1 << 20)
        expect([compressed(bomb, opcode: 2)], give: [.error(.messageTooLarge(limit: 70_000))], limit: 70_000)
    }

    /// What a message may have on the wire is bounded too, before it has arrived.
    @Test func longFramesAreRefusedByTheirHeader() {
        let limit = 1000
        let frame = compressed([UInt8](repeating: 0, count: 1068), opcode: 2)
        expect([Array(frame[..<4])], give: [.error(.messageTooLarge(limit: limit))], limit: limit)
        // Together as well.
        let parts = (0..<3).map { part in
            part == 0
                ? compressed(noise(400), opcode: 2, isFinal: false)
                : SessionWire.frame(opcode: 0, noise(400), isFinal: part == 2)
        }
        expect(parts, give: [.error(.messageTooLarge(limit: limit))], limit: limit)
        // And messages that are not compressed get no more than they had.
        expect(
            [SessionWire.frame(opcode: 2, noise(1001))], give: [.error(.messageTooLarge(limit: limit))], limit: limit)
    }

    @Test func corruptDataIsRefused() throws {
        for bytes: [UInt8] in [
            [0xFF], [0x07], [0x06], [0x00, 0x05, 0x00], [0x00, 0x05, 0x00, 0xFA, 0xFE, 0x00],
            [0x00, 0x06, 0x00, 0xF9, 0xFF, 0x48], [0xF2], [0xF2, 0x48, 0xCD, 0xC9], Array(Self.hello.dropLast(2)),
        ] {
            expect([compressed(bytes)], give: [.error(.invalidCompressedData)])
        }
        #expect(WebSocketProtocolError.invalidCompressedData.closeCode == 1007)
    }

    /// Every flipped bit, every cut and any noise gives a message or an error, and the next message is read as before.
    @Test func survivesAnything() throws {
        let inflater = FrameInflater()
        let text = Array(String(repeating: "socket äö io ", count: 40).utf8) + noise(200)
        let packed = try ClientDeflate.pack(text)
        func look(_ bytes: [UInt8]) throws {
            do throws(WebSocketProtocolError) {
                let output = try inflater.inflate(ByteBuffer(bytes: bytes), limit: 5000)
                #expect(output.readableBytes <= 5000)
            } catch {
                #expect(error == .invalidCompressedData || error == .messageTooLarge(limit: 5000))
            }
            #expect(try inflater.inflate(ByteBuffer(bytes: packed), limit: 5000) == ByteBuffer(bytes: text))
        }
        for bit in 0..<(packed.count * 8) {
            var bytes = packed
            bytes[bit / 8] ^= 1 << (bit % 8)
            try look(bytes)
        }
        for count in 0..<packed.count { try look(Array(packed[..<count])) }
        for count in 1...300 { try look((0..<count).map { _ in UInt8.random(in: 0...255) }) }
    }
}
