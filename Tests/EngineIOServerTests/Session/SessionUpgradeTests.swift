// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

@Suite struct SessionUpgradeTests {
    typealias Server = SessionTestServer

    @Test(arguments: [1, 2, 4])
    func probesReleasesThePollAndMovesOver(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            let (http, socket) = (try await server.connect(), try await server.connect())
            let sid = try await server.openPolling(http)
            try await http.send("GET \(Server.target("polling", sid)) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            try await socket.sendText("2probe")
            #expect(try await socket.text() == "3probe")
            // The held poll comes back within the noop cycle.
            #expect(try await http.response(within: .seconds(2)).body == "6")
            try await socket.sendText("5")
            try await socket.sendText("4hello")
            #expect(try await socket.text() == "4hello")
            let late = try await http.get(Server.target("polling", sid))
            #expect(late.status == 400)
            #expect(late.body == "{\"code\":3,\"message\":\"Bad request\"}")
            #expect(server.log.events == ["upgrade websocket"])
            let second = try await server.connect()
            #expect(try await second.upgrade(Server.target("websocket", sid)).status == 101)
            #expect(try await second.frame().opcode == 8)
            try await socket.sendText("4still here")
            #expect(try await socket.text() == "4still here")
        }
    }

    @Test(arguments: [1, 2])
    func nothingIsLostWhileMessagesFlow(loops: Int) async throws {
        // The server sends all the time; the client posts until it upgrades, then goes on over the WebSocket.
        let received = NIOLockedValueBox<[String: [String]]>([:])
        let sent = NIOLockedValueBox<[String: Int]>([:])
        try await Server.run(
            loops: loops,
            onOpen: { session in
                let loop = session.shard.loop
                _ = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .microseconds(300)) { task in
                    guard session.isOpen else { return task.cancel() }
                    let number = sent.withLockedValue { counts -> Int in
                        let next = counts[session.id, default: 0]
                        counts[session.id] = next + 1
                        return next
                    }
                    guard number < 600 else { return task.cancel() }
                    session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "\(number)")))))
                }
            },
            onMessage: { session, message in
                guard case .text(let bytes) = message else { return }
                received.withLockedValue { $0[session.id, default: []].append(String(buffer: bytes)) }
            }
        ) { server in
            for _ in 0..<3 {
                let (http, poster, socket) = (
                    try await server.connect(), try await server.connect(), try await server.connect()
                )
                let sid = try await server.openPolling(http)
                let target = Server.target("polling", sid)
                var posted = 0
                var got: [String] = []
                func poll() async throws {
                    guard got.count < 600 else { return }
                    let body = try await http.get(target).body
                    got += body.split(separator: "\u{1e}").filter { $0.hasPrefix("4") }.map { String($0.dropFirst()) }
                }
                for _ in 0..<10 {
                    #expect(try await poster.post(target, "4\(posted)").body == "ok")
                    posted += 1
                    try await poll()
                }
                #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
                try await socket.sendText("2probe")
                #expect(try await socket.text() == "3probe")
                for _ in 0..<5 {
                    #expect(try await poster.post(target, "4\(posted)").body == "ok")
                    posted += 1
                    try await poll()
                }
                // The upgrade packet and messages leave in one segment.
                var burst = SessionWire.text("5")
                for _ in 0..<50 {
                    burst += SessionWire.text("4\(posted)")
                    posted += 1
                }
                try await socket.send(burst)
                while got.count < 600 {
                    let text = try await socket.text()
                    #expect(text.first == "4")
                    got.append(String(text.dropFirst()))
                }
                #expect(got == (0..<600).map { "\($0)" })
                let count = posted
                try await eventually("all messages") { received.withLockedValue { $0[sid]?.count == count } }
                #expect(received.withLockedValue { $0[sid] } == (0..<count).map { "\($0)" })
            }
        }
    }

    @Test func aCandidateThatFailsHarmsNothing() async throws {
        try await Server.run(loops: 2) { server in
            let http = try await server.connect()
            let sid = try await server.openPolling(http)
            func works() async throws {
                #expect(try await http.post(Server.target("polling", sid), "4x").body == "ok")
                #expect(try await http.get(Server.target("polling", sid)).body == "4x")
            }
            // An odd packet.
            var socket = try await server.connect()
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            try await socket.sendText("4early")
            #expect(try await socket.frame().opcode == 8)
            try await works()
            // It drops.
            socket = try await server.connect()
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            try await socket.sendText("2probe")
            #expect(try await socket.text() == "3probe")
            socket.close()
            try await works()
            // And the next attempt succeeds, with a second one refused meanwhile.
            try await eventually("a new attempt") {
                let session = server.session(sid)
                return try await session?.inside { $0.upgradeAttempt == nil } ?? false
            }
            socket = try await server.connect()
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            try await socket.sendText("2probe")
            #expect(try await socket.text() == "3probe")
            let other = try await server.connect()
            #expect(try await other.upgrade(Server.target("websocket", sid)).status == 101)
            #expect(try await other.frame().opcode == 8)
            try await socket.sendText("5")
            try await socket.sendText("4done")
            #expect(try await socket.text() == "4done")
        }
    }

    @Test func aCandidateHasItsTime() async throws {
        try await Server.run(loops: 2, { $0.upgradeTimeout = .milliseconds(200) }) { server in
            let http = try await server.connect()
            let sid = try await server.openPolling(http)
            let socket = try await server.connect()
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            #expect(try await socket.frame().opcode == 8)
            #expect(try await http.post(Server.target("polling", sid), "4x").body == "ok")
            #expect(try await http.get(Server.target("polling", sid)).body == "4x")
        }
    }

    @Test func theSessionsCloseClosesTheCandidate() async throws {
        try await Server.run(loops: 2) { server in
            let http = try await server.connect()
            let sid = try await server.openPolling(http)
            let socket = try await server.connect()
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            try await socket.sendText("2probe")
            #expect(try await socket.text() == "3probe")
            server.session(sid)?.close(discard: true)
            #expect(try await server.closeReason(sid) == "forced close|")
            #expect(try await socket.frame().opcode == 8)
        }
    }

    @Test func anOrderlyCloseEndsWithTheUpgrade() async throws {
        try await Server.run { server in
            let http = try await server.connect()
            let sid = try await server.openPolling(http)
            let socket = try await server.connect()
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            try await socket.sendText("2probe")
            #expect(try await socket.text() == "3probe")
            server.session(sid)?.close()
            try await eventually("closing") { await server.isClosing(sid) }
            try await socket.sendText("5")
            #expect(try await server.closeReason(sid) == "forced close|")
            #expect(try await socket.frame().opcode == 8)
        }
    }

    @Test func anUpgradeToPollingIsClosedAtOnce() async throws {
        try await Server.run { server in
            let socket = try await server.connect()
            #expect(try await socket.upgrade(Server.polling).status == 101)
            #expect(try await socket.frame().opcode == 8)
            #expect(server.engine.clientsCount == 0)
        }
    }
}

extension SessionTestServer {
    func isClosing(_ sid: String) async -> Bool {
        guard let session = session(sid) else { return false }
        return (try? await session.inside { session in session.machine.isClosing }) ?? false
    }
}
