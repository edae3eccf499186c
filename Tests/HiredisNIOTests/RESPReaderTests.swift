// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import HiredisNIO

@Suite("RESPReader")
struct RESPReaderTests {
    /// Replies of all kinds one after the other, and what they mean.
    static let transcript = """
        +OK\r\n-NOPERM no\r\n:42\r\n:-9223372036854775808\r\n$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n\
        *3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$4\r\na\r\nb\r\n*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$2\r\nch\r\n$1\r\nx\r\n\
        *2\r\n*2\r\n:1\r\n$-1\r\n*1\r\n+x\r\n
        """
    static let meaning: [RESPReply] = [
        .value(.simple("OK")), .value(.error("NOPERM no")), .value(.integer(42)), .value(.integer(.min)),
        .value(.bulk(ByteBuffer(string: "hello"))), .value(.bulk(ByteBuffer())), .value(.null), .value(.null),
        .value(.array([])),
        .message(RedisMessage(channel: ByteBuffer(string: "ch"), payload: ByteBuffer(string: "a\r\nb"))),
        .message(
            RedisMessage(
                channel: ByteBuffer(string: "ch"), pattern: ByteBuffer(string: "*"), payload: ByteBuffer(string: "x"))),
        .value(.array([.array([.integer(1), .null]), .array([.simple("x")])])),
    ]

    private func read(_ reader: RESPReader, _ bytes: some Sequence<UInt8>) throws -> [RESPReply] {
        reader.feed(ByteBuffer(bytes: bytes))
        var replies: [RESPReply] = []
        while let reply = try reader.next() { replies.append(reply) }
        return replies
    }

    @Test("Reads every kind at every split point")
    func splits() throws {
        let bytes = Array(Self.transcript.utf8)
        for split in 0...bytes.count {
            let reader = RESPReader(recognisesMessages: true)
            var replies = try read(reader, bytes[..<split])
            replies += try read(reader, bytes[split...])
            #expect(replies == Self.meaning, "split at \(split)")
        }
        let reader = RESPReader(recognisesMessages: true)
        #expect(try bytes.flatMap { try read(reader, [$0]) } == Self.meaning, "byte by byte")
    }

    @Test("Keeps its place through much traffic in random pieces")
    func longStream() throws {
        var random = SeededGenerator(seed: 7)
        var stream = ByteBuffer()
        var expected: [RedisMessage] = []
        for index in 0..<3000 {
            let payload = String(repeating: "\(index % 10)", count: Int.random(in: 0...900, using: &random))
            expected.append(
                RedisMessage(channel: ByteBuffer(string: "c\(index)"), payload: ByteBuffer(string: payload)))
            RESPCommand.writeHeader(count: 3, to: &stream)
            for part in ["message", "c\(index)", payload] { part.write(to: &stream) }
        }
        let reader = RESPReader(recognisesMessages: true)
        var received: [RedisMessage] = []
        while stream.readableBytes > 0 {
            let count = min(stream.readableBytes, Int.random(in: 1...20_000, using: &random))
            reader.feed(stream.readSlice(length: count) ?? ByteBuffer())
            while let reply = try reader.next() {
                guard case .message(let message) = reply else { throw TestFailure("no message") }
                received.append(message)
            }
        }
        #expect(received == expected)
    }

    @Test("A short string is a slice of what was received, a message is not and keeps none of it")
    func slices() throws {
        var received = ByteBufferAllocator().buffer(capacity: 65_536)
        for length in [3, 64, 65, 300] { String(repeating: "x", count: length).write(to: &received) }
        let reader = RESPReader()
        reader.feed(received)
        for isSlice in [true, true, false, false] {
            guard case .value(.bulk(let string)) = try reader.next() else { throw TestFailure("no string") }
            #expect((string.storageCapacity >= 65_536) == isSlice, "\(string.readableBytes) bytes")
        }
        #expect(try reader.next() == nil)
    }

    @Test("Does not take the reply of a command for a message")
    func noMessages() throws {
        let reader = RESPReader()
        let replies = try read(reader, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n".utf8)
        guard case .value(.array(let elements)) = replies.first else { throw TestFailure("no array") }
        #expect(elements.count == 3)
    }

    @Test(
        "Announced counts over the limits are refused before anything is set aside",
        arguments: [
            "*4294967296\r\n", "*2147483647\r\n", "*1048577\r\n", "*99999999999999999999999\r\n", "*-2\r\n", "*x\r\n",
            "$-2\r\n", "$x\r\n", "$99999999999999999999999\r\n", ":x\r\n", ":99999999999999999999\r\n", "?\r\n",
            "\u{0}", "%1\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
            "$0000000000000000000000000000000000000", "*00000000000000000000000000000000000",
            ":00000000000000000000000000000000000",
        ])
    func refused(_ text: String) {
        let reader = RESPReader()
        #expect(throws: RESPError.self) { try read(reader, text.utf8) }
        let again = Result { try read(reader, "+OK\r\n".utf8) }
        #expect(throws: RESPError.self, "stays broken") { try again.get() }
    }

    @Test("Limits at n and n + 1")
    func limits() throws {
        let limits = RESPLimits(
            maximumBulkLength: 10, maximumReplyBytes: 15, maximumElements: 4, maximumDepth: 2, maximumLineLength: 64)
        func outcome(_ text: String) throws -> [RESPReply] { try read(RESPReader(limits: limits), text.utf8) }

        #expect(try outcome("$10\r\n0123456789\r\n") == [.value(.bulk(ByteBuffer(string: "0123456789")))])
        #expect(try outcome("$11\r\n01234567890\r\n+OK\r\n") == [.tooLarge, .value(.simple("OK"))])
        #expect(try outcome("*2\r\n$10\r\n0123456789\r\n$5\r\n01234\r\n").count == 1)
        #expect(try outcome("*2\r\n$10\r\n0123456789\r\n$6\r\n012345\r\n:1\r\n") == [.tooLarge, .value(.integer(1))])
        #expect(try outcome("*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n").count == 1)
        #expect(
            try outcome("*5\r\n:1\r\n:1\r\n$5\r\n01234\r\n:1\r\n:1\r\n+OK\r\n") == [.tooLarge, .value(.simple("OK"))])
        #expect(throws: RESPError.tooManyElements(limit: 4)) { try outcome("*65\r\n") }
        #expect(try outcome("*2\r\n*1\r\n:1\r\n:2\r\n").count == 1)
        #expect(try outcome("*1\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n+OK\r\n") == [.tooLarge, .value(.simple("OK"))])
        #expect(try outcome("*2\r\n*3\r\n:1\r\n:1\r\n:1\r\n:1\r\n:2\r\n") == [.tooLarge, .value(.integer(2))])
        #expect(throws: RESPError.tooManyElements(limit: 4)) { try outcome("*1\r\n*64\r\n") }
        let nested = "*16\r\n" + String(repeating: "*3\r\n:1\r\n:1\r\n:1\r\n", count: 16)
        #expect(try outcome(nested) == [.tooLarge])
        #expect(throws: RESPError.tooManyElements(limit: 4)) {
            try outcome("*17\r\n" + String(repeating: "*3\r\n:1\r\n:1\r\n:1\r\n", count: 17))
        }
        #expect(try outcome("*1\r\n*1\r\n:1\r\n").count == 1)
        #expect(throws: RESPError.tooDeep(limit: 2)) { try outcome("*1\r\n*1\r\n*1\r\n") }
        let line = String(repeating: "x", count: 64)
        #expect(try outcome("+\(line)\r\n") == [.value(.simple(line))])
        #expect(throws: RESPError.lineTooLong(limit: 64)) { try outcome("+\(line)x\r\n") }
        #expect(throws: RESPError.lineTooLong(limit: 64), "endless line") { try outcome("-\(line)\(line)") }
    }

    @Test("A string over the limit is skipped at every split point, and what follows is read")
    func skipping() throws {
        let limits = RESPLimits(maximumBulkLength: 10, maximumReplyBytes: 100)
        let payload = String(repeating: "y", count: 5000)
        let bytes = Array("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5000\r\n\(payload)\r\n+OK\r\n$2\r\nhi\r\n".utf8)
        for split in stride(from: 0, through: bytes.count, by: 7) {
            let reader = RESPReader(limits: limits, recognisesMessages: true)
            var replies = try read(reader, bytes[..<split])
            replies += try read(reader, bytes[split...])
            #expect(
                replies == [.tooLarge, .value(.simple("OK")), .value(.bulk(ByteBuffer(string: "hi")))], "\(split)")
            #expect(reader.skippedStrings == 1)
        }
    }

    @Test("A giant announcement costs nothing and is skipped for ever")
    func giants() throws {
        for length in ["4294967296", "9223372036854775807"] {
            let reader = RESPReader()
            #expect(try read(reader, "$\(length)\r\n".utf8) == [.tooLarge])
            for _ in 0..<100 { #expect(try read(reader, repeatElement(UInt8(ascii: "z"), count: 10_000)) == []) }
        }
    }

    @Test("A long string within the limits arrives whole")
    func longString() throws {
        let reader = RESPReader()
        let size = 3 << 20
        var stream = ByteBuffer()
        ByteBuffer(repeating: 0x61, count: size).write(to: &stream)
        ByteBuffer(string: "next").write(to: &stream)
        var replies: [RESPReply] = []
        while let piece = stream.readSlice(length: min(65_536, stream.readableBytes)), piece.readableBytes > 0 {
            reader.feed(piece)
            while let reply = try reader.next() { replies.append(reply) }
        }
        #expect(
            replies == [
                .value(.bulk(ByteBuffer(repeating: 0x61, count: size))), .value(.bulk(ByteBuffer(string: "next"))),
            ])
    }

    @Test("Garbage gives the same replies and the same end in any pieces", arguments: 0..<200)
    func garbage(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var bytes = Array(Self.transcript.utf8)
        for _ in 0..<Int.random(in: 1...20, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: Int.random(in: 0..<bytes.count, using: &random))
            case 2: bytes.insert(0x39, at: Int.random(in: 0..<bytes.count, using: &random))
            default:
                let token = ["*9\r\n", "$999\r\n", "\r\n", "*1\r\n", "$-1\r\n"].randomElement(using: &random) ?? ""
                bytes.insert(contentsOf: token.utf8, at: Int.random(in: 0..<bytes.count, using: &random))
            }
        }
        let limits = RESPLimits(
            maximumBulkLength: 100, maximumReplyBytes: 300, maximumElements: 20, maximumDepth: 3, maximumLineLength: 64)
        /// The replies, and whether an error came behind them.
        func outcome(_ nextPiece: () -> Int) -> ([RESPReply], isBroken: Bool) {
            let reader = RESPReader(limits: limits, recognisesMessages: true)
            var replies: [RESPReply] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(nextPiece())
                rest = rest.dropFirst(piece.count)
                reader.feed(ByteBuffer(bytes: piece))
                do {
                    while let reply = try reader.next() { replies.append(reply) }
                } catch {
                    return (replies, true)
                }
            }
            return (replies, false)
        }
        let (replies, isBroken) = outcome { Int.random(in: 1...40, using: &random) }
        let (others, isOtherBroken) = outcome { 1 }
        #expect(replies == others && isBroken == isOtherBroken)
    }
}
