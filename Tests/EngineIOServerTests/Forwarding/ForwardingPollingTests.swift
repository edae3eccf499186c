// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer
@testable internal import RequestForwarding

/// Polling whose requests reach any node.
@Suite("Forwarding: polling") struct ForwardingPollingTests {
    typealias Server = SessionTestServer

    /// Waits until the node of a session holds a poll.
    private static func waitUntilHeld(_ sid: String, at node: Server) async throws {
        let session = try #require(node.session(sid))
        try await eventually("the poll is held") {
            try await session.inside { session in (session.activeTransport as? PollingTransport)?.isReady ?? false }
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: [1, 2])
    func eachRequestMayReachAnyNode(loops: Int) async throws {
        try await Fleet.run(loops: loops) { fleet in
            var wires: [SessionWire] = []
            for node in fleet.nodes { wires.append(try await node.connect()) }
            let sid = try await fleet.nodes[0].openPolling(wires[0])
            let target = Server.target("polling", sid)
            for turn in 0..<30 {
                let posted = try await wires[(turn + 2) % 3].post(target, "4m\(turn)")
                #expect(posted.status == 200 && posted.body == "ok", "\(posted)")
                #expect(posted.header("content-type") == "text/html")
                let polled = try await wires[(turn + 1) % 3].get(target)
                #expect(polled.status == 200 && polled.body == "4m\(turn)", "\(polled)")
                #expect(polled.header("content-type") == "text/plain; charset=UTF-8")
            }
            #expect(fleet.metrics(1)?.misrouted == 20 && fleet.metrics(1)?.requests == 20)
            #expect(fleet.metrics(0)?.misrouted == 0 && fleet.metrics(0)?.requests == 20)
        }
    }

    /// A poll held elsewhere is answered when there is something, and connections between nodes are kept.
    @Test(.timeLimit(.minutes(2))) func heldPollsAreAnsweredThroughTheOtherNode() async throws {
        try await Fleet.run(2) { fleet in
            let (near, far) = (try await fleet.nodes[0].connect(), try await fleet.nodes[1].connect())
            let sid = try await fleet.nodes[0].openPolling(near)
            let target = Server.target("polling", sid)
            for turn in 0..<20 {
                try await far.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try await near.post(target, "4\(turn)").status == 200)
                #expect(try await far.response().body == "4\(turn)")
            }
            let listener = fleet.listeners[0]
            #expect(listener.connectionCount == 1)
        }
    }

    @Test(.timeLimit(.minutes(2))) func anAnswerArrivesUnchanged() async throws {
        try await Fleet.run(
            2,
            { _, configuration in
                configuration.cors = CORSConfiguration(origin: .list(["https://a.example"]), credentials: true)
                configuration.httpCompression = HTTPCompressionConfiguration(threshold: 10)
                configuration.headers = { headers, _ in headers.add(name: "X-Hook", value: "1") }
                configuration.middlewares = [{ _ in .next(["X-Middleware": "1"]) }]
            }
        ) { fleet in
            let (near, far) = (try await fleet.nodes[0].connect(), try await fleet.nodes[1].connect())
            let sid = try await fleet.nodes[0].openPolling(near)
            let target = Server.target("polling", sid)
            let headers = "Origin: https://a.example\r\nAccept-Encoding: gzip\r\n"
            var answers: [[String]] = []
            for wire in [near, far] {
                #expect(
                    try await near.post(target, "4" + String(repeating: "a", count: 2000), headers: headers).status
                        == 200)
                let answer = try await wire.get(target, headers: headers)
                #expect(answer.status == 200 && answer.header("content-encoding") == "gzip")
                answers.append(answer.headers.filter { $0.0 != "Date" }.map { "\($0.0): \($0.1)" }.sorted())
            }
            #expect(answers[0] == answers[1])
            #expect(answers[0].count { $0.hasPrefix("Access-Control-Allow-Origin: https://a.example") } == 1)
            // Preflights are answered where they arrive.
            try await far.send(
                "OPTIONS \(target) HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n"
                    + "Access-Control-Request-Method: POST\r\n\r\n")
            #expect(try await far.response().status == 204)
            // A page that may not is refused there as well.
            #expect(fleet.metrics(1)?.misrouted == 1)
        }
    }

    /// Protocol 1.8.2, rule 5, and 1.8.3, rule 3: what the client does to this node's connection, the session's node must see.
    @Test(.timeLimit(.minutes(2))) func aClientThatLeavesEndsItsSession() async throws {
        try await Fleet.run(2) { fleet in
            let near = try await fleet.nodes[0].connect()
            let sid = try await fleet.nodes[0].openPolling(near)
            let far = try await fleet.nodes[1].connect()
            try await far.send("GET \(Server.target("polling", sid)) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await Self.waitUntilHeld(sid, at: fleet.nodes[0])
            far.close()
            #expect(try await fleet.nodes[0].closeReason(sid) == "transport error|poll connection closed prematurely")

            let other = try await fleet.nodes[0].openPolling(near)
            let late = try await fleet.nodes[1].connect()
            try await late.send(
                "POST \(Server.target("polling", other)) HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4abc")
            try await eventually("the POST") { fleet.metrics(1)?.requests == 2 }
            late.close()
            #expect(
                try await fleet.nodes[0].closeReason(other)
                    == "transport error|data request connection closed prematurely")
        }
    }

    @Test(.timeLimit(.minutes(2))) func aBodyThatIsTooLongEndsTheSession() async throws {
        try await Fleet.run(2, { _, configuration in configuration.maxHttpBufferSize = 1000 }) { fleet in
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let far = try await fleet.nodes[1].connect()
            let answer = try await far.post(Server.target("polling", sid), "4" + String(repeating: "a", count: 2000))
            #expect(answer.status == 413 && answer.body.isEmpty)
            #expect(try await fleet.nodes[0].closeReason(sid).hasPrefix("transport error|"))
        }
    }

    @Test(.timeLimit(.minutes(2))) func rulesOfTheSessionHold() async throws {
        try await Fleet.run { fleet in
            var wires: [SessionWire] = []
            for node in fleet.nodes { wires.append(try await node.connect()) }
            let sid = try await fleet.nodes[0].openPolling(wires[0])
            let target = Server.target("polling", sid)
            // Two polls, of two nodes.
            try await wires[1].send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await Self.waitUntilHeld(sid, at: fleet.nodes[0])
            #expect(try await wires[2].get(target).status == 400)
            #expect(try await wires[1].response().body == "1")
            #expect(try await fleet.nodes[0].closeReason(sid).contains("overlap"))
            let after = try await wires[2].get(target)
            #expect(after.status == 400 && after.body == #"{"code":1,"message":"Session ID unknown"}"#)
            // What a session does not know.
            let second = try await fleet.nodes[0].openPolling(wires[0])
            try await wires[1].send("DELETE \(Server.target("polling", second)) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await wires[1].response().status == 500)
            try await wires[1].send("RELEASE \(Server.target("polling", second)) HTTP/1.1\r\nHost: x\r\n\r\n")
            // A method of nodes, which clients may use at none of them.
            #expect(try await wires[1].response().status == 405)
            try await wires[0].send("RELEASE \(Server.target("polling", second)) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await wires[0].response().status == 405)
            let mismatch = try await wires[1].get(Server.target("websocket", second))
            #expect(mismatch.status == 400 && mismatch.body.contains("\"code\":3"))
        }
    }

    @Test(.timeLimit(.minutes(2))) func clientsOfRevision3AreCarriedToo() async throws {
        try await Fleet.run(2) { fleet in
            // The tag alone decides; what the session's node makes of it is its affair.
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let far = try await fleet.nodes[1].connect()
            #expect(try await far.post("/socket.io/?EIO=3&transport=polling&sid=\(sid)", "4x").status == 200)
            #expect(try await far.get("/socket.io/?EIO=3&transport=polling&sid=\(sid)&j=0").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(2))) func theHandlersSeeTheClientsAddress() async throws {
        let seen = Fleet.Seen()
        try await Fleet.run(
            2,
            { _, configuration in
                configuration.trustedProxies = ["127.0.0.1"]
                configuration.middlewares = [
                    { info in
                        seen.add(info.remoteAddress)
                        return .next()
                    }
                ]
            }
        ) { fleet in
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let far = try await fleet.nodes[1].connect()
            let headers = "X-Forwarded-For: 198.51.100.7\r\n"
            #expect(try await far.post(Server.target("polling", sid), "4x", headers: headers).status == 200)
            #expect(seen.all.suffix(2) == ["198.51.100.7", "198.51.100.7"])
        }
    }

    /// The end of a node does not end sessions of others whose polls it carries.
    @Test(.timeLimit(.minutes(2))) func aNodeThatDrainsGivesPollsBack() async throws {
        try await Fleet.run(2) { fleet in
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let target = Server.target("polling", sid)
            let far = try await fleet.nodes[1].connect()
            try await far.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await Self.waitUntilHeld(sid, at: fleet.nodes[0])
            await fleet.nodes[1].engine.drain(over: .zero) { $0.close() }
            let answer = try await far.response()
            #expect(answer.status == 200 && answer.body == "6")
            await fleet.nodes[1].engine.close()
            // The session goes on.
            let near = try await fleet.nodes[0].connect()
            #expect(try await near.post(target, "4x").body == "ok")
            #expect(try await near.get(target).body == "4x")
        }
    }

    /// Balancers send requests to a node until its listener has gone.
    @Test(.timeLimit(.minutes(2))) func aNodeThatClosesStillCarriesForOthers() async throws {
        try await Fleet.run(2) { fleet in
            let foreign = Server.target(
                "polling", try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect()))
            let own = Server.target("polling", try await fleet.nodes[1].openPolling(try await fleet.nodes[1].connect()))
            await fleet.nodes[1].engine.close()
            let far = try await fleet.nodes[1].connect()
            #expect(try await far.post(foreign, "4x").body == "ok")
            #expect(try await far.get(foreign).body == "4x")
            #expect(try await far.post(own, "4x").status == 503)
        }
    }
}

extension Fleet {
    /// What middlewares saw.
    final class Seen: Sendable {
        private let texts = NIOLockedValueBox<[String]>([])
        var all: [String] { texts.withLockedValue { $0 } }
        func add(_ text: String) { texts.withLockedValue { $0.append(text) } }
    }
}
