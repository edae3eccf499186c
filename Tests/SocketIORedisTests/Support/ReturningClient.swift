// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting

/// A client that loses its connection and returns, to any node, with what the official client sends then.
struct ReturningClient {
    /// The numbers of the events `n`, over all connections.
    private(set) var numbers: [Int] = []
    private(set) var id = ""
    private(set) var pid: String?
    private(set) var offset: String?
    /// Whether the last connection continued the session.
    private(set) var recovered = false
    private var client: SocketTestClient?
    private var socket: TestSocket?

    var auth: [String: TestValue] {
        var auth: [String: TestValue] = ["rooms": .array([.string("room")])]
        if let pid { auth["pid"] = .string(pid) }
        if pid != nil, let offset { auth["offset"] = .string(offset) }
        return auth
    }

    mutating func connect(to node: NodeUnderTest) async throws {
        let client = try await SocketTestClient.connect(to: node.address)
        self.client = client
        let socket = try await client.join("/", auth: .object(auth))
        self.socket = socket
        recovered = pid != nil && socket.reply["pid"]?.string == pid
        pid = socket.reply["pid"]?.string
        id = socket.id
    }

    /// Takes events up to this number.
    mutating func take(through last: Int) async throws {
        guard let socket else { return }
        while numbers.last != last { take(try await socket.events.next()) }
    }

    private mutating func take(_ event: TestEvent) {
        if let text = event.arguments.last?.string { offset = text }
        guard event.name == "n", case .number(let number)? = event.arguments.first else { return }
        numbers.append(Int(number))
    }

    /// Loses the connection; what has arrived before counts as received.
    mutating func cut() async throws {
        guard let client, let socket else { return }
        await client.engine.abort()
        try await eventually("the client has seen the end") { socket.events.isFinished }
        for event in socket.events.takeAll() { take(event) }
        (self.client, self.socket) = (nil, nil)
    }

    /// Begins to return, and loses the connection before the server can have answered.
    func giveUpReturning(to node: NodeUnderTest, after time: Duration) async throws {
        let client = try await SocketTestClient.connect(to: node.address)
        try await client.engine.send("40\(TestValue.object(auth).json)")
        try await Task.sleep(for: time)
        await client.engine.abort()
    }
}
