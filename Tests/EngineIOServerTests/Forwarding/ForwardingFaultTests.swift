// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer
@testable internal import RequestForwarding

/// Strangers at the listener for nodes, nodes that are gone, and nodes that are none.
@Suite("Forwarding: faults") struct ForwardingFaultTests {
    typealias Server = SessionTestServer

    static let unknown = #"{"code":1,"message":"Session ID unknown"}"#
    /// Of no session, and of a node `gone`.
    static let strange = "gone" + "A" + "0123456789abcde"

    // MARK: At the listener for nodes

    @Test(.timeLimit(.minutes(2))) func strangersGetNothing() async throws {
        try await Fleet.run(2, { _, configuration in configuration.headTimeout = .milliseconds(300) }) { fleet in
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let target = Server.target("polling", sid)
            func value(_ key: ForwardingKey, age: Int64 = 0, target: String = target) -> String {
                let now = Int64(Date().timeIntervalSince1970 * 1000)
                return ForwardingSignature(client: "", isSecure: false, timestamp: now - age)
                    .value(method: .GET, target: target, key: key)
            }
            let key = try #require(fleet.key(0))
            for (headers, reason) in [
                ("", "unsigned"), ("X-SIO-Forward: hello\r\n", "malformed"),
                ("X-SIO-Forward: \(value(.random()))\r\n", "wrong_key"),
                ("X-SIO-Forward: \(value(key, target: target + "x"))\r\n", "wrong_key"),
                ("X-SIO-Forward: \(value(key, age: 120_000))\r\n", "stale"),
                ("X-SIO-Forward: \(value(key, age: -120_000))\r\n", "stale"),
            ] {
                let wire = try await SessionWire.connect(port: fleet.internalPort(0))
                let answer = try await wire.get(target, headers: headers)
                #expect(answer.status == 403 && answer.body.isEmpty, "\(reason)")
                #expect(answer.header("X-SIO-Forward-Refused") == reason)
                _ = try await wire.receiveEnd()
            }
            // The handshake as well, the client files, an upgrade, everything.
            for target in ["/", "/socket.io/?EIO=4&transport=polling", "/socket.io/socket.io.js", "/healthz"] {
                let wire = try await SessionWire.connect(port: fleet.internalPort(0))
                #expect(try await wire.get(target).status == 403)
            }
            let upgrade = try await SessionWire.connect(port: fleet.internalPort(0))
            #expect(try await upgrade.upgrade(Server.target("websocket", sid)).status == 403)
            // Signed once, used twice.
            let signed = "X-SIO-Forward: \(value(key, target: target + "&x"))\r\n"
            let wire = try await SessionWire.connect(port: fleet.internalPort(0))
            try await wire.send("POST \(target)&x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\(signed)\r\n4x")
            #expect(try await wire.response().header("X-SIO-Forward-Refused") == "wrong_key")
            let polling = try await SessionWire.connect(port: fleet.internalPort(0))
            try await fleet.nodes[0].connect().send("POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4x")
            #expect(try await polling.get(target + "&x", headers: signed).status == 200)
            let again = try await SessionWire.connect(port: fleet.internalPort(0))
            #expect(
                try await again.get(target + "&x", headers: signed).header("X-SIO-Forward-Refused") == "replayed")
            // Garbage and silence end by themselves.
            for bytes in ["\u{0}\u{1}\u{2}\r\n\r\n", "GET / HTTP/1.1\r\nHo", ""] {
                let wire = try await SessionWire.connect(port: fleet.internalPort(0))
                if !bytes.isEmpty { try await wire.send(bytes) }
                _ = try await wire.receiveEnd()
            }
            #expect(fleet.nodes[0].session(sid)?.isOpen == true)
        }
    }

    /// A forwarded request is not forwarded again, whatever the directory says.
    @Test(.timeLimit(.minutes(2))) func nothingGoesRound() async throws {
        try await Fleet.run(2) { fleet in
            // Each node takes the other one for the owner of `gone`.
            let first = try #require(fleet.table.nodes.withLockedValue { $0["n000"] })
            fleet.table.nodes.withLockedValue { $0["gone"] = first }
            let answer = try await fleet.nodes[1].connect().get(Server.target("polling", Self.strange))
            #expect(answer.status == 400 && answer.body == Self.unknown)
            #expect(fleet.metrics(1)?.misrouted == 1 && fleet.metrics(0)?.misrouted == 0)
            #expect(fleet.metrics(0)?.requests == 0)
        }
    }

    /// The method by which nodes give polls back is theirs: a client that uses it gets nothing done, at the session's node and
    /// through another one, which would sign what it sends on.
    @Test(.timeLimit(.minutes(2)), arguments: [0, 1])
    func clientsCannotGivePollsBack(node: Int) async throws {
        try await Fleet.run(2) { fleet in
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let target = Server.target("polling", sid)
            let poll = try await fleet.nodes[0].connect()
            try await poll.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("the poll") { await fleet.nodes[0].session(sid)?.isWritable == true }
            let wire = try await fleet.nodes[node].connect()
            for method in ["RELEASE", "RELEASE"] {
                try await wire.send("\(method) \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
                let answer = try await wire.response()
                #expect(answer.status == 405 && answer.header("allow") == "GET, POST", "\(answer)")
            }
            #expect(fleet.metrics(1)?.misrouted == 0 && fleet.listeners[0].connectionCount == 0)
            // The poll is still held, and answered when there is something.
            #expect(try await wire.post(target, "4hello").status == 200)
            #expect(try await poll.response().body == "4hello")
        }
    }

    // MARK: Nodes that are gone

    @Test(.timeLimit(.minutes(2))) func aNodeThatIsGoneIsAnUnknownSession() async throws {
        try await Fleet.run(
            2, { _, configuration in configuration.cors = CORSConfiguration(origin: .list(["https://a.example"])) }
        ) { fleet in
            let wire = try await fleet.nodes[1].connect()
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            #expect(try await wire.post(Server.target("polling", sid), "4x").status == 200)
            // Nobody has heard of it.
            var answer = try await wire.get(
                Server.target("polling", Self.strange), headers: "Origin: https://a.example\r\n")
            #expect(answer.status == 400 && answer.body == Self.unknown)
            #expect(answer.header("access-control-allow-origin") == "https://a.example")
            let unknown = try await fleet.nodes[1].connect().upgrade(Server.target("websocket", Self.strange))
            #expect(unknown.status == 400 && unknown.body == "Session ID unknown")
            // It ends without a goodbye: its address is known, and nobody there.
            let node = try #require(fleet.table.nodes.withLockedValue { $0["n000"] })
            await fleet.listeners[0].close()
            fleet.table.nodes.withLockedValue { $0["n000"] = node }
            answer = try await wire.get(Server.target("polling", sid), headers: "Origin: https://a.example\r\n")
            #expect(answer.status == 400 && answer.body == Self.unknown)
            #expect(answer.header("access-control-allow-origin") == "https://a.example")
            let upgrade = try await fleet.nodes[1].connect().upgrade(Server.target("websocket", sid))
            #expect(upgrade.status == 400 && upgrade.body == "Session ID unknown")
            #expect(fleet.metrics(1)?.tunnels == 0)
        }
    }

    @Test(.timeLimit(.minutes(2))) func aHeldPollEndsWithItsNode() async throws {
        try await Fleet.run(2) { fleet in
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let wire = try await fleet.nodes[1].connect()
            try await wire.send("GET \(Server.target("polling", sid)) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("the poll") { fleet.listeners[0].connectionCount == 1 }
            await fleet.listeners[0].close()
            let answer = try await wire.response()
            #expect(answer.status == 400 && answer.body == Self.unknown)
        }
    }

    // MARK: Nodes that are none

    @Test(
        .timeLimit(.minutes(2)),
        arguments: [
            "\u{0}\u{0}\u{0}", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"
                + String(repeating: "x", count: 2000),
            "HTTP/1.1 200 OK\r\nX: "
                + String(repeating: "x", count: 200_000) + "\r\n\r\n",
        ])
    func anAnswerThatIsNoneIsAnUnknownSession(answer: String) async throws {
        let stranger = try await FalseNode(answer, closes: true)
        try await Fleet.run(1, { _, configuration in configuration.forwarding?.maxAnswerSize = 1024 }) { fleet in
            fleet.table.nodes.withLockedValue { $0["gone"] = stranger.node }
            let wire = try await fleet.nodes[0].connect()
            for _ in 0..<2 {
                let got = try await wire.get(Server.target("polling", Self.strange))
                #expect(got.status == 400 && got.body == Self.unknown, "\(got)")
            }
            let posted = try await wire.post(Server.target("polling", Self.strange), "4x")
            #expect(posted.status == 400)
            // Never sent twice.
            #expect(stranger.connections == 3)
        }
        await stranger.close()
    }

    @Test(.timeLimit(.minutes(2))) func aNodeThatSaysNothingIsLeft() async throws {
        let stranger = try await FalseNode("")
        try await Fleet.run(
            1,
            { _, configuration in
                configuration.pingInterval = .milliseconds(100)
                configuration.pingTimeout = .milliseconds(100)
                configuration.upgradeTimeout = .milliseconds(100)
                configuration.forwarding?.timeout = .milliseconds(200)
            }
        ) { fleet in
            fleet.table.nodes.withLockedValue { $0["gone"] = stranger.node }
            let answer = try await fleet.nodes[0].connect().get(Server.target("polling", Self.strange))
            #expect(answer.status == 400 && answer.body == Self.unknown)
            let upgrade = try await fleet.nodes[0].connect().upgrade(Server.target("websocket", Self.strange))
            #expect(upgrade.status == 400 && upgrade.body == "Session ID unknown")
            #expect(fleet.metrics(0)?.tunnels == 0)
        }
        await stranger.close()
    }

    @Test(.timeLimit(.minutes(2))) func secretsThatDifferAreRefused() async throws {
        try await Fleet.run(
            2,
            { index, configuration in
                configuration.forwarding?.secret = ForwardingKey("the secret of node \(index)")
            }
        ) { fleet in
            let near = try await fleet.nodes[0].connect()
            let sid = try await fleet.nodes[0].openPolling(near)
            #expect(fleet.key(0) == nil)
            let answer = try await fleet.nodes[1].connect().get(Server.target("polling", sid))
            #expect(answer.status == 400 && answer.body == Self.unknown)
            let upgrade = try await fleet.nodes[1].connect().upgrade(Server.target("websocket", sid))
            #expect(upgrade.status == 400 && upgrade.body == "Session ID unknown")
            #expect(try await near.post(Server.target("polling", sid), "4x").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(2))) func onlySoManyRequestsAreUnderWay() async throws {
        try await Fleet.run(2, { _, configuration in configuration.forwarding?.maxRequestsPerOwner = 1 }) { fleet in
            let near = try await fleet.nodes[0].connect()
            let sid = try await fleet.nodes[0].openPolling(near)
            let target = Server.target("polling", sid)
            let held = try await fleet.nodes[1].connect()
            try await held.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("the poll") { fleet.listeners[0].connectionCount == 1 }
            let wire = try await fleet.nodes[1].connect()
            let refused = try await wire.post(target, "4x")
            #expect(refused.status == 503 && refused.header("retry-after") == "1")
            #expect(try await near.post(target, "4x").status == 200)
            #expect(try await held.response().body == "4x")
            #expect(try await wire.post(target, "4y").status == 200)
        }
    }
}
