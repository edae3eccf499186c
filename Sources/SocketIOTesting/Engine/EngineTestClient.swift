// Part of socketio-server, MIT licence; see LICENSE.

/// An Engine.IO v4 client for tests: long-polling, WebSocket and the upgrade between them.
///
/// It answers the server's pings by itself and hands out messages in the order they arrived.
///
///     let client = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: .upgrade)
///     try await client.send("hello")
///     let answer = try await client.messages.next()
public actor EngineTestClient {
    /// Messages from the server. Ends with the session; the error says why.
    public nonisolated let messages = Inbox<EngineTestMessage>("an Engine.IO message")
    /// Every packet from the server, control packets included, in order.
    public nonisolated let packets = Inbox<EngineTestPacket>("an Engine.IO packet")
    /// What the server announced.
    public nonisolated let handshake: EngineTestHandshake
    /// The response that carried the handshake: the first poll's, or the `101`.
    public nonisolated let handshakeResponse: HTTPTestResponse

    private let address: ServerAddress
    private let target: String
    private let headers: [(name: String, value: String)]
    private let recordsPackets: Bool

    private var poll: HTTPTestConnection?
    private var post: HTTPTestConnection?
    private var webSocket: WebSocketTestClient?
    private var reader: Task<Void, Never>?
    private var outbox: [EngineTestPacket] = []
    private var isSending = false
    private var isPausing = false
    private var answersPings = true
    private var ended = false

    private init(
        address: ServerAddress, target: String, headers: [(name: String, value: String)],
        handshake: EngineTestHandshake, response: HTTPTestResponse, recordsPackets: Bool
    ) {
        self.address = address
        self.target = target
        self.headers = headers
        self.handshake = handshake
        self.handshakeResponse = response
        self.recordsPackets = recordsPackets
    }

    /// Opens a session; with ``TestTransport/upgrade`` it returns when the WebSocket is in use.
    ///
    /// - `query`: further parameters, encoded by the caller, for example `["token=1"]`.
    /// - `recordsPackets`: whether ``packets`` is filled; default no, so that nobody has to empty it.
    /// - `keepsCookies`: whether later requests send back the cookies of a polling handshake, as in a browser.
    public static func connect(
        to address: ServerAddress, path: String = "/socket.io/", transport: TestTransport = .polling,
        query: [String] = [], headers: [(name: String, value: String)] = [], recordsPackets: Bool = false,
        keepsCookies: Bool = false
    ) async throws -> EngineTestClient {
        let extra = query.map { "&" + $0 }.joined()
        let target = "\(path)?EIO=4\(extra)&transport="
        if transport == .websocket {
            let socket = try await WebSocketTestClient.connect(
                to: address, path: target + "websocket", headers: headers)
            guard case .open(let json) = try EngineTestPacket(parsing: try await socket.nextText()) else {
                throw TestClientError.protocolViolation("no open packet first")
            }
            let client = EngineTestClient(
                address: address, target: target, headers: headers, handshake: try .init(json: json),
                response: socket.response, recordsPackets: recordsPackets)
            await client.use(socket)
            return client
        }
        let poll = try await HTTPTestConnection.connect(
            to: address, sending: HTTPTestRequest("GET", target + "polling", headers: headers))
        let response = try await poll.responses.next(within: .seconds(10))
        guard response.status == 200 else { throw TestClientError.unexpected("handshake refused: \(response)") }
        let packets = try EngineTestPacket.parse(payload: response.text)
        guard case .open(let json)? = packets.first else {
            throw TestClientError.protocolViolation("no open packet first")
        }
        let client = EngineTestClient(
            address: address, target: target,
            headers: headers + (keepsCookies ? cookies(of: response) : []), handshake: try .init(json: json),
            response: response, recordsPackets: recordsPackets)
        try await client.startPolling(poll, first: Array(packets.dropFirst()))
        if transport == .upgrade { try await client.upgrade() }
        return client
    }

    /// What a browser would send back.
    private static func cookies(of response: HTTPTestResponse) -> [(name: String, value: String)] {
        let pairs = response.values("Set-Cookie").map { String($0.prefix { $0 != ";" }) }
        return pairs.isEmpty ? [] : [("Cookie", pairs.joined(separator: "; "))]
    }

    /// The path and query of this session's requests for a transport.
    public nonisolated func requestTarget(_ transport: String) -> String {
        target + transport + "&sid=" + handshake.sid
    }

    /// The name of the transport in use.
    public var transportName: String { webSocket == nil ? "polling" : "websocket" }

    /// The WebSocket in use, for bytes of the test's own making.
    public var currentWebSocket: WebSocketTestClient? { webSocket }

    /// Whether pings are answered; default yes.
    public func setAnswersPings(_ enabled: Bool) {
        answersPings = enabled
    }

    /// Sends a text message.
    public func send(_ text: String) async throws {
        try await send([.text(text)])
    }

    /// Sends a binary message.
    public func send(_ bytes: [UInt8]) async throws {
        try await send([.binary(bytes)])
    }

    /// Sends packets in order; over polling those waiting together leave in one payload.
    ///
    /// It returns when they have been sent, or, during an upgrade, when they are queued for the WebSocket.
    public func send(_ packets: [EngineTestPacket]) async throws {
        guard !ended else { throw TestClientError.closed("this client has ended") }
        outbox += packets
        try await flush()
    }

    private func flush() async throws {
        guard !isSending else { return }
        isSending = true
        defer { isSending = false }
        while !outbox.isEmpty, !ended {
            let batch = outbox
            if let webSocket {
                outbox = []
                var bytes: [UInt8] = []
                for packet in batch {
                    if case .binary(let payload) = packet {
                        bytes += ClientFrame.binary(payload).encoded
                    } else {
                        bytes += ClientFrame.text(packet.text).encoded
                    }
                }
                try await webSocket.connection.write(bytes)
            } else if isPausing {
                return
            } else {
                outbox = []
                try await sendPost(batch.map(\.text).joined(separator: "\u{1e}"))
            }
        }
    }

    private func sendPost(_ body: String) async throws {
        let request = HTTPTestRequest(
            "POST", requestTarget("polling"), headers: headers + [("Content-Type", "text/plain;charset=UTF-8")],
            body: Array(body.utf8))
        let (response, connection) = try await answer(to: request, over: post)
        post = connection
        guard response.status == 200 else {
            let error = TestClientError.closed("POST answered \(response)")
            await end(error)
            throw error
        }
    }

    /// Sends a request over a connection that is kept; over a new one when there is none, or when the server has closed it because
    /// it was idle, which every HTTP client has to expect (RFC 9112, 9.3).
    private func answer(
        to request: HTTPTestRequest, over kept: HTTPTestConnection?, within timeout: Duration = .seconds(10)
    ) async throws -> (HTTPTestResponse, HTTPTestConnection) {
        if let kept, (try? await kept.send(request)) != nil {
            return (try await kept.responses.next(within: timeout), kept)
        }
        guard !ended else { throw TestClientError.closed("this client has ended") }
        let connection = try await HTTPTestConnection.connect(to: address, sending: request)
        guard !ended else {
            await connection.close()
            throw TestClientError.closed("this client has ended")
        }
        return (try await connection.responses.next(within: timeout), connection)
    }

    private func startPolling(_ connection: HTTPTestConnection, first: [EngineTestPacket]) async throws {
        poll = connection
        for packet in first { await receive(packet) }
        let request = HTTPTestRequest("GET", requestTarget("polling"), headers: headers)
        reader = Task {
            do {
                while !self.ended, !self.isPausing {
                    let (response, connection) = try await answer(to: request, over: self.poll, within: .seconds(120))
                    self.poll = connection
                    guard response.status == 200 else {
                        throw TestClientError.closed("poll answered \(response)")
                    }
                    for packet in try EngineTestPacket.parse(payload: response.text) { await self.receive(packet) }
                }
            } catch {
                await self.end(error)
            }
        }
    }

    private func use(_ socket: WebSocketTestClient) {
        webSocket = socket
        reader = Task {
            do {
                while !self.ended {
                    switch try await socket.next(within: .seconds(120)) {
                    case .text(let text): await self.receive(try EngineTestPacket(parsing: text))
                    case .binary(let bytes): await self.receive(.binary(bytes))
                    case .ping, .pong: continue
                    case .close(let code, let reason):
                        throw TestClientError.closed("WebSocket close \(code ?? 1005) \(reason)")
                    }
                }
            } catch {
                await self.end(error)
            }
        }
    }

    private func receive(_ packet: EngineTestPacket) async {
        if recordsPackets { packets.push(packet) }
        switch packet {
        case .text(let text): messages.push(.text(text))
        case .binary(let bytes): messages.push(.binary(bytes))
        case .ping where answersPings:
            // Not awaited: a POST takes a round trip, and the next poll must not wait for it.
            Task { try? await self.send([.pong("")]) }
        case .close: await end(TestClientError.closed("close packet"))
        default: break
        }
    }

    /// Moves a polling session to a WebSocket, as the official client does: probe, wait for the poll in flight, `5`.
    ///
    /// Messages sent meanwhile are kept and leave over the WebSocket in order.
    public func upgrade() async throws {
        guard webSocket == nil, !isPausing else { throw TestClientError.unexpected("a second upgrade") }
        let socket = try await WebSocketTestClient.connect(
            to: address, path: requestTarget("websocket"), headers: headers)
        try await socket.send("2probe")
        let answer = try await socket.nextText()
        guard answer == "3probe" else { throw TestClientError.protocolViolation("probe answered \(answer)") }
        isPausing = true
        await reader?.value
        guard !ended else { throw TestClientError.closed("the session ended during the upgrade") }
        while isSending { try await Task.sleep(for: .milliseconds(1)) }
        try await socket.send("5")
        use(socket)
        await poll?.close()
        await post?.close()
        isPausing = false
        try await flush()
    }

    /// Ends the session: a close frame over WebSocket, a close packet over polling.
    public func close() async {
        if let webSocket {
            try? await webSocket.send(.close())
            _ = try? await webSocket.connection.waitUntilClosed(within: .seconds(2))
        } else if !ended {
            try? await sendPost("1")
        }
        await end(TestClientError.closed("closed by this client"))
    }

    /// Cuts the connections without a word.
    public func abort() async {
        await end(TestClientError.closed("aborted by this client"))
    }

    private func end(_ reason: any Error) async {
        guard !ended else { return }
        ended = true
        messages.finish(reason)
        packets.finish(reason)
        await poll?.close()
        await post?.close()
        await webSocket?.connection.close()
    }
}
