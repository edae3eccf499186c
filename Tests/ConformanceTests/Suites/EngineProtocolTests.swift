// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOTesting
import Testing

/// The cases of the Engine.IO v4 protocol suite, under their names there (protocol 9).
///
/// The server echoes every message; pingInterval 300, pingTimeout 200, maxPayload 1,000,000. Each case runs on one, two
/// and four event loops.
@Suite("Engine.IO v4 protocol")
struct EngineProtocolTests {
    static let loops = [1, 2, 4]
    /// For cases that are not about heartbeats: no ping comes between on a slow machine.
    private static let calm: ServerUnderTest.Configure = {
        $0.pingInterval = .seconds(25)
        $0.pingTimeout = .seconds(20)
    }
    /// For cases in which pings are answered, in whatever time a slow machine takes for it.
    private static let patient: ServerUnderTest.Configure = { $0.pingTimeout = .seconds(20) }
    private static let polling = "/engine.io/?EIO=4&transport=polling"
    private static let webSocket = "/engine.io/?EIO=4&transport=websocket"

    // MARK: handshake

    @Test("handshake, HTTP long-polling: should successfully open a session", arguments: loops)
    func pollingHandshake(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops) { address in
            let response = try await get(address, Self.polling)
            #expect(response.status == 200)
            guard case .open(let json)? = try EngineTestPacket.parse(payload: response.text).first else {
                Issue.record("no open packet: \(response)")
                return
            }
            let handshake = try EngineTestHandshake(json: json)
            #expect(handshake.keys == ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"])
            #expect(!handshake.sid.isEmpty)
            #expect(handshake.upgrades == ["websocket"])
            #expect(handshake.pingInterval == 300)
            #expect(handshake.pingTimeout == 200)
            #expect(handshake.maxPayload == 1_000_000)
        }
    }

    @Test("handshake, HTTP long-polling: should fail with an invalid query parameter or method", arguments: loops)
    func pollingRefusals(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops) { address in
            for path in [
                "/engine.io/?transport=polling", "/engine.io/?EIO=abc&transport=polling", "/engine.io/?EIO=4",
                "/engine.io/?EIO=4&transport=abc",
            ] {
                let status = try await get(address, path).status
                #expect(status == 400, "\(path)")
            }
            for method in ["POST", "PUT"] {
                let status = try await request(address, .init(method, Self.polling)).status
                #expect(status == 400, "\(method)")
            }
        }
    }

    @Test("handshake, WebSocket: should successfully open a session", arguments: loops)
    func webSocketHandshake(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops) { address in
            let client = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: .websocket)
            #expect(client.handshake.keys == ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"])
            #expect(client.handshake.upgrades == [])
            #expect(client.handshake.pingInterval == 300)
            #expect(client.handshake.pingTimeout == 200)
            #expect(client.handshake.maxPayload == 1_000_000)
            await client.close()
        }
    }

    @Test("handshake, WebSocket: should fail with an invalid query parameter", arguments: loops)
    func webSocketRefusals(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops) { address in
            for path in [
                "/engine.io/?transport=websocket", "/engine.io/?EIO=abc&transport=websocket", "/engine.io/?EIO=4",
                "/engine.io/?EIO=4&transport=abc",
            ] {
                await #expect(throws: TestClientError.self, "\(path)") {
                    try await WebSocketTestClient.connect(to: address, path: path)
                }
            }
        }
    }

    // MARK: message

    @Test("message, HTTP long-polling: should send and receive a payload containing one text packet", arguments: loops)
    func pollingText(loops: Int) async throws {
        try await pollingEcho("4hello", loops: loops)
    }

    @Test("message, HTTP long-polling: should send and receive a payload of several text packets", arguments: loops)
    func pollingSeveral(loops: Int) async throws {
        try await pollingEcho("4test1\u{1e}4test2\u{1e}4test3", loops: loops)
    }

    @Test("message, HTTP long-polling: should send and receive plain text and binary packets", arguments: loops)
    func pollingBinary(loops: Int) async throws {
        try await pollingEcho("4hello\u{1e}bAQIDBA==", loops: loops)
    }

    private func pollingEcho(_ payload: String, loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let session = try await PollingSession(address)
            let push = try await session.post(payload)
            #expect(push.status == 200)
            #expect(push.text == "ok")
            let poll = try await session.poll()
            #expect(poll.status == 200)
            #expect(poll.text == payload)
        }
    }

    @Test("message, HTTP long-polling: should close the session upon invalid packet format", arguments: loops)
    func pollingInvalidPacket(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let session = try await PollingSession(address)
            #expect(try await session.post("abc").status == 400)
            #expect(try await session.poll().status == 400)
        }
    }

    @Test("message, HTTP long-polling: should close the session upon duplicate poll requests", arguments: loops)
    func duplicatePolls(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let session = try await PollingSession(address)
            async let first = session.poll()
            async let second = session.poll()
            let answers = try await [first, second].sorted { $0.status < $1.status }
            #expect(answers.map(\.status) == [200, 400])
            #expect(answers[0].text == "1")
        }
    }

    @Test("message, HTTP long-polling: should close the session upon cancelled polling request", arguments: loops)
    func cancelledPoll(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let session = try await PollingSession(address)
            let connection = try await HTTPTestConnection.connect(to: address)
            try await connection.send(.init("GET", session.path))
            // Bytes already sent arrive before the end of the stream.
            await connection.close()
            try await eventually("the session to be closed") {
                try await session.poll(within: .seconds(1)).status == 400
            }
        }
    }

    @Test("message, WebSocket: should send and receive a plain text packet", arguments: loops)
    func webSocketText(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let socket = try await opened(address)
            try await socket.send("4hello")
            #expect(try await socket.nextText() == "4hello")
            try await socket.close()
        }
    }

    @Test("message, WebSocket: should send and receive a binary packet", arguments: loops)
    func webSocketBinary(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let socket = try await opened(address)
            try await socket.send([1, 2, 3, 4])
            #expect(try await socket.next() == .binary([1, 2, 3, 4]))
            try await socket.close()
        }
    }

    @Test("message, WebSocket: should close the session upon invalid packet format", arguments: loops)
    func webSocketInvalidPacket(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let socket = try await opened(address)
            try await socket.send("abc")
            _ = try await socket.closeCode()
        }
    }

    // MARK: heartbeat

    @Test("heartbeat, HTTP long-polling: should send ping/pong packets", arguments: loops)
    func pollingHeartbeat(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.patient) { address in
            let session = try await PollingSession(address)
            for _ in 0..<3 {
                #expect(try await session.poll().text == "2")
                #expect(try await session.post("3").status == 200)
            }
        }
    }

    @Test("heartbeat, HTTP long-polling: should close the session upon ping timeout", arguments: loops)
    func pollingTimeout(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops) { address in
            let session = try await PollingSession(address)
            let deadline = ContinuousClock.now + .seconds(10)
            var status: UInt = 200
            // Gets the ping, which nobody answers, and the close, unless it comes too late for them.
            while status == 200, ContinuousClock.now < deadline { status = UInt(try await session.poll().status) }
            #expect(status == 400)
        }
    }

    @Test("heartbeat, WebSocket: should send ping/pong packets", arguments: loops)
    func webSocketHeartbeat(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.patient) { address in
            let socket = try await opened(address)
            for _ in 0..<3 {
                #expect(try await socket.nextText() == "2")
                try await socket.send("3")
            }
            try await socket.close()
        }
    }

    @Test("heartbeat, WebSocket: should close the session upon ping timeout", arguments: loops)
    func webSocketTimeout(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops) { address in
            let socket = try await opened(address)
            _ = try await socket.closeCode(within: .seconds(5))
        }
    }

    // MARK: close

    @Test("close, HTTP long-polling: should forcefully close the session", arguments: loops)
    func pollingClose(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let session = try await PollingSession(address)
            async let poll = session.poll()
            // The close packet must find the poll pending.
            try await Task.sleep(for: .milliseconds(50))
            #expect(try await session.post("1").status == 200)
            let answer = try await poll
            #expect(answer.status == 200)
            #expect(answer.text == "6")
            #expect(try await session.poll().status == 400)
        }
    }

    @Test("close, WebSocket: should forcefully close the session", arguments: loops)
    func webSocketClose(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            let socket = try await opened(address)
            try await socket.send("1")
            _ = try await socket.closeCode()
        }
    }

    // MARK: upgrade

    @Test("upgrade: should successfully upgrade from HTTP long-polling to WebSocket", arguments: loops)
    func upgrade(loops: Int) async throws {
        try await upgraded(loops: loops) { _, socket in
            try await socket.send("4hello")
            #expect(try await socket.nextText() == "4hello")
        }
    }

    @Test("upgrade: should ignore HTTP requests with same sid after upgrade", arguments: loops)
    func requestsAfterUpgrade(loops: Int) async throws {
        try await upgraded(loops: loops) { session, socket in
            // A poll that overtakes the `5`, on a connection of another loop, is still a request of the old transport.
            try await socket.send("4first")
            #expect(try await socket.nextText() == "4first")
            #expect(try await session.poll().status == 400)
            #expect(try await session.post("4hello").status == 400)
            try await socket.send("4hello")
            #expect(try await socket.nextText() == "4hello")
        }
    }

    @Test("upgrade: should ignore WebSocket connection with same sid after upgrade", arguments: loops)
    func secondWebSocketAfterUpgrade(loops: Int) async throws {
        try await upgraded(loops: loops) { session, socket in
            let second = try await WebSocketTestClient.connect(to: session.address, path: session.webSocketPath)
            _ = try await second.closeCode()
            try await socket.send("4hello")
            #expect(try await socket.nextText() == "4hello")
        }
    }

    private func upgraded(
        loops: Int, _ body: @Sendable (PollingSession, WebSocketTestClient) async throws -> Void
    ) async throws {
        try await ServerUnderTest.engineEcho(loops: loops, configure: Self.calm) { address in
            // Several sessions, so that connections of one session land on different loops.
            for _ in 0..<loops {
                let session = try await PollingSession(address)
                let socket = try await WebSocketTestClient.connect(to: address, path: session.webSocketPath)
                try await socket.send("2probe")
                #expect(try await socket.nextText() == "3probe")
                let poll = try await session.poll()
                #expect(poll.status == 200)
                #expect(poll.text == "6")
                try await socket.send("5")
                try await body(session, socket)
                try await socket.close()
            }
        }
    }

    // MARK: helpers

    private func opened(_ address: ServerAddress) async throws -> WebSocketTestClient {
        let socket = try await WebSocketTestClient.connect(to: address, path: Self.webSocket)
        #expect(try await socket.nextText().hasPrefix("0{"))
        return socket
    }
}
