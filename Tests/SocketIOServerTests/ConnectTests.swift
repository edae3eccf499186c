// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOHTTP1
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Connecting")
struct ConnectTests {
    @Test("joins / and gets a socket id, over every transport", arguments: TestTransport.allCases, loopCounts)
    func joins(transport: TestTransport, loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let client = try await SocketTestClient.connect(to: address, transport: transport)
            let socket = try await client.join()
            let server = try await connected.next()
            #expect(socket.id == server.id)
            #expect(socket.id.count == 20)
            #expect(server.connected)
            #expect(server.rooms == [server.id])
            #expect(server.namespace === io.sockets)
            #expect(io.engine.clientsCount == 1)
            #expect(io.sockets.socketCount == 1)
            await client.close()
            try await eventually("the socket is gone") { io.sockets.socketCount == 0 && io.engine.clientsCount == 0 }
        }
    }

    @Test("shows the handshake")
    func handshake() async throws {
        try await withServer { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let client = try await SocketTestClient.connect(
                to: address, query: ["name=J%C3%BCrgen"], headers: [("X-Custom", "1"), ("Origin", "http://a.example")])
            try await client.join("/", auth: ["token": "123", "list": [1, 2]])
            let handshake = try await connected.next().handshake
            #expect(handshake.auth["token"] == "123")
            #expect(handshake.auth["list"]?[1] == 2)
            #expect(handshake.query["name"] == "Jürgen")
            #expect(handshake.query["EIO"] == "4")
            #expect(handshake.headers["x-custom"] == ["1"])
            #expect(handshake.url.hasPrefix("/socket.io/?"))
            #expect(handshake.address == "127.0.0.1")
            #expect(handshake.xdomain)
            #expect(!handshake.secure)
            #expect(handshake.issued > 1_600_000_000_000)
            #expect(handshake.time.hasSuffix("GMT+0000 (Coordinated Universal Time)"))
        }
    }

    @Test("auth is an empty object when the client gave none")
    func noAuth() async throws {
        try await withServer { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            _ = try await connect(1, to: address)
            #expect(try await connected.next().handshake.auth == [:])
        }
    }

    @Test("several namespaces over one connection, with ids of their own", arguments: loopCounts)
    func namespaces(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let names = Recorder<String>()
            for name in ["/", "chat", "/news"] {
                io.of(name).onConnection { socket in
                    names.append(socket.namespace.name)
                    socket.on("who") { socket.namespace.name }
                }
            }
            let client = try await SocketTestClient.connect(to: address)
            let sockets = [
                try await client.join("/chat"), try await client.join("/"), try await client.join("/news"),
            ]
            #expect(names.all == ["/chat", "/", "/news"])
            #expect(Set(sockets.map(\.id)).count == 3)
            for socket in sockets { #expect(try await socket.emitWithAck("who") == [.string(socket.namespace)]) }
            #expect(io.engine.clientsCount == 1)
        }
    }

    @Test("refuses an unknown namespace and keeps the session")
    func unknownNamespace() async throws {
        try await withServer { io, address in
            let client = try await SocketTestClient.connect(to: address)
            #expect(await refusal { try await client.join("/nowhere") } == ["message": "Invalid namespace"])
            try await client.join("/")
        }
    }

    @Test("limits namespaces of a client and the length of their names")
    func namespaceLimits() async throws {
        try await withServer {
            $0.maxNamespacesPerClient = 2
            $0.maxNameLength = 20
        } _: { io, address in
            _ = io.of(#/^/n.*$/#)
            let client = try await SocketTestClient.connect(to: address)
            try await client.join("/n" + String(repeating: "x", count: 18))
            #expect(
                await refusal { try await client.join("/n" + String(repeating: "x", count: 19)) } == [
                    "message": "Invalid namespace"
                ])
            try await client.join("/n2")
            #expect(await refusal { try await client.join("/n3") } == ["message": "Too many namespaces"])
        }
    }

    @Test("events sent in the connection handler come after the CONNECT reply")
    func order() async throws {
        try await withServer { io, address in
            io.onConnection { $0.emit("hello", 1) }
            let client = try await EngineTestClient.connect(to: address, transport: .websocket)
            try await client.send("0")
            guard case .text(let reply) = try await client.messages.next() else { throw TestClientError.timedOut("") }
            #expect(reply.hasPrefix("0{\"sid\":\""))
            #expect(try await client.messages.next() == .text("2[\"hello\",1]"))
        }
    }

    @Test("no event is lost while the connection handler is asynchronous")
    func asynchronousHandler() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("first") { () -> String in "heard" }
                await Task.yield()
                socket.emit("late")
            }
            let client = try await EngineTestClient.connect(to: address, transport: .polling)
            try await client.send([.text("0"), .text("21[\"first\"]")])
            var received: [EngineTestMessage] = []
            while received.count < 3 { received.append(try await client.messages.next()) }
            #expect(received.contains(.text("31[\"heard\"]")))
            #expect(received.contains(.text("2[\"late\"]")))
        }
    }

    // MARK: Middlewares

    @Test("middlewares run in order; the connection waits for them", arguments: loopCounts)
    func middlewares(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let steps = Recorder<String>()
            io.use { socket in
                #expect(!socket.connected)
                steps.append("first")
                await Task.yield()
                steps.append("first again")
            }
            io.use { _ in steps.append("second") }
            io.onConnection { _ in steps.append("connection") }
            _ = try await connect(1, to: address)
            #expect(steps.all == ["first", "first again", "second", "connection"])
        }
    }

    @Test("a middleware's error goes to the client, with its data")
    func refusedByMiddleware() async throws {
        try await withServer { io, address in
            io.use { socket in
                guard socket.handshake.auth["token"] != nil else {
                    throw ConnectError("unauthorized", data: ["code": 401])
                }
            }
            io.of("/plain").use { _ in throw ConnectError("no") }
            io.of("/broken").use { _ in throw TestClientError.timedOut("a secret") }
            let client = try await SocketTestClient.connect(to: address)
            #expect(await refusal { try await client.join("/") } == ["message": "unauthorized", "data": ["code": 401]])
            #expect(await refusal { try await client.join("/plain") } == ["message": "no"])
            #expect(await refusal { try await client.join("/broken") } == ["message": "internal error"])
            try await client.join("/", auth: ["token": "x"])
            #expect(io.sockets.socketCount == 1)
        }
    }

    @Test("rooms joined in a middleware: broadcasts reach the socket once it is connected, never if it is refused")
    func roomsInMiddleware() async throws {
        try await withServer { io, address in
            let gate = Gate()
            let waiting = Inbox<Socket>("a middleware")
            io.use { socket in
                socket.join("early")
                socket.emit("before")
                waiting.push(socket)
                try await gate.pass()
                if socket.handshake.auth["refuse"] == true { throw ConnectError("no") }
            }
            let client = try await EngineTestClient.connect(to: address, transport: .websocket)
            try await client.send("0")
            let socket = try await waiting.next()
            io.to("early").emit("unheard")
            gate.open()
            // Written before the CONNECT reply, as in Node.
            #expect(try await client.messages.next() == .text("2[\"before\"]"))
            guard case .text(let reply) = try await client.messages.next() else { throw TestClientError.timedOut("") }
            #expect(reply.hasPrefix("0{"))
            try await eventually("connected") { socket.connected }
            io.to("early").emit("heard")
            #expect(try await client.messages.next() == .text("2[\"heard\"]"))

            let refused = try await EngineTestClient.connect(to: address, transport: .websocket)
            try await refused.send("0{\"refuse\":true}")
            let other = try await waiting.next()
            #expect(other.rooms == ["early"])
            gate.open()
            #expect(try await refused.messages.next() == .text("2[\"before\"]"))
            #expect(try await refused.messages.next() == .text("4{\"message\":\"no\"}"))
            #expect(other.rooms.isEmpty)
            other.join("late")
            #expect(other.rooms.isEmpty)
            #expect(try await io.allSockets() == [socket.id])
        }
    }

    @Test("a client that goes while a middleware waits leaves nothing behind", arguments: loopCounts)
    func goneDuringMiddleware(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let gate = Gate()
            let waiting = Inbox<Socket>("a middleware")
            let connections = Recorder<String>()
            io.use { socket in
                socket.join("room")
                waiting.push(socket)
                try await gate.pass()
            }
            io.onConnection { connections.append($0.id) }
            let client = try await EngineTestClient.connect(to: address, transport: .websocket)
            try await client.send("0")
            let socket = try await waiting.next()
            await client.close()
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
            gate.open()
            try await eventually("the room is gone") { try await io.adapter.allRooms().isEmpty }
            #expect(!socket.connected)
            #expect(connections.all.isEmpty)
        }
    }

    @Test("a second CONNECT ends the session, also while the first is pending")
    func secondConnect() async throws {
        try await withServer { io, address in
            let reasons = Recorder<DisconnectReason>()
            io.onConnection { socket in socket.onDisconnect { reasons.append($0) } }
            let gate = Gate()
            io.of("/slow").use { _ in try await gate.pass() }
            let joined = try await SocketTestClient.connect(to: address)
            try await joined.join()
            try await joined.engine.send("0")
            #expect(try await reasons.waitFor(1) == [.forcedServerClose])
            let pending = try await EngineTestClient.connect(to: address, transport: .websocket)
            try await pending.send("0/slow,")
            try await pending.send("0/slow,")
            try await eventually("the sessions are gone") { io.engine.clientsCount == 0 }
            gate.open()
        }
    }

    // MARK: connectTimeout

    @Test("a client that joins nothing is closed in time")
    func connectTimeout() async throws {
        try await withServer {
            $0.connectTimeout = .milliseconds(500)
        } _: { io, address in
            _ = try await EngineTestClient.connect(to: address, transport: .websocket)
            let socket = try await connect(1, to: address)[0]
            try await eventually("one session is left") { io.engine.clientsCount == 1 }
            io.onConnection { $0.emit("x") }
            io.emit("still here")
            _ = try await socket.next("still here")
        }
    }
}
