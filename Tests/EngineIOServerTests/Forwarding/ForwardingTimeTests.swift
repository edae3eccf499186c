// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import MetricTesting
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOEmbedded
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer
@testable internal import HTTPServerCore

/// A node that never answers another one, on a clock that the test moves; and what is counted of requests between nodes.
@Suite("Forwarding: exact times and figures") struct ForwardingTimeTests {
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

    /// A poll is held for as long as a heartbeat takes, so another node is given that and its own time.
    @Test func theTimeForAnAnswerFollowsTheHeartbeat() throws {
        var configuration = EngineConfiguration()
        configuration.pingInterval = .seconds(11)
        configuration.pingTimeout = .seconds(7)
        configuration.forwarding = ForwardingConfiguration(directory: TestDirectory())
        configuration.forwarding?.timeout = .seconds(2)
        let forwarder = try #require(
            Forwarder(
                configuration, eventLoops: [EmbeddedEventLoop()], log: RateLimitedLogger(configuration.logger)))
        #expect(forwarder.silence == .seconds(20))
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
            let gate = ForwardedRequestVerifier(key: key, log: RateLimitedLogger(EngineConfiguration().logger))
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

    // MARK: Figures

    @Test(.timeLimit(.minutes(2))) func whatBecomesOfRequestsIsCounted() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await Fleet.run(2) { fleet in
                func forwarded(_ result: String) -> Double? {
                    metrics["socketio_forwarded_requests_total", [("result", result)]]
                }
                let near = try await fleet.nodes[0].connect()
                let sid = try await fleet.nodes[0].openPolling(near)
                let target = SessionTestServer.target("polling", sid)
                let far = try await fleet.nodes[1].connect()
                #expect(try await far.post(target, "4x").status == 200)
                #expect(forwarded("answered") == 1 && metrics["engineio_session_requests_total"] == 1)
                #expect(try await near.get(target).body == "4x")
                #expect(forwarded("answered") == 1 && metrics["engineio_session_requests_total"] == 2)
                #expect(
                    try await far.get(SessionTestServer.target("polling", ForwardingFaultTests.strange)).status == 400)
                #expect(forwarded("unknown_owner") == 1)
                let socket = try await fleet.nodes[1].connect()
                #expect(try await socket.upgrade(SessionTestServer.target("websocket", sid)).status == 101)
                try await eventually("the tunnel") { forwarded("tunnelled") == 1 }
                #expect(metrics["socketio_forward_tunnels"] == 1)
                socket.close()
                try await eventually("its end") { metrics["socketio_forward_tunnels"] == 0 }
                let leaver = try await fleet.nodes[1].connect()
                try await leaver.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
                let session = try #require(fleet.nodes[0].session(sid))
                try await eventually("the poll is held") {
                    try await session.inside { session in
                        (session.activeTransport as? PollingTransport)?.isReady ?? false
                    }
                }
                leaver.close()
                try await eventually("it is given up") { forwarded("abandoned") == 1 }
                let silent = try await FalseNode("nothing of use\r\n\r\n")
                fleet.table.nodes.withLockedValue { $0["gone"] = silent.node }
                #expect(
                    try await far.get(SessionTestServer.target("polling", ForwardingFaultTests.strange)).status == 400)
                #expect(forwarded("failed") == 1)
                await silent.close()
                #expect(
                    try await far.get(SessionTestServer.target("polling", ForwardingFaultTests.strange)).status == 400)
                #expect(forwarded("unreachable") == 1)
                #expect(forwarded("rejected") == 0 && forwarded("overloaded") == 0 && forwarded("not_tunnelled") == 0)
            }
        }
    }
}
