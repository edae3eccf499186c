// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOTesting
import Testing

/// Attacks on the upgrade, by the numbers of docs/security.md (10–14, 29).
@Suite("Attacks on the upgrade")
struct UpgradeAttackTests {
    private static let webSocket = "/engine.io/?EIO=4&transport=websocket"
    private static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    @Test("10: opening handshakes that are wrong")
    func badHandshakes() async throws {
        try await ServerUnderTest.engineEcho { address in
            let line = "GET \(Self.webSocket) HTTP/1.1\r\nHost: a\r\n"
            let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            let version = "Sec-WebSocket-Version: 13\r\n"
            let cases: [(name: String, head: String, status: [Int])] = [
                ("no key", line + upgrade + version, [400]),
                ("no version", line + upgrade + Self.key, [400, 426]),
                ("wrong version", line + upgrade + Self.key + "Sec-WebSocket-Version: 7\r\n", [400, 426]),
                ("two versions", line + upgrade + Self.key + version + "Sec-WebSocket-Version: 8\r\n", [400, 426]),
                ("two keys", line + upgrade + version + Self.key + Self.key, [400]),
                ("empty key", line + upgrade + version + "Sec-WebSocket-Key:\r\n", [400]),
                ("short key", line + upgrade + version + "Sec-WebSocket-Key: YWJj\r\n", [400]),
                ("key not base64", line + upgrade + version + "Sec-WebSocket-Key: ????????????????????????\r\n", [400]),
                (
                    "key of 1 MB",
                    line + upgrade + version + "Sec-WebSocket-Key: \(String(repeating: "a", count: 1_000_000))\r\n",
                    [431]
                ),
                (
                    "extensions of 1 MB",
                    line + upgrade + version + Self.key
                        + "Sec-WebSocket-Extensions: \(String(repeating: "a;", count: 500_000))\r\n", [431]
                ),
                (
                    "too many headers",
                    line + upgrade + version + Self.key + String(repeating: "a: b\r\n", count: 2000),
                    [431]
                ),
                ("other protocol", line + version + Self.key + "Connection: Upgrade\r\nUpgrade: h2c\r\n", [400, 426]),
            ]
            for item in cases {
                let connection = try await HTTPTestConnection.connect(to: address)
                let writing = Task { try await connection.write(item.head + "\r\n") }
                let response = try await connection.responses.next()
                #expect(item.status.contains(response.status), "\(item.name): \(response)")
                _ = try? await writing.value
                await connection.close()
            }
            // Odd, but right: a list in Connection, other case, blanks.
            let connection = try await HTTPTestConnection.connect(to: address)
            try await connection.write(
                line + "connection: keep-alive,  UPGRADE\r\nupgrade: WebSocket\r\n" + version + Self.key + "\r\n")
            #expect(try await connection.responses.next().status == 101)
            await connection.close()
        }
    }

    @Test("11: upgrades with a sid that cannot be upgraded", arguments: [1, 2])
    func foreignSessions(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops) { address in
            await #expect(throws: TestClientError.self) {
                try await WebSocketTestClient.connect(to: address, path: Self.webSocket + "&sid=AAAAAAAAAAAAAAAAAAAA")
            }
            for transport in [TestTransport.websocket, .upgrade] {
                let client = try await EngineTestClient.connect(
                    to: address, path: "/engine.io/", transport: transport)
                let second = try await WebSocketTestClient.connect(
                    to: address, path: client.requestTarget("websocket"))
                _ = try await second.closeCode()
                try await client.send("alive")
                #expect(try await client.messages.next() == .text("alive"))
                await client.close()
            }
            // Somebody who knows the sid of another's polling session gets a candidate; it does no harm by going away.
            let client = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: .polling)
            let candidate = try await WebSocketTestClient.connect(to: address, path: client.requestTarget("websocket"))
            try await candidate.send("2probe")
            #expect(try await candidate.nextText() == "3probe")
            await candidate.connection.reset()
            try await client.send("alive")
            #expect(try await client.messages.next() == .text("alive"))
            // And the session can still be upgraded by its owner.
            try await eventually("the second upgrade") {
                do {
                    try await client.upgrade()
                    return true
                } catch {
                    return false
                }
            }
            try await client.send("again")
            #expect(try await client.messages.next() == .text("again"))
            await client.close()
        }
    }

    @Test("12: probe without upgrade packet, wrong packets, timeout, close meanwhile", arguments: [1, 2])
    func upgradeRaces(loops: Int) async throws {
        let configure: ServerUnderTest.Configure = {
            $0.upgradeTimeout = .milliseconds(300)
            $0.pingInterval = .seconds(5)
            $0.pingTimeout = .seconds(5)
        }
        try await ServerUnderTest.engineEcho(loops: loops, configure: configure) { address in
            // Never finished: closed after upgradeTimeout, the polling session lives.
            let slow = try await PollingSession(address)
            let unfinished = try await WebSocketTestClient.connect(to: address, path: slow.webSocketPath)
            try await unfinished.send("2probe")
            #expect(try await unfinished.nextText() == "3probe")
            _ = try await unfinished.closeCode(within: .seconds(5))
            #expect(try await slow.post("4still").status == 200)
            #expect(try await slow.poll().text == "4still")

            // Silent candidate: the same.
            let silent = try await WebSocketTestClient.connect(to: address, path: slow.webSocketPath)
            _ = try await silent.closeCode(within: .seconds(5))

            // Wrong first packets.
            for packet in ["2wrong", "4hello", "3", "1", "6", "40", "", "abc"] {
                let session = try await PollingSession(address)
                let candidate = try await WebSocketTestClient.connect(to: address, path: session.webSocketPath)
                try await candidate.send(packet)
                _ = try await candidate.closeCode(within: .seconds(5))
                #expect(try await session.post("4\(packet)").status == 200, "after \(packet)")
                #expect(try await session.poll().text == "4\(packet)", "after \(packet)")
            }

            // The upgrade packet without a probe is an upgrade.
            let direct = try await PollingSession(address)
            let bold = try await WebSocketTestClient.connect(to: address, path: direct.webSocketPath)
            try await bold.send("5")
            try await bold.send("4hello")
            #expect(try await bold.nextText() == "4hello")
            #expect(try await direct.poll().status == 400)

            // The session is closed while the candidate probes: the candidate goes with it.
            let closing = try await PollingSession(address)
            let candidate = try await WebSocketTestClient.connect(to: address, path: closing.webSocketPath)
            try await candidate.send("2probe")
            #expect(try await candidate.nextText() == "3probe")
            #expect(try await closing.post("1").status == 200)
            _ = try await candidate.closeCode(within: .seconds(5))
            #expect(try await closing.poll().status == 400)

            // A POST in the middle of the upgrade is delivered once.
            let busy = try await PollingSession(address)
            let next = try await WebSocketTestClient.connect(to: address, path: busy.webSocketPath)
            try await next.send("2probe")
            #expect(try await next.nextText() == "3probe")
            #expect(try await busy.post("4during").status == 200)
            try await next.send("5")
            #expect(try await next.nextText() == "4during")
            try await next.close()
        }
    }

    /// What is cut off in the middle.
    enum Abort: CaseIterable {
        case postDuringClose
        case preflight
        case openingHandshake
        case upgrade
    }

    @Test("13: aborts in the middle end only their own session", arguments: Abort.allCases, [1, 2])
    func aborts(_ abort: Abort, loops: Int) async throws {
        let configure: ServerUnderTest.Configure = {
            $0.pingInterval = .seconds(25)
            $0.cors = .init()
        }
        try await ServerUnderTest.engine(loops: loops, configure: configure) { server in
            let address = server.address
            let witness = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: .websocket)
            for _ in 0..<50 {
                let connection = try await HTTPTestConnection.connect(to: address)
                switch abort {
                case .postDuringClose:
                    let session = try await PollingSession(address)
                    async let close = session.post("1")
                    try? await connection.write(
                        "POST \(session.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n4abcd")
                    await connection.reset()
                    _ = try? await close
                case .preflight:
                    try? await connection.write(
                        "OPTIONS /engine.io/ HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n"
                            + "Access-Control-Request-Method: POST\r\n\r\n")
                    await connection.reset()
                case .openingHandshake:
                    try? await connection.send(WebSocketTestClient.upgradeRequest(path: Self.webSocket))
                    await connection.reset()
                case .upgrade:
                    let session = try await PollingSession(address)
                    try? await connection.send(WebSocketTestClient.upgradeRequest(path: session.webSocketPath))
                    await connection.reset()
                    #expect(try await session.post("4alive").status == 200)
                    #expect(try await session.poll().text == "4alive")
                    #expect(try await session.post("1").status == 200)
                }
            }
            try await witness.send("alive")
            #expect(try await witness.messages.next() == .text("alive"))
            try await eventually("the other sessions to end") { server.clientsCount() == 1 }
            await witness.close()
        }
    }

    /// How a client goes away.
    enum Departure: CaseIterable {
        case closeThenMore
        case halfClose
        case resetInFrame
        case silence
    }

    @Test("29: clients that go away badly are freed at once", arguments: Departure.allCases, [1, 2])
    func departures(_ departure: Departure, loops: Int) async throws {
        let configure: ServerUnderTest.Configure = { $0.pingInterval = .seconds(25) }
        try await ServerUnderTest.engine(loops: loops, configure: configure) { server in
            for _ in 0..<20 {
                let client = try await EngineTestClient.connect(
                    to: server.address, path: "/engine.io/", transport: .upgrade)
                let socket = try #require(await client.currentWebSocket)
                switch departure {
                case .closeThenMore:
                    let more = ClientFrame.binary([UInt8](repeating: 0, count: 1_000_000)).encoded
                    try? await socket.connection.write(ClientFrame.close(1000).encoded + more)
                case .halfClose: try? await socket.connection.shutdownOutput()
                case .resetInFrame:
                    try? await socket.connection.write(Array(ClientFrame.text("4hello").encoded.dropLast(3)))
                    await socket.connection.reset()
                case .silence: await socket.connection.close()
                }
            }
            try await eventually("all sessions to be freed", within: .seconds(3)) { server.clientsCount() == 0 }
        }
    }

    @Test("14: a foreign Origin is refused on both transports")
    func foreignOrigin() async throws {
        let configure: ServerUnderTest.Configure = {
            $0.cors = .init(origin: .list(["http://good.example"]), credentials: true)
        }
        try await ServerUnderTest.engineEcho(configure: configure) { address in
            let polling = "/engine.io/?EIO=4&transport=polling"
            for (origin, allowed) in [("http://good.example", true), ("http://evil.example", false), ("null", false)] {
                let response = try await request(
                    address, .init("GET", polling, headers: [("Origin", origin)]))
                #expect(response.status == (allowed ? 200 : 403), "\(origin)")
                #expect(response["access-control-allow-origin"] == (allowed ? origin : nil), "\(origin)")
                let upgrade = try await HTTPTestConnection.connect(to: address)
                let answer = try await upgrade.request(
                    WebSocketTestClient.upgradeRequest(path: Self.webSocket, headers: [("Origin", origin)]))
                #expect(answer.status == (allowed ? 101 : 403), "\(origin)")
                await upgrade.close()
            }
        }
    }
}
