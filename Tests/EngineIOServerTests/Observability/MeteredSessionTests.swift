// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// What an observer hears of a session does not depend on the way its messages took.
@Suite struct MeteredSessionTests {
    private final class Records: EngineObserver {
        let sent = NIOLockedValueBox<Int?>(nil)
        var wantsRequests: Bool { false }
        func ended(_ session: SessionRecord) { sent.withLockedValue { $0 = session.usage.messagesSent } }
        func refused(_ refusal: RefusalRecord) {}
        func answered(_ request: RequestRecord) {}
    }

    @Test(.timeLimit(.minutes(1))) func everyMessageIsCounted() async throws {
        let records = Records()
        try await SessionTestServer.run({ $0.observer = records }) { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            for number in 0..<10 {
                session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "\(number)")))))
                #expect(try await wire.text() == "4\(number)")
            }
            session.close()
            while records.sent.withLockedValue({ $0 }) == nil { try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(records.sent.withLockedValue { $0 } == 10)
    }
}
