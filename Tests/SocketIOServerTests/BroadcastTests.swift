// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Rooms and broadcasts")
struct BroadcastTests {
    /// Clients whose sockets join the rooms their `auth` names.
    private func join(_ rooms: [[TestValue]], to address: ServerAddress) async throws -> [TestSocket] {
        var sockets: [TestSocket] = []
        for names in rooms {
            let client = try await SocketTestClient.connect(to: address)
            sockets.append(try await client.join("/", auth: ["rooms": .array(names)]))
        }
        return sockets
    }

    private func joinAsTold(_ socket: Socket) {
        socket.join((socket.handshake.auth["rooms"]?.array ?? []).compactMap(\.string))
    }

    /// What each client heard before `end`.
    private func heard(_ sockets: [TestSocket], until io: Server) async throws -> [[String]] {
        io.emit("end")
        var all: [[String]] = []
        for socket in sockets {
            var names: [String] = []
            while case let event = try await socket.events.next(), event.name != "end" { names.append(event.name) }
            all.append(names)
        }
        return all
    }

    @Test("targets: everybody, unions of rooms once each, exceptions", arguments: loopCounts)
    func targets(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            io.onConnection(joinAsTold)
            let sockets = try await join([["a"], ["b"], ["a", "b"], [], ["c"]], to: address)
            io.emit("all")
            io.to("a").emit("a")
            io.to("a").to("b").emit("a or b")
            io.to(["a", "b"]).except("c", "a").emit("only b")
            io.in("a", "b").except(sockets[2].id).emit("not the third")
            io.except("a").emit("not a")
            io.to(sockets[3].id).emit("private")
            io.to("nowhere").emit("nobody")
            io.local.to("c").emit("local")
            io.compress(false).to("c").emit("uncompressed")
            let result = try await heard(sockets, until: io)
            #expect(result[0] == ["all", "a", "a or b", "not the third"])
            #expect(result[1] == ["all", "a or b", "only b", "not the third", "not a"])
            #expect(result[2] == ["all", "a", "a or b"])
            #expect(result[3] == ["all", "not a", "private"])
            #expect(result[4] == ["all", "not a", "local", "uncompressed"])
        }
    }

    @Test("a socket's own broadcasts reach everybody else", arguments: loopCounts)
    func sender(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            io.onConnection { socket in
                joinAsTold(socket)
                socket.on("go") {
                    socket.broadcast.emit("others")
                    socket.to("a").emit("others in a")
                    socket.in("a", "b").emit("others in a or b")
                    socket.except("b").emit("others but b")
                    socket.local.emit("others here")
                    io.to("a").emit("a")
                    return true
                }
            }
            let sockets = try await join([["a"], ["a"], ["b"], []], to: address)
            #expect(try await sockets[0].emitWithAck("go") == [true])
            let result = try await heard(sockets, until: io)
            #expect(result[0] == ["a"])
            #expect(result[1] == ["others", "others in a", "others in a or b", "others but b", "others here", "a"])
            #expect(result[2] == ["others", "others in a or b", "others here"])
            #expect(result[3] == ["others", "others but b", "others here"])
        }
    }

    @Test("operators are values")
    func values() async {
        let io = Server()
        let base = io.to("a")
        let more = base.to("b").except("c").volatile.compress(false).timeout(.seconds(2)).local
        #expect(base.options.rooms == ["a"] && base.options.except.isEmpty && !base.options.flags.isVolatile)
        #expect(more.options.rooms == ["a", "b"] && more.options.except == ["c"])
        #expect(more.options.flags.isVolatile && more.options.flags.isLocal && !more.options.flags.compress)
        #expect(more.options.flags.timeout == .seconds(2))
        await io.close()
    }

    @Test("what one server sends reaches a client in the order of the calls", arguments: loopCounts)
    func order(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            io.onConnection { socket in
                socket.join("room")
                socket.on("go") {
                    for number in 0..<100 {
                        socket.emit("n", number * 3)
                        io.to("room").emit("n", number * 3 + 1)
                        io.emit("n", number * 3 + 2)
                    }
                }
            }
            let socket = try await connect(1, to: address)[0]
            try await socket.emit("go")
            for number in 0..<300 {
                #expect(try await socket.events.next() == TestEvent("n", .number(Double(number))))
            }
        }
    }

    @Test("binary broadcasts, and arguments passed on as they came", arguments: TestTransport.allCases)
    func relay(transport: TestTransport) async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on(
                    "relay", arguments: { arguments, _ in socket.broadcast.emit("relayed", arguments: arguments) })
                socket.on("raw") { (value: RawJSON) in io.emit("raw", value) }
            }
            let sockets = try await connect(2, to: address, transport: transport)
            try await sockets[0].emit("relay", 1, ["a": .binary([1, 2])], .binary([3]))
            #expect(
                try await sockets[1].events.next() == TestEvent("relayed", 1, ["a": .binary([1, 2])], .binary([3])))
            try await sockets[0].emit("raw", ["b": .binary([9])])
            #expect(try await sockets[0].events.next() == TestEvent("raw", ["b": .binary([9])]))
        }
    }

    @Test("rooms: joining twice, leaving, the own room, and the end", arguments: loopCounts)
    func rooms(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { socket in
                socket.join("a", "b")
                socket.join("a")
                #expect(socket.rooms == [socket.id, "a", "b"])
                socket.leave("b")
                socket.leave("never joined")
                #expect(socket.rooms == [socket.id, "a"])
                socket.onDisconnecting { _ in #expect(socket.rooms == [socket.id, "a"]) }
                socket.onDisconnect { _ in #expect(socket.rooms.isEmpty) }
                connected.push(socket)
            }
            let client = try await connect(1, to: address)[0]
            let socket = try await connected.next()
            socket.join("from elsewhere")
            try await eventually("joined") { socket.rooms.contains("from elsewhere") }
            socket.leave("from elsewhere")
            try await eventually("left") { socket.rooms == [socket.id, "a"] }
            #expect(try await io.adapter.allRooms() == [socket.id, "a"])
            try await client.disconnect()
            try await eventually("gone") { !socket.connected && socket.rooms.isEmpty }
            socket.join("too late")
            #expect(try await io.adapter.allRooms().isEmpty)
            #expect(socket.rooms.isEmpty)
        }
    }

    @Test("rooms of a socket, and the length of their names, are limited")
    func limits() async throws {
        try await withServer {
            $0.maxRoomsPerSocket = 3
            $0.maxNameLength = 30
        } _: { io, address in
            let errors = Recorder<SocketError.Code?>()
            io.onConnection { socket in
                socket.onError { errors.append(($0 as? SocketError)?.code) }
                socket.join(String(repeating: "x", count: 31))
                socket.join("a", "b", "c")
                #expect(socket.rooms == [socket.id, "a", "b"])
                socket.emit("done")
            }
            _ = try await connect(1, to: address)[0].next("done")
            #expect(errors.all == [.roomRefused, .roomRefused])
        }
    }

    @Test("room events come on change only, once per server", arguments: loopCounts)
    func events(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let events = Recorder<RoomEvent>()
            io.sockets.onRoomEvent { event in
                switch event {
                case .created("a"), .deleted("a"), .joined("a", _), .left("a", _): events.append(event)
                default: break
                }
            }
            io.onConnection { socket in
                socket.join("a")
                socket.join("a")
            }
            let clients = try await connect(3, to: address)
            #expect(io.sockets.local.hasRoom("a"))
            for client in clients { try await client.disconnect() }
            let all = try await events.waitFor(8)
            #expect(all.first == .created(room: "a"))
            #expect(all.last == .deleted(room: "a"))
            for client in clients {
                #expect(all.contains(.joined(room: "a", socketID: client.id)))
                #expect(all.contains(.left(room: "a", socketID: client.id)))
            }
            #expect(all.count == 8)
            #expect(!io.sockets.local.hasRoom("a"))
        }
    }

    @Test("namespaces do not hear each other")
    func namespaces() async throws {
        try await withServer { io, address in
            _ = io.of("/other")
            let client = try await SocketTestClient.connect(to: address)
            let root = try await client.join("/")
            let other = try await client.join("/other")
            io.emit("for root")
            io.of("/other").emit("for other")
            #expect(try await root.events.next().name == "for root")
            #expect(try await other.events.next().name == "for other")
        }
    }

    // MARK: Volatile

    @Test(
        "volatile events are dropped while the transport is busy, whole",
        arguments: [TestTransport.polling, .websocket])
    func volatile(transport: TestTransport) async throws {
        try await withServer(loops: 1) { io, address in
            io.onConnection { socket in
                socket.on("after another") {
                    socket.emit("normal")
                    socket.volatile.emit("dropped", SocketData([1]))
                    io.volatile.emit("dropped too")
                    return true
                }
                socket.on("several") {
                    socket.volatile.emit("first", SocketData([1]))
                    socket.volatile.emit("second")
                    io.volatile.emit("third")
                }
            }
            let socket = try await connect(1, to: address, transport: transport)[0]
            #expect(try await socket.emitWithAck("after another") == [true])
            #expect(try await socket.events.next().name == "normal")
            if transport == .websocket {
                try await socket.emit("several")
                #expect(try await socket.events.next().name == "first")
            }
            socket.answer("end") { _ in [true] }
            #expect(try await io.emitWithAck("end", as: Bool.self) == [true])
            #expect(try await socket.events.next().name == "end")
        }
    }

    @Test("a volatile broadcast reaches whoever is ready")
    func volatileBroadcast() async throws {
        try await withServer { io, address in
            let sockets = try await connect(3, to: address)
            io.volatile.emit("news", 1)
            for socket in sockets { #expect(try await socket.events.next() == TestEvent("news", 1)) }
        }
    }

    // MARK: Utilities

    @Test("fetchSockets, socketsJoin, socketsLeave, disconnectSockets", arguments: loopCounts)
    func utilities(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let reasons = Recorder<DisconnectReason>()
            io.onConnection { socket in
                socket.data["name"] = "n"
                socket.onDisconnect { reasons.append($0) }
                joinAsTold(socket)
            }
            let clients = try await join([["a"], ["a"], ["b"]], to: address)
            #expect(NameSet(try await io.fetchSockets().map(\.id)) == NameSet(clients.map(\.id)))
            #expect(try await io.allSockets() == NameSet(clients.map(\.id)))
            #expect(try await io.to("a").allSockets() == NameSet(clients.prefix(2).map(\.id)))
            let found = try await io.to("b").fetchSockets()
            #expect(found.count == 1)
            #expect(found[0].rooms == [clients[2].id, "b"])
            #expect(found[0].data == ["name": "n"])
            #expect(found[0].handshake.auth["rooms"]?[0] == "b")

            io.to("a").except(clients[0].id).socketsJoin("x", "y")
            try await eventually("joined") { try await io.to("x").allSockets() == [clients[1].id] }
            io.socketsLeave("y", "a")
            try await eventually("left") { try await io.to("y").to("a").allSockets().isEmpty }

            clients[2].answer("question") { _ in ["answer", 2] }
            let answer = try await found[0].timeout(.seconds(5)).emitWithAck("question", 1, as: String.self)
            #expect(answer == "answer")
            found[0].emit("told")
            #expect(try await clients[2].next("told").arguments.isEmpty)
            found[0].join("z")
            try await eventually("joined") { try await io.to("z").allSockets() == [clients[2].id] }
            found[0].leave("z")
            try await eventually("left") { try await io.to("z").allSockets().isEmpty }

            io.to("x").disconnectSockets()
            try await eventually("one is gone") { io.sockets.socketCount == 2 && io.engine.clientsCount == 3 }
            found[0].disconnect(close: true)
            try await eventually("another is gone") { io.engine.clientsCount == 2 }
            io.disconnectSockets(close: true)
            try await eventually("all are gone") { io.sockets.socketCount == 0 }
            #expect(try await reasons.waitFor(3) == Array(repeating: .serverNamespaceDisconnect, count: 3))
            await #expect(throws: (any Error).self) {
                try await found[0].emitWithAck("question", as: String.self)
            }
        }
    }

    @Test("serverSideEmit reaches nobody with the in-memory adapter, and refuses reserved names")
    func serverSide() async throws {
        let io = Server()
        io.sockets.on("hello") { Issue.record("delivered to itself") }
        try await io.serverSideEmit("hello", 1)
        #expect(try await io.serverSideEmitWithAck("hello", 1, as: Int.self) == [])
        for name in ["connect", "connection", "new_namespace"] {
            await #expect(throws: SocketError.self) { try await io.serverSideEmit(name) }
        }
        await io.close()
    }

    @Test("an adapter hands events of other servers to the listeners, and their answers back")
    func serverEvents() async throws {
        let contexts = Inbox<AdapterContext>("an adapter")
        var configuration = ServerConfiguration()
        configuration.adapter = { context in
            contexts.push(context)
            return context.local
        }
        let io = Server(configuration: configuration)
        let context = try await contexts.next()
        let heard = Recorder<String>()
        io.sockets.on("told") { (text: String) in heard.append(text) }
        io.sockets.on("asked") { (number: Int) async -> Int in
            await Task.yield()
            return number + 1
        }
        let packet = BroadcastPacket(namespace: "/", event: "told", data: try .event("told", "x"))
        try context.receive(packet)
        #expect(heard.all == ["x"])
        let answers = Inbox<Int>("an answer")
        let question = BroadcastPacket(namespace: "/", event: "asked", data: try .event("asked", 1))
        try context.receive(question) { result in
            if let answer = try? result.get().decode(Int.self) { answers.push(answer) }
        }
        #expect(try await answers.next() == 2)
        await io.close()
    }
}
