// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import Logging
internal import MetricTesting
internal import NIOCore
internal import NIOEmbedded
internal import NIOHTTP1
internal import PeerLogging
internal import Testing

@testable internal import RequestForwarding

/// A node that never answers another one, and tunnels, on a clock that the test moves.
@Suite("Forwarding: exact times") struct ForwardingTimeTests {
    private static func connected(_ loop: EmbeddedEventLoop, _ handlers: any ChannelHandler...) throws
        -> EmbeddedChannel
    {
        let channel = EmbeddedChannel(loop: loop)
        for handler in handlers { try channel.pipeline.syncOperations.addHandler(handler) }
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4711)).wait()
        return channel
    }

    // MARK: Requests

    /// A connection to another node with what became of its requests.
    private final class Link {
        let loop = EmbeddedEventLoop()
        let channel: EmbeddedChannel
        let connection: ForwardingConnection
        var results: [String] = []

        init() throws {
            connection = ForwardingConnection(maximumAnswer: 1000, whenIdle: { _ in }, whenClosed: { _ in })
            channel = try ForwardingTimeTests.connected(
                loop, HTTPRequestEncoder(),
                ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)), connection)
        }

        func request(within time: TimeAmount) {
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["Host": "x"])
            connection.send(head, nil, deadline: loop.now + time) { result in
                switch result {
                case .success(let answer): self.results.append("\(answer.status.code)")
                case .failure(let failure): self.results.append("\(failure)")
                }
            }
            loop.run()
        }
    }

    @Test func aNodeThatStaysSilentIsWaitedForNoLongerThanAgreed() throws {
        let link = try Link()
        link.request(within: .seconds(48))
        link.loop.advanceTime(by: .seconds(48) - .nanoseconds(1))
        #expect(link.results.isEmpty && link.channel.isActive)
        link.loop.advanceTime(by: .nanoseconds(1))
        #expect(link.results == ["the node did not answer in time"] && !link.channel.isActive)
    }

    @Test func anAnswerThatStopsInTheMiddleIsNoAnswer() throws {
        let link = try Link()
        link.request(within: .seconds(10))
        link.loop.advanceTime(by: .seconds(9))
        try link.channel.writeInbound(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"))
        link.loop.advanceTime(by: .seconds(1) - .nanoseconds(1))
        #expect(link.results.isEmpty)
        link.loop.advanceTime(by: .nanoseconds(1))
        #expect(link.results == ["the node did not answer in time"])
    }

    @Test func aConnectionRestsForItsTimeAndMayBeUsedAgain() throws {
        let link = try Link()
        #expect(ForwardingConnectionPool.restingTime == .seconds(20))
        link.request(within: .seconds(10))
        try link.channel.writeInbound(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        #expect(link.results == ["200"])
        link.connection.rest(for: ForwardingConnectionPool.restingTime)
        link.loop.advanceTime(by: .seconds(20) - .nanoseconds(1))
        #expect(link.channel.isActive)
        // The deadline of the second request counts, not that of the rest.
        link.request(within: .seconds(30))
        link.loop.advanceTime(by: .seconds(29))
        #expect(link.results == ["200"])
        try link.channel.writeInbound(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        #expect(link.results == ["200", "200"])
        link.connection.rest(for: ForwardingConnectionPool.restingTime)
        link.loop.advanceTime(by: .seconds(20) - .nanoseconds(1))
        #expect(link.channel.isActive)
        link.loop.advanceTime(by: .nanoseconds(1))
        #expect(!link.channel.isActive)
    }

    // MARK: Tunnels

    @Test func aTunnelThatIsSilentForLongerThanAHeartbeatEnds() throws {
        let loop = EmbeddedEventLoop()
        let (client, owner) = (TunnelSide(), TunnelSide())
        let ends = [try Self.connected(loop, client), try Self.connected(loop, owner)]
        var isOver = false
        let tunnel = Tunnel(client: client, owner: owner, eventLoop: loop, idleTime: .seconds(48)) { _ in isOver = true
        }
        // Each byte, in either direction, begins the time anew.
        for end in ends {
            loop.advanceTime(by: .seconds(47))
            try end.writeInbound(ByteBuffer(string: "x"))
        }
        #expect(try ends[0].readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "x"))
        #expect(try ends[1].readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "x"))
        loop.advanceTime(by: .seconds(48) - .nanoseconds(1))
        #expect(!isOver && ends.allSatisfy(\.isActive))
        loop.advanceTime(by: .nanoseconds(1))
        #expect(isOver && !ends.contains(where: \.isActive))
        _ = tunnel
    }

    // MARK: Clocks of nodes

    @Test func clocksMayBeThirtySecondsApart() throws {
        let key = ForwardingKey.random()
        let target = "/socket.io/?EIO=4&transport=polling"
        let now: Int64 = 1_800_000_000_000
        CountedMetrics.counting { metrics in
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let gate = ForwardedRequestVerifier(key: key, log: RateLimitedLogger(quiet))
            func refusal(_ age: Int64) -> ForwardedRequestVerifier.Refusal? {
                let signature = ForwardingSignature(client: "", isSecure: false, timestamp: now - age)
                    .value(method: .GET, target: target, key: key)
                var request = HTTPServerRequest(
                    method: .GET, target: target, headers: [ForwardingSignature.header: signature])
                return gate.admit(&request, now: now)
            }
            for age: Int64 in [0, 30_000, -30_000] { #expect(refusal(age) == nil, "\(age)") }
            for age: Int64 in [30_001, -30_001] { #expect(refusal(age) == .stale, "\(age)") }
            var bare = HTTPServerRequest(method: .GET, target: target, headers: [:])
            #expect(gate.admit(&bare, now: now) == .unsigned)
            func refused(_ reason: String) -> Double? {
                metrics["socketio_forward_refused_total", [("reason", reason)]]
            }
            #expect(refused("stale") == 2 && refused("unsigned") == 1)
            #expect(refused("malformed") == 0 && refused("wrong_key") == 0 && refused("replayed") == 0)
        }
    }
}
