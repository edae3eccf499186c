// Part of socketio-server, MIT licence; see LICENSE.

import LoopConfinement
import MetricTesting
import NIOCore
import Testing

@testable import EngineIOServer
@testable import SocketIOServer

/// How long the attachments of a packet may take, on a clock that the test moves.
@Suite("Exact times: attachments")
struct AttachmentTimeTests {
    private struct Sender {
        let server: ManualServer
        let client: ManualConnection
        let metrics: CountedMetrics
        let heard: Recorder<String>
        let ends: Recorder<DisconnectReason>

        func attach() throws { try client.send(frame: 2, [7]) }

        var refusals: Double? { metrics["socketio_limit_refusals_total", [("limit", "attachment_time")]] }
    }

    private func withSender(
        _ change: (inout ServerConfiguration) -> Void = { _ in }, _ body: (Sender) throws -> Void
    ) throws {
        try CountedMetrics.counting { metrics in
            let server = try ManualServer {
                $0.engine.pingInterval = .seconds(3_600)
                change(&$0)
            }
            let (heard, ends) = (Recorder<String>(), Recorder<DisconnectReason>())
            server.io.onConnection { socket in
                socket.onAny { name, _ in heard.append(name) }
                socket.onDisconnect { ends.append($0) }
            }
            let (client, _) = try server.join()
            try body(Sender(server: server, client: client, metrics: metrics, heard: heard, ends: ends))
            client.close()
        }
    }

    @Test("45 s for all of them together, and not a nanosecond more")
    func late() throws {
        try withSender { sender in
            try sender.client.send(text: #"452-["a"]"#)
            sender.server.advance(.seconds(30))
            try sender.attach()
            sender.server.advance(.seconds(15) - .nanoseconds(1))
            #expect(sender.server.sessionCount == 1 && sender.refusals == 0)
            sender.server.advance(.nanoseconds(1))
            #expect(sender.ends.all == [.forcedClose] && sender.refusals == 1)
            #expect(sender.metrics["socketio_packets_undecodable_total"] == 1)
            #expect(sender.heard.count == 0)
        }
    }

    @Test("in time: the session goes on, and each packet has a time of its own")
    func inTime() throws {
        try withSender({ $0.attachmentTimeout = .seconds(10) }) { sender in
            try sender.client.send(text: #"451-["a"]"#)
            sender.server.advance(.seconds(10) - .nanoseconds(1))
            try sender.attach()
            try sender.client.send(text: #"451-["b"]"#)
            // The timer of the first one finds the second.
            sender.server.advance(.seconds(10) - .nanoseconds(1))
            #expect(sender.heard.all == ["a"] && sender.server.sessionCount == 1)
            try sender.attach()
            sender.server.advance(.minutes(5))
            #expect(sender.heard.all == ["a", "b"] && sender.server.sessionCount == 1 && sender.refusals == 0)
            try sender.client.send(text: #"451-["c"]"#)
            sender.server.advance(.seconds(10))
            #expect(sender.server.sessionCount == 0 && sender.refusals == 1)
        }
    }

    @Test("while the server does not read from the client, its time stands still")
    func held() throws {
        try withSender({ $0.attachmentTimeout = .seconds(10) }) { sender in
            try sender.client.send(text: #"451-["a"]"#)
            let until = sender.server.now + .seconds(8)
            sender.server.io.sockets.local.shards[0].core.runIfHere { part in
                for socket in part.sockets(BroadcastOptions()) { socket.client.session.holdInput(until: until) }
            }
            sender.server.advance(.seconds(18) - .nanoseconds(1))
            #expect(sender.server.sessionCount == 1)
            sender.server.advance(.nanoseconds(1))
            #expect(sender.server.sessionCount == 0 && sender.refusals == 1)
        }
    }

    @Test("a session that ends leaves no timer behind")
    func ended() throws {
        try withSender { sender in
            let shard = sender.server.io.context.shards[0].core
            let before = try #require(shard.runIfHere { $0.timers.count })
            try sender.client.send(text: #"451-["a"]"#)
            #expect(shard.runIfHere { $0.timers.count } == before + 1)
            sender.client.close()
            sender.server.advance(.seconds(1))
            #expect((shard.runIfHere { $0.timers.count } ?? .max) <= before)
            sender.server.advance(.minutes(5))
            #expect(sender.refusals == 0)
        }
    }
}
