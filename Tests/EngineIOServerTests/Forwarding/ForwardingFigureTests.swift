// Part of socketio-server, MIT licence; see LICENSE.

internal import MetricTesting
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOEmbedded
internal import Testing

@testable internal import EngineIOServer
@testable internal import RequestForwarding

/// What is counted of requests between nodes, and how long another node is waited for.
@Suite("Forwarding: figures") struct ForwardingFigureTests {
    /// A poll is held for as long as a heartbeat takes, so another node is given that and its own time.
    @Test func theTimeForAnAnswerFollowsTheHeartbeat() throws {
        var configuration = EngineConfiguration()
        configuration.pingInterval = .seconds(11)
        configuration.pingTimeout = .seconds(7)
        configuration.forwarding = ForwardingConfiguration(directory: TestDirectory())
        configuration.forwarding?.timeout = .seconds(2)
        let forwarder = try #require(Forwarder(configuration, eventLoops: [EmbeddedEventLoop()]))
        #expect(forwarder.silence == .seconds(20))
    }

    @Test func anEngineChecksItsForwarding() {
        var configuration = EngineConfiguration()
        configuration.forwarding = ForwardingConfiguration(directory: TestDirectory())
        configuration.forwarding?.port = 70_000
        let error = #expect(throws: EngineConfigurationError.self) { try configuration.validate() }
        #expect(error?.problems == ["forwarding.port must be 0 to 65535, it is 70000"])
    }

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
