// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

extension BypassTests {
    enum End: CaseIterable { case closed, discarded, channelGone, peerGone }

    /// A session ends while NIO holds the rest of a frame that the kernel took in part, and more is staged behind it. Its reader
    /// gets what was sent, from the start and in order, up to some byte; whoever is on the shard next gets nothing of it.
    @Test(arguments: End.allCases)
    func endsWhileBytesWait(end: End) async throws {
        try await Server.run({ $0.maxBufferedBytes = 16 << 20 }) { server in
            let reader = try RawReader(port: server.port, receiveBuffer: 1)
            defer { reader.close() }
            let session = try await eventually("the session") { server.log.sessions.first }
            let neighbour = try await server.connect()
            let neighbourSession = try #require(server.session(try await server.openWebSocket(neighbour)))
            try await Self.warmUp(neighbourSession, neighbour)
            try await session.inside { session in
                let channel = try #require(Self.transport(session).context?.channel)
                try channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: 1)
            }
            var texts: [String] = []
            try await eventually("bytes that wait") {
                let text = "\(texts.count) " + String(repeating: "x", count: 3001)
                texts.append(text)
                return try await session.inside { session -> Bool in
                    session.send(Self.message(text))
                    return session.activeTransport.bufferedBytes > 0
                }
            }
            try await session.inside { session in
                let shard = session.shard
                let neighbourSession = neighbourSession.core.value(beside: session)
                #expect(!shard.isBypassed(session))
                let staged = shard.stage(Self.message("both"))
                shard.send(staged, to: session)
                shard.send(staged, to: neighbourSession)
                switch end {
                case .closed: session.close()
                case .discarded: session.close(discard: true)
                case .channelGone: try Self.transport(session).context?.close(promise: nil)
                case .peerGone: reader.close()
                }
                shard.send(staged, to: neighbourSession)
            }
            texts.append("both")
            // What came in the same tick for somebody else is untouched.
            for _ in 0..<2 { #expect(try await neighbour.text() == "4both") }
            reader.read(atATime: 512)
            try await eventually("the end", within: 60) { server.engine.clientsCount == 1 }
            let open = HandshakeJSON.open(
                sid: session.id, upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000)
            let frames =
                [Array(OutboundPacket.text(type: UInt8(ascii: "0"), payload: open).frame.readableBytesView)]
                + texts.map { Self.frames([$0]) }
            var received = try await reader.bytes(.max)
            // What has not been begun may be given up; our close frame then follows a whole frame.
            let boundaries = frames.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
            if received.suffix(2) == [0x88, 0], boundaries.contains(received.count - 2) { received.removeLast(2) }
            #expect(frames.joined().starts(with: received), "\(received.count) bytes")
            let next = try await server.connect()
            let nextSession = try #require(server.session(try await server.openWebSocket(next)))
            try await Self.warmUp(nextSession, next)
        }
    }
}
