// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import NIOCore
import ServiceLifecycle
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Disconnecting and closing")
struct DisconnectTests {
    @Test("the reasons handlers see", arguments: TestTransport.allCases)
    func reasons(transport: TestTransport) async throws {
        try await withServer { io, address in
            let reasons = Inbox<DisconnectReason>("a reason")
            io.onConnection { socket in
                socket.onDisconnect { reasons.push($0) }
                socket.on("leave") { socket.disconnect() }
                socket.on("cut") { socket.disconnect(close: true) }
            }
            func client() async throws -> (SocketTestClient, TestSocket) {
                let client = try await SocketTestClient.connect(to: address, transport: transport)
                return (client, try await client.join())
            }
            try await client().1.disconnect()
            #expect(try await reasons.next() == .clientNamespaceDisconnect)
            await (try client()).0.close()
            #expect(try await reasons.next() == .transportClose)
            try await client().1.emit("leave")
            #expect(try await reasons.next() == .serverNamespaceDisconnect)
            try await client().1.emit("cut")
            #expect(try await reasons.next() == .serverNamespaceDisconnect)
        }
    }

    @Test("a client that answers no ping", arguments: TestTransport.allCases)
    func pingTimeout(transport: TestTransport) async throws {
        try await withServer {
            $0.engine.pingInterval = .milliseconds(300)
            $0.engine.pingTimeout = .milliseconds(1500)
        } _: { io, address in
            let reasons = Inbox<DisconnectReason>("a reason")
            io.onConnection { socket in socket.onDisconnect { reasons.push($0) } }
            let client = try await SocketTestClient.connect(to: address, transport: transport)
            await client.engine.setAnswersPings(false)
            try await client.join()
            #expect(try await reasons.next() == .pingTimeout)
        }
    }

    @Test("disconnecting comes first, with the rooms; then disconnect, without", arguments: loopCounts)
    func order(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let steps = Recorder<String>()
            io.onConnection { socket in
                socket.join("a")
                socket.onDisconnecting { reason in steps.append("\(reason) \(socket.rooms.count) \(socket.connected)") }
                socket.onDisconnecting { reason, detail in steps.append("again") }
                socket.onDisconnect { reason, detail in
                    steps.append("\(reason) \(socket.rooms.count) \(socket.connected)")
                }
                socket.onDisconnect { reason async in
                    await Task.yield()
                    steps.append("later")
                }
                socket.onDisconnect { _ in throw EventError("ignored") }
                socket.onDisconnect { _ in steps.append("after the failure") }
            }
            try await connect(1, to: address)[0].disconnect()
            let all = try await steps.waitFor(5)
            #expect(
                all.filter { $0 != "later" } == [
                    "clientNamespaceDisconnect 2 true", "again", "clientNamespaceDisconnect 0 false",
                    "after the failure",
                ])
        }
    }

    @Test("a client may leave a namespace and come back over the same connection")
    func rejoin() async throws {
        try await withServer { io, address in
            let client = try await SocketTestClient.connect(to: address)
            let first = try await client.join()
            try await first.disconnect()
            let second = try await client.join()
            #expect(first.id != second.id)
            #expect(io.engine.clientsCount == 1)
        }
    }

    @Test("disconnect(close: true) leaves every namespace, then ends the session")
    func disconnectAll() async throws {
        try await withServer { io, address in
            let reasons = Recorder<String>()
            for name in ["/", "/a", "/b"] {
                io.of(name).onConnection { socket in
                    socket.onDisconnect { reasons.append("\(socket.namespace.name) \($0.rawValue)") }
                    socket.on("cut") { socket.disconnect(close: true) }
                }
            }
            let client = try await EngineTestClient.connect(to: address, transport: .websocket)
            for packet in ["0", "0/a,", "0/b,"] {
                try await client.send(packet)
                _ = try await client.messages.next()
            }
            try await client.send("2/a,[\"cut\"]")
            for packet in ["1", "1/a,", "1/b,"] { #expect(try await client.messages.next() == .text(packet)) }
            #expect(
                try await reasons.waitFor(3) == [
                    "/ server namespace disconnect", "/a server namespace disconnect", "/b server namespace disconnect",
                ])
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
        }
    }

    @Test("calls on a socket that has gone do nothing", arguments: loopCounts)
    func afterTheEnd(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let client = try await connect(1, to: address)[0]
            let socket = try await connected.next()
            try await client.disconnect()
            try await eventually("gone") { socket.disconnected }
            socket.emit("x")
            socket.volatile.emit("x")
            socket.join("a")
            socket.leave("a")
            socket.disconnect()
            socket.disconnect(close: true)
            socket.on("x") {}
            socket.onAny { _, _ in }
            socket.onAnyOutgoing { _, _ in }
            socket.broadcast.emit("x")
            await #expect(throws: SocketError.disconnected) { try await socket.emitWithAck("x") }
            let sockets = await io.sockets.sockets()
            #expect(sockets.isEmpty && socket.rooms.isEmpty)
            #expect(io.engine.clientsCount == 1)
        }
    }

    @Test("a socket and what its handlers hold are released")
    func release() async throws {
        final class Token: Sendable {}
        try await withServer { io, address in
            let token = NIOLockedValueBox<Token?>(Token())
            weak let watched = token.withLockedValue { $0 }
            io.onConnection { socket in
                let held = token.withLockedValue { $0 }
                socket.on("x") { _ = (socket, held) }
                socket.onAny { _, _ in _ = (socket, held) }
                socket.onDisconnect { _ in _ = (socket, held) }
                socket.set(socket.id)
            }
            try await connect(1, to: address)[0].disconnect()
            try await eventually("the socket is gone") { io.sockets.socketCount == 0 }
            token.withLockedValue { $0 = nil }
            try await eventually("released") { watched == nil }
        }
    }

    @Test("storage: dynamic, by key and by type")
    func storage() async throws {
        struct User: Sendable, Equatable { var name: String }
        enum NameKey: SocketStorageKey { typealias Value = String }
        try await withServer { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { socket in
                #expect(socket.data == [:])
                socket.data["count"] = 1
                socket.withData { $0["count"] = .int(($0["count"]?.int).map { Int64($0) + 1 } ?? 0) }
                #expect(socket[NameKey.self] == nil)
                socket[NameKey.self] = "n"
                socket.set(User(name: "u"))
                connected.push(socket)
            }
            _ = try await connect(1, to: address)
            let socket = try await connected.next()
            #expect(socket.data == ["count": 2])
            #expect(socket[NameKey.self] == "n")
            #expect(socket.get(User.self) == User(name: "u"))
            #expect(socket.get(Int.self) == nil)
        }
    }

    // MARK: The server

    @Test("close: every socket hears why, without a DISCONNECT packet", arguments: loopCounts)
    func close(loops: Int) async throws {
        let reasons = Recorder<DisconnectReason>()
        try await withServer(loops: loops) { io, address in
            io.onConnection { socket in socket.onDisconnect { reasons.append($0) } }
            let clients = [
                try await EngineTestClient.connect(to: address, transport: .websocket),
                try await EngineTestClient.connect(to: address, transport: .polling),
            ]
            for client in clients {
                try await client.send("0")
                _ = try await client.messages.next()
            }
            async let first: Void = io.close()
            async let second: Void = io.close()
            _ = await (first, second)
            #expect(reasons.all == [.serverShuttingDown, .serverShuttingDown])
            for client in clients {
                await #expect(throws: TestClientError.self) { try await client.messages.next() }
            }
            #expect(io.engine.clientsCount == 0)
            await #expect(throws: SocketError.self) { try await io.listen() }
            await #expect(throws: (any Error).self) {
                try await EngineTestClient.connect(to: address, transport: .websocket)
            }
        }
    }

    @Test("close while an event's acknowledgement is pending fails it")
    func closeWithPending() async throws {
        try await withServer { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let client = try await connect(1, to: address)[0]
            let socket = try await connected.next()
            let pending = Task { try await socket.emitWithAck("e") }
            _ = try await client.next("e")
            await io.close()
            await #expect(throws: SocketError.disconnected) { try await pending.value }
        }
    }

    @Test("an adapter that fails does not stop the start or the end")
    func failingAdapter() async throws {
        let adapters = Recorder<String>()
        try await withServer {
            $0.adapter = { BrokenAdapter($0.local, adapters) }
        } _: { io, address in
            let socket = try await connect(1, to: address)[0]
            io.emit("x")
            _ = try await socket.next("x")
            await io.close()
            #expect(adapters.all == ["start", "close"])
        }
    }

    @Test("run listens until its task is cancelled, then closes")
    func run() async throws {
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.eventLoops = 1
        let io = Server(configuration: configuration)
        let running = Task { try await io.run() }
        try await eventually("listening") { io.lifecycle.withLockedValue { $0.listeners.count } == 1 }
        running.cancel()
        try await running.value
        #expect(io.lifecycle.withLockedValue { $0.closing } != nil)
    }

    @Test("run refuses settings that cannot be used, naming all of them")
    func badSettings() async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 1
        configuration.port = 70_000
        configuration.maxRoomsPerSocket = 0
        let io = Server(configuration: configuration)
        do {
            try await io.run()
            Issue.record("no error")
        } catch let error as SocketError {
            #expect(error.code == .invalidConfiguration)
            #expect(error.message.contains("port") && error.message.contains("maxRoomsPerSocket"))
        }
    }

    @Test("several servers in one process, on loops of the application")
    func several() async throws {
        try await withServer(loops: 1) { first, firstAddress in
            let second = Server(eventLoopGroup: firstAddress.group)
            let port = try #require(try await second.listen()?.port)
            let there = try await connect(1, to: ServerAddress(port: port))[0]
            let here = try await connect(1, to: firstAddress)[0]
            first.emit("first")
            second.emit("second")
            #expect(try await here.events.next().name == "first")
            #expect(try await there.events.next().name == "second")
            await second.close()
            first.emit("still here")
            #expect(try await here.events.next().name == "still here")
        }
    }

    @Test("other requests go to the application")
    func application() async throws {
        try await withServer { io, _ in
            io.onRequest { request in .text("you asked for \(request.target)") }
            let port = try #require(try await io.listen()?.port)
            let connection = try await HTTPTestConnection.connect(to: ServerAddress(port: port))
            let response = try await connection.request(HTTPTestRequest("GET", "/hello"))
            #expect(response.text == "you asked for /hello")
        }
    }
}

/// Fails wherever it may.
private final class BrokenAdapter: Adapter {
    private let local: MemoryAdapter
    private let calls: Recorder<String>

    init(_ local: MemoryAdapter, _ calls: Recorder<String>) {
        self.local = local
        self.calls = calls
    }

    func start() async throws {
        calls.append("start")
        throw EventError("no backend")
    }

    func close() async { calls.append("close") }
    func serverCount() async throws -> Int { throw EventError("no backend") }

    func broadcast(_ packet: BroadcastPacket, options: BroadcastOptions) { local.broadcast(packet, options: options) }

    func broadcastWithAck(
        _ packet: BroadcastPacket, options: BroadcastOptions, receiver: any BroadcastAckReceiver
    ) { local.broadcastWithAck(packet, options: options, receiver: receiver) }

    func addSockets(_ options: BroadcastOptions, rooms: [String]) { local.addSockets(options, rooms: rooms) }
    func removeSockets(_ options: BroadcastOptions, rooms: [String]) { local.removeSockets(options, rooms: rooms) }
    func disconnectSockets(_ options: BroadcastOptions, close: Bool) {
        local.disconnectSockets(options, close: close)
    }
    func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        throw EventError("no backend")
    }
    func sockets(in rooms: NameSet) async throws -> NameSet { throw EventError("no backend") }
    func allRooms() async throws -> NameSet { throw EventError("no backend") }
    func serverSideEmit(_ packet: BroadcastPacket) async throws { throw EventError("no backend") }
    func serverSideEmitWithAck(
        _ packet: BroadcastPacket, timeout: Duration
    ) async throws -> [EventArguments] { throw EventError("no backend") }
}
