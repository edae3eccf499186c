// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// The object that stands for what is left over serves one session after the other.
@Suite struct LeftoverTests {
    typealias Server = SessionTestServer

    private static func send(_ messages: [OutboundMessage], to session: EngineSession) async throws {
        try await session.inside { session in for message in messages { session.send(message) } }
        try await eventually("waits") { try await leftover(of: session) != nil }
    }

    /// Keeps the object, so that no other one can be where it was; it is only compared.
    private struct Seen: Equatable, @unchecked Sendable {
        private let object: Leftover

        init(_ object: Leftover) { self.object = object }

        static func == (one: Seen, other: Seen) -> Bool { one.object === other.object }
    }

    private static func leftover(of session: EngineSession) async throws -> Seen? {
        try await session.inside { session in session.leftover.map { Seen($0) } }
    }

    private static func body(_ client: (wire: SessionWire, sid: String, session: EngineSession)) async throws -> String
    {
        try await client.wire.get(Server.target("polling", client.session.id)).body
    }

    /// Sessions that wait at the same time have their own; of two that do not, the second gets that of the first.
    @Test func oneAfterTheOther() async throws {
        try await Server.run { server in
            let (first, second) = (try await server.pollingClient(), try await server.pollingClient())
            try await Self.send([SlowReaderTests.text("a")], to: first.session)
            try await Self.send([SlowReaderTests.text("b")], to: second.session)
            let ofFirst = try #require(try await Self.leftover(of: first.session))
            let ofSecond = try #require(try await Self.leftover(of: second.session))
            #expect(ofFirst != ofSecond)
            #expect(try await Self.body(second) == "4b")
            #expect(try await Self.leftover(of: second.session) == nil)
            try await Self.send([SlowReaderTests.text("c")], to: second.session)
            #expect(try await Self.leftover(of: second.session) == ofSecond)
            #expect(try await Self.body(second) == "4c")
            #expect(try await Self.body(first) == "4a")
            try await Self.send([SlowReaderTests.text("d")], to: first.session)
            #expect(try await Self.leftover(of: first.session) == ofSecond)
            #expect(try await Self.body(first) == "4d")
            try await eventually("everything let go of") { server.engine.context.budget.usedBytes == 0 }
        }
    }

    /// Nothing of the session before is known to the next one: neither what was dropped, nor that it was watched.
    @Test func theNextOneBeginsAnew() async throws {
        try await Server.run({ $0.slowClientBytes = 3000 }) { server in
            let (first, second) = (try await server.pollingClient(), try await server.pollingClient())
            var volatile = SlowReaderTests.text(SlowReaderTests.filler(2000))
            volatile.isVolatile = true
            try await Self.send([volatile, SlowReaderTests.text(SlowReaderTests.filler(2000))], to: first.session)
            let used = try #require(try await Self.leftover(of: first.session))
            let droppedOfFirst = try await first.session.inside { session in session.leftover?.dropped }
            #expect(droppedOfFirst == 1)
            #expect(try await Self.body(first) == "4" + SlowReaderTests.filler(2000))
            try await Self.send([SlowReaderTests.text("x")], to: second.session)
            #expect(try await Self.leftover(of: second.session) == used)
            let (dropped, isWatched, isMarked) = try await second.session.inside { session in
                let leftover = session.leftover
                return (leftover?.dropped, leftover?.machine.isWatched, leftover?.mark != nil)
            }
            #expect(dropped == 0 && isWatched == false && !isMarked)
            #expect(try await Self.body(second) == "4x")
        }
    }

    /// What a session that has ended leaves behind is not used again.
    @Test func thatOfAnEndedSessionIsGone() async throws {
        try await Server.run { server in
            let (first, second) = (try await server.pollingClient(), try await server.pollingClient())
            try await Self.send([SlowReaderTests.text("lost")], to: first.session)
            first.session.close(discard: true)
            _ = try await server.closeReason(first.session.id)
            try await Self.send([SlowReaderTests.text("kept")], to: second.session)
            #expect(try await Self.body(second) == "4kept")
            try await eventually("everything let go of") { server.engine.context.budget.usedBytes == 0 }
        }
    }

    /// Few and small ones are put together, those with attachments too, in their order.
    @Test func smallMessagesComeInOneAnswer() async throws {
        try await Server.run { server in
            let client = try await server.pollingClient()
            var binary = SlowReaderTests.text("with")
            binary.attachments = [.binary(ByteBuffer(bytes: [1, 2, 3]))]
            try await Self.send(
                [SlowReaderTests.text("one"), binary, SlowReaderTests.text("three")], to: client.session)
            #expect(try await Self.body(client) == "4one\u{1e}4with\u{1e}bAQID\u{1e}4three")
        }
    }
}
