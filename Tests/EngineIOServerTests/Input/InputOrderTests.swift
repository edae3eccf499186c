// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import Testing

@testable internal import EngineIOServer

/// Batches from a connection on another loop: the session gets held input before input that has arrived since.
@Suite struct InputOrderTests {
    private static func batch(_ texts: String...) -> InboundHop.Batch {
        InboundHop.Batch(
            events: texts.map { .packet(.message(.text(ByteBuffer(string: $0)))) }, pausesReading: false)
    }

    /// A batch lies in the inbox when the turn of what is held has come, and the first message's handler has the inbox emptied, as
    /// the end of a read of another client does.
    @Test func whatIsHeldComesBeforeWhatIsInTheInbox() async throws {
        let texts = NIOLockedValueBox<[String]>([])
        try await SessionTestServer.run(
            loops: 2,
            onMessage: { session, message in
                guard case .text(let bytes) = message else { return }
                texts.withLockedValue { $0.append(String(buffer: bytes)) }
                session.shard.catchUp()
            }
        ) { server in
            let client = try await server.pollingClient()
            let loops = Array(server.group.makeIterator())
            let other = try #require(loops.first { $0 !== client.session.eventLoop })
            let limits = server.engine.context.webSocketLimits
            try await client.session.inside { session in
                let before = session.activeTransport
                let transport = WebSocketTransport(
                    shard: LoopReference(session.shard), eventLoop: other, limits: limits, dialect: .usual,
                    deflate: nil,
                    assembler: AssemblerPool(inflater: nil), receiveBuffer: nil,
                    start: UpgradeHandover(
                        response: ByteBuffer(), early: ByteBuffer(), isPlaintext: false, ready: { _, _ in }, lost: {}))
                #expect(!transport.isLocal)
                transport.attach(to: session)
                session.activeTransport = transport
                defer { session.activeTransport = before }
                transport.pauseInput(until: .now() + .hours(1))
                transport.receive(Self.batch("a", "b"))
                #expect(session.shard.home.leave { transport.receive(Self.batch("c")) })
                transport.held?.pause?.cancel()
                transport.held?.pause = nil
                transport.continueInput()
                #expect(transport.held == nil)
            }
            #expect(texts.withLockedValue { $0 } == ["a", "b", "c"])
            client.wire.close()
        }
    }
}
