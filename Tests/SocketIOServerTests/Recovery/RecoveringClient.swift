// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting
import Testing

/// A client that continues its session as the official one does (protocol 4.12.1): it keeps its secret id and its offset,
/// which is the last element of every event that asks for no acknowledgement, if that is a text.
actor RecoveringClient {
    let address: ServerAddress
    private let namespace: String
    private(set) var client: SocketTestClient?
    private(set) var socket: TestSocket?
    private(set) var pid: String?
    private(set) var offset: String?
    /// Whether the last connection continued the session.
    private(set) var recovered = false
    /// Everything received, over all connections.
    private(set) var received: [TestEvent] = []

    init(_ address: ServerAddress, namespace: String = "/") {
        self.address = address
        self.namespace = namespace
    }

    var id: String { socket?.id ?? "" }

    /// The first arguments of the events with this name.
    func arguments(_ name: String) -> [TestValue] {
        received.filter { $0.name == name }.map { $0.arguments.first ?? .null }
    }

    @discardableResult
    func connect(
        transport: TestTransport = .websocket, auth: [String: TestValue] = [:], over existing: SocketTestClient? = nil
    ) async throws -> TestSocket {
        var auth = auth
        if let pid { auth["pid"] = auth["pid"] ?? .string(pid) }
        if pid != nil, let offset { auth["offset"] = auth["offset"] ?? .string(offset) }
        let connected: SocketTestClient
        if let existing {
            connected = existing
        } else {
            connected = try await SocketTestClient.connect(to: address, transport: transport)
        }
        client = connected
        let socket = try await connected.join(namespace, auth: auth.isEmpty ? nil : .object(auth))
        self.socket = socket
        let given = socket.reply["pid"]?.string
        recovered = given != nil && given == pid
        pid = given
        return socket
    }

    /// Takes what has arrived so far.
    func take() {
        for event in socket?.events.takeAll() ?? [] { take(event) }
    }

    /// Waits for so many events in all.
    func waitFor(_ count: Int) async throws {
        guard let socket else { return }
        while received.count < count { take(try await socket.events.next()) }
    }

    private func take(_ event: TestEvent) {
        received.append(event)
        guard event.ackID == nil, pid != nil else { return }
        if let last = event.arguments.last {
            if let text = last.string { offset = text }
        } else {
            offset = event.name
        }
    }

    /// Loses the connection without a word; what has arrived before counts as received.
    func cut() async throws {
        guard let client, let socket else { return }
        await client.engine.abort()
        try await eventually("the client has seen the end") { socket.events.isFinished }
        take()
    }

    /// Keeps the connection open, but hears nothing of it any more.
    func forgetConnection() async -> SocketTestClient? {
        take()
        socket = nil
        defer { client = nil }
        return client
    }

    func set(offset: String?) { self.offset = offset }
    func set(pid: String?) { self.pid = pid }
}
