// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Glibc
internal import LoopConfinement
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// The shard sends past session and transport while nothing stands in the way. Whatever then happens to the socket, a client
/// gets each byte once, in order, and nobody else's.
@Suite struct BypassTests {
    typealias Server = SessionTestServer

    static func message(_ text: String) -> OutboundMessage {
        OutboundMessage(head: .message(.text(ByteBuffer(string: text))))
    }

    /// How the messages of a test are made.
    enum Making: CaseIterable {
        case inABuffer
        case inPlace
        /// By turns.
        case both
    }

    static func send(_ text: String, number: Int, _ making: Making, to session: SessionCore) {
        guard making == .inPlace || (making == .both && number.isMultiple(of: 2)) else {
            return session.send(message(text))
        }
        let length = 1 + text.utf8.count
        session.send(textUpTo: length) { output in
            output[0] = UInt8(ascii: "4")
            for (offset, byte) in text.utf8.enumerated() { output[offset + 1] = byte }
            return length
        }
    }

    static func frames(_ texts: [String]) -> [UInt8] {
        texts.flatMap { Array(message($0).head.frame.readableBytesView) }
    }

    static func transport(_ session: SessionCore) throws -> WebSocketTransport {
        try #require(session.activeTransport as? WebSocketTransport)
    }

    /// Two ticks: after the first message the transport knows that its socket takes everything.
    static func warmUp(_ session: EngineSession, _ wire: SessionWire) async throws {
        for text in ["one", "two"] {
            session.send(message(text))
            #expect(try await wire.text() == "4" + text)
        }
        #expect(try await session.inside { session in session.shard.isBypassed(session) })
    }

    /// The kernel may take any number of bytes: the rest follows, and what is sent next comes behind it.
    @Test func continuesAfterEveryByte() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            try await Self.warmUp(session, wire)
            let frame = Self.message("cut somewhere").head.frame
            for taken in 0...frame.readableBytes {
                try await session.inside { session in
                    let socket = try #require(Self.transport(session).socket)
                    let first = frame.getSlice(at: frame.readerIndex, length: taken) ?? ByteBuffer()
                    #expect(socket.send(first) == taken)
                    let rest = frame.getSlice(at: frame.readerIndex + taken, length: frame.readableBytes - taken)
                    session.activeTransport.sendRest(rest ?? ByteBuffer())
                    #expect(!session.shard.isBypassed(session))
                    session.send(Self.message("next \(taken)"))
                }
                #expect(try await wire.text() == "4cut somewhere")
                #expect(try await wire.text() == "4next \(taken)")
            }
        }
    }

    /// Small buffers on both sides and a reader that takes a few bytes at a time: the socket is full again and again, and
    /// takes parts of frames.
    @Test(arguments: [1, 2, 3, 7, 64, 509], Making.allCases)
    func aSlowReaderGetsEveryByte(atATime count: Int, making: Making) async throws {
        try await Server.run({ $0.maxBufferedBytes = 16 << 20 }) { server in
            let reader = try RawReader(port: server.port, receiveBuffer: 1)
            defer { reader.close() }
            let session = try await eventually("the session") { server.log.sessions.first }
            var texts: [String] = []
            try await session.inside { session in
                let channel = try #require(Self.transport(session).context?.channel)
                try channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: 1)
            }
            // Lengths around the places where the frame header grows.
            let lengths = [0, 1, 120, 124, 125, 126, 127, 700, 3001]
            let rounds = count < 7 ? 6 : 40
            for number in 0..<(rounds * lengths.count) {
                texts.append("\(number) " + String(repeating: "x", count: lengths[number % lengths.count]))
            }
            var wasFull = false
            for start in stride(from: 0, to: texts.count, by: 3) {
                let batch = Array(texts[start..<min(start + 3, texts.count)])
                wasFull =
                    try await session.inside { session -> Bool in
                        for (offset, text) in batch.enumerated() {
                            Self.send(text, number: start + offset, making, to: session)
                        }
                        return !session.activeTransport.isReady
                    } || wasFull
                if start == texts.count / 2 / 3 * 3 { reader.read(atATime: count) }
            }
            #expect(wasFull)
            let open = HandshakeJSON.open(
                sid: session.id, upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000)
            let expected =
                Array(OutboundPacket.text(type: UInt8(ascii: "0"), payload: open).frame.readableBytesView)
                + Self.frames(texts)
            let received = try await reader.bytes(expected.count)
            // Not compared inside of the expectation, which would look for the least difference of both for minutes.
            let isSame = received == expected
            #expect(isSame, "\(received.count) bytes instead of \(expected.count)")
            try await eventually("writable again") { await server.isWritable(session.id) }
        }
    }

    /// A socket that fails takes nothing; the session ends, and what was staged for it with it.
    @Test func aBrokenSocketEndsTheSession() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            try await Self.warmUp(session, wire)
            try await session.inside { session in
                // The kernel refuses further sends, as after a reset, and nobody has been told yet.
                let socket = try #require(Self.transport(session).socket)
                _ = shutdown(socket.descriptor, CInt(SHUT_WR))
                session.send(Self.message("lost"))
            }
            #expect(try await server.closeReason(sid).hasPrefix("transport"))
            try await eventually("gone") { server.engine.clientsCount == 0 }
        }
    }

    /// What is staged for a session that ends in the same tick reaches nobody: neither whoever gets its slot, nor the
    /// connection that gets its descriptor.
    @Test func slotsAndDescriptorsAreUsedAgain() async throws {
        try await Server.run { server in
            var slots: Set<SessionSlot> = []
            for round in 0..<60 {
                let wire = try await server.connect()
                let sid = try await server.openWebSocket(wire)
                let session = try #require(server.session(sid))
                try await Self.warmUp(session, wire)
                slots.insert(try await session.inside { $0.slot })
                try await session.inside { session in
                    let shard = session.shard
                    let slot = session.slot
                    let staged = shard.stage(Self.message("stale \(round)"))
                    shard.send(staged, to: slot)
                    switch round % 3 {
                    case 0:
                        // Gone at once, descriptor and all.
                        try Self.transport(session).context?.close(promise: nil)
                    case 1:
                        session.close(discard: true)
                    default:
                        session.close()
                    }
                    // To a slot that is nobody's, or somebody's who is leaving.
                    shard.send(staged, to: slot)
                    #expect(!shard.isBypassed(session))
                }
                if round % 3 == 2 { #expect(try await wire.text() == "4stale \(round)") }
                let next = try await server.connect()
                let nextSID = try await server.openWebSocket(next)
                let other = try #require(server.session(nextSID))
                try await Self.warmUp(other, next)
                other.close()
                #expect(try await next.frame().opcode == 8)
                next.close()
                wire.close()
                try await eventually("both gone") { server.engine.clientsCount == 0 }
            }
            #expect(slots.count < 30, "slots are used again")
        }
    }

    /// What TLS has not seen must not leave; a plaintext client of the same shard is not slowed down by that.
    @Test func encryptedConnectionsAreNeverBypassed() async throws {
        try await Server.run { server in
            var configuration = EngineConfiguration()
            configuration.tls = try SessionTLSTests.serverTLS()
            let router = try HTTPRouter(configuration: configuration, engine: server.engine, application: nil)
            let listener = try await HTTPListener.bind(
                to: .tcp(host: "127.0.0.1", port: 0), group: server.group, server: router.server)
            let encrypted = try await SessionTLSTests.connect(port: try #require(listener.port))
            let encryptedSession = try #require(server.session(try await server.openWebSocket(encrypted)))
            let plain = try await server.connect()
            let plainSession = try #require(server.session(try await server.openWebSocket(plain)))
            try await Self.warmUp(plainSession, plain)
            for round in 0..<50 {
                let isBypassed = try await plainSession.inside { plain -> Bool in
                    let (shard, encrypted) = (plain.shard, encryptedSession.core.value(beside: plain))
                    let staged = shard.stage(Self.message("both \(round)"))
                    shard.send(staged, to: encrypted)
                    shard.send(staged, to: plain)
                    return shard.isBypassed(encrypted)
                }
                #expect(!isBypassed)
                #expect(try await encrypted.text() == "4both \(round)")
                #expect(try await plain.text() == "4both \(round)")
            }
            await listener.close()
        }
    }

    /// Clients that do not read cost what they are allowed to, each on its own.
    @Test func whatWaitsIsBounded() async throws {
        try await Server.run({ $0.maxBufferedBytes = 64 * 1024 }) { server in
            var wires: [SessionWire] = []
            for _ in 0..<4 {
                let wire = try await SessionWire.connect(port: server.port, receiveBuffer: 2048)
                let session = try #require(server.session(try await server.openWebSocket(wire)))
                try await Self.warmUp(session, wire)
                try await wire.setReading(false)
                wires.append(wire)
            }
            let shard = try #require(server.engine.shards.first)
            var largest = 0
            // Until all have been given up.
            try await eventually("the end of all", within: 60) {
                largest = max(
                    largest,
                    try await shard.inside { shard -> Int in
                        let staged = shard.stage(Self.message(String(repeating: "x", count: 8000)))
                        for session in shard.allSessions() { shard.send(staged, to: session) }
                        return shard.allSessions().map { $0.waitingBytes }.max() ?? 0
                    })
                return server.engine.clientsCount == 0
            }
            #expect(largest <= 64 * 1024 + 16_200)
        }
    }
}
