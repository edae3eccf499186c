// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// A Socket.IO v5 client for tests, over any transport, with any number of namespaces.
///
///     let client = try await SocketTestClient.connect(to: address, transport: .upgrade)
///     let socket = try await client.join("/")
///     let answer = try await socket.emitWithAck("echo", "hello", 1)
public actor SocketTestClient {
    /// The session below.
    public nonisolated let engine: EngineTestClient
    private var sockets: NameDictionary<TestSocket> = [:]
    private var joining: NameDictionary<Inbox<Result<TestSocket, RefusedNamespace>>> = [:]
    private var pending: (packet: SocketTestPacket, received: [[UInt8]])?
    /// Events that a middleware sent before the namespace was joined; kept until then, as the official client does.
    private var early: NameDictionary<[(packet: SocketTestPacket, items: [TestValue])]> = [:]
    private var reader: Task<Void, Never>?

    private init(engine: EngineTestClient) {
        self.engine = engine
    }

    /// Opens a session. No namespace is joined yet.
    public static func connect(
        to address: ServerAddress, path: String = "/socket.io/", transport: TestTransport = .websocket,
        query: [String] = [], headers: [(name: String, value: String)] = [], keepsCookies: Bool = false
    ) async throws -> SocketTestClient {
        let engine = try await EngineTestClient.connect(
            to: address, path: path, transport: transport, query: query, headers: headers,
            keepsCookies: keepsCookies)
        let client = SocketTestClient(engine: engine)
        await client.start()
        return client
    }

    /// Joins a namespace; throws ``RefusedNamespace`` when the server refuses.
    @discardableResult
    public func join(
        _ namespace: String = "/", auth: TestValue? = nil, within timeout: Duration = .seconds(10)
    ) async throws -> TestSocket {
        let answer = Inbox<Result<TestSocket, RefusedNamespace>>("the answer to CONNECT \(namespace)")
        joining[namespace] = answer
        if engine.messages.isFinished { answer.finish(TestClientError.closed("the session has ended")) }
        try await engine.send(SocketTestPacket(.connect, namespace: namespace, json: auth?.json ?? "").text)
        return try await answer.next(within: timeout).get()
    }

    /// Ends the session.
    public func close() async {
        await engine.close()
    }

    func send(_ packet: SocketTestPacket, attachments: [[UInt8]]) async throws {
        try await engine.send([.text(packet.text)] + attachments.map(EngineTestPacket.binary))
    }

    func forget(_ namespace: String) {
        sockets[namespace] = nil
    }

    private func start() {
        reader = Task {
            do {
                while true { try await self.receive(try await self.engine.messages.next(within: .seconds(120))) }
            } catch {
                self.end(error)
            }
        }
    }

    private func end(_ error: any Error) {
        for socket in sockets.values { socket.end(error) }
        for answer in joining.values { answer.finish(error) }
        sockets = [:]
    }

    private func receive(_ message: EngineTestMessage) async throws {
        switch message {
        case .binary(let bytes):
            guard var waiting = pending else { throw TestClientError.protocolViolation("a binary message unasked") }
            waiting.received.append(bytes)
            pending = waiting
            guard waiting.received.count == waiting.packet.attachments else { return }
            pending = nil
            try deliver(waiting.packet, attachments: waiting.received)
        case .text(let text):
            guard pending == nil else { throw TestClientError.protocolViolation("text between attachments") }
            let packet = try SocketTestPacket(parsing: text)
            if packet.attachments > 0 {
                pending = (packet, [])
            } else {
                try deliver(packet, attachments: [])
            }
        }
    }

    private func deliver(_ packet: SocketTestPacket, attachments: [[UInt8]]) throws {
        switch packet.kind {
        case .connect:
            let reply = try TestValue(json: packet.json)
            guard let id = reply["sid"]?.string else {
                throw TestClientError.protocolViolation("CONNECT without sid")
            }
            let socket = TestSocket(id: id, namespace: packet.namespace, reply: reply, client: self)
            sockets[packet.namespace] = socket
            for (packet, items) in early.removeValue(forKey: packet.namespace) ?? [] {
                try socket.receive(packet, items: items)
            }
            joining.removeValue(forKey: packet.namespace)?.push(.success(socket))
        case .connectError:
            early[packet.namespace] = nil
            let error = RefusedNamespace(reason: try TestValue(json: packet.json))
            joining.removeValue(forKey: packet.namespace)?.push(.failure(error))
        case .disconnect:
            sockets.removeValue(forKey: packet.namespace)?.end(TestClientError.closed("DISCONNECT"))
        case .event, .binaryEvent, .ack, .binaryAck:
            guard case .array(let items) = try TestValue(json: packet.json).resolving(attachments) else {
                throw TestClientError.protocolViolation("payload \(packet.json.prefix(100))")
            }
            if let socket = sockets[packet.namespace] {
                try socket.receive(packet, items: items)
            } else if joining[packet.namespace] != nil {
                early[packet.namespace, default: []].append((packet, items))
            } else {
                throw TestClientError.protocolViolation("\(packet.text.prefix(100)) without CONNECT")
            }
        }
    }
}

/// The server answered CONNECT with CONNECT_ERROR.
public struct RefusedNamespace: Error, Equatable {
    /// The whole payload, usually `{"message": …}`.
    public var reason: TestValue

    /// A refusal to compare with.
    public init(reason: TestValue) {
        self.reason = reason
    }
}
