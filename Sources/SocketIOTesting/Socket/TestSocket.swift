// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// An event from the server.
public struct TestEvent: Sendable, Equatable {
    /// Event name.
    public var name: String
    /// Arguments after the name.
    public var arguments: [TestValue]
    /// The id when the server wants an acknowledgement.
    public var ackID: Int?

    /// An event to compare with.
    public init(_ name: String, _ arguments: TestValue..., ackID: Int? = nil) {
        self.name = name
        self.arguments = arguments
        self.ackID = ackID
    }

    init(name: String, arguments: [TestValue], ackID: Int?) {
        self.name = name
        self.arguments = arguments
        self.ackID = ackID
    }
}

/// One namespace of a ``SocketTestClient``.
public final class TestSocket: Sendable {
    private struct State {
        var nextID = 0
        var acks: [Int: Inbox<[TestValue]>] = [:]
        var answers: [String: @Sendable ([TestValue]) -> [TestValue]] = [:]
    }

    /// The id the server gave.
    public let id: String
    /// Namespace.
    public let namespace: String
    /// The server's whole answer to CONNECT.
    public let reply: TestValue
    /// Events in the order they arrived; ends when the namespace or the session ends.
    public let events: Inbox<TestEvent>
    private let client: SocketTestClient
    private let state = NIOLockedValueBox(State())

    init(id: String, namespace: String, reply: TestValue, client: SocketTestClient) {
        self.id = id
        self.reply = reply
        self.namespace = namespace
        self.client = client
        self.events = Inbox("an event in \(namespace)")
    }

    /// Emits an event.
    public func emit(_ event: String, _ arguments: TestValue...) async throws {
        try await send(.event, id: nil, [.string(event)] + arguments)
    }

    /// Emits an event and waits for its acknowledgement.
    @discardableResult
    public func emitWithAck(
        _ event: String, _ arguments: TestValue..., within timeout: Duration = .seconds(10)
    ) async throws -> [TestValue] {
        let answer = Inbox<[TestValue]>("the acknowledgement of \(event)")
        if events.isFinished { answer.finish(TestClientError.closed("the socket has ended")) }
        let id = state.withLockedValue { state in
            defer { state.nextID += 1 }
            state.acks[state.nextID] = answer
            return state.nextID
        }
        try await send(.event, id: id, [.string(event)] + arguments)
        return try await answer.next(within: timeout)
    }

    /// Acknowledges an event; does nothing when the server did not ask.
    public func acknowledge(_ event: TestEvent, _ arguments: TestValue...) async throws {
        guard let id = event.ackID else { return }
        try await send(.ack, id: id, arguments)
    }

    /// Acknowledges every coming event of a name with what `answer` returns; such events also reach ``events``.
    public func answer(_ event: String, _ answer: @escaping @Sendable ([TestValue]) -> [TestValue]) {
        state.withLockedValue { $0.answers[event] = answer }
    }

    /// Takes events until one has the name, dropping the others.
    public func next(_ name: String, within timeout: Duration = .seconds(10)) async throws -> TestEvent {
        while true {
            let event = try await events.next(within: timeout)
            if event.name == name { return event }
        }
    }

    /// Leaves the namespace.
    public func disconnect() async throws {
        try await client.send(SocketTestPacket(.disconnect, namespace: namespace), attachments: [])
        await client.forget(namespace)
        end(TestClientError.closed("left by this client"))
    }

    private func send(_ kind: SocketTestPacket.Kind, id: Int?, _ items: [TestValue]) async throws {
        var attachments: [[UInt8]] = []
        let json = TestValue.array(items).json(attachments: &attachments)
        var packet = SocketTestPacket(kind, namespace: namespace, id: id, json: json, attachments: attachments.count)
        if !attachments.isEmpty { packet.kind = kind == .event ? .binaryEvent : .binaryAck }
        try await client.send(packet, attachments: attachments)
    }

    func receive(_ packet: SocketTestPacket, items: [TestValue]) throws {
        if packet.kind == .ack || packet.kind == .binaryAck {
            guard let id = packet.id, let answer = state.withLockedValue({ $0.acks.removeValue(forKey: id) }) else {
                throw TestClientError.protocolViolation("acknowledgement nobody asked for: \(packet.text.prefix(100))")
            }
            answer.push(items)
            return
        }
        guard let name = items.first?.string else {
            throw TestClientError.protocolViolation("event without name: \(packet.text.prefix(100))")
        }
        let event = TestEvent(name: name, arguments: Array(items.dropFirst()), ackID: packet.id)
        if let id = packet.id, let answer = state.withLockedValue({ $0.answers[name] }) {
            let result = answer(event.arguments)
            Task { try? await self.send(.ack, id: id, result) }
        }
        events.push(event)
    }

    func end(_ error: any Error) {
        events.finish(error)
        let acks = state.withLockedValue { state in
            defer { state.acks = [:] }
            return state.acks
        }
        for answer in acks.values { answer.finish(error) }
    }
}
