// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("What is registered")
struct ListenerTests {
    @Test("event names and handlers of a socket, in order; off takes what is listed")
    func socket() async throws {
        try await withServer { io, address in
            let sockets = Recorder<Socket>()
            io.onConnection { sockets.append($0) }
            _ = try await connect(1, to: address)
            let socket = try await sockets.waitFor(1)[0]
            #expect(await socket.eventNames().isEmpty)
            let first = socket.on("a") { (_: Int) in }
            let second = socket.on("b") { () in }
            let third = socket.once("a") { () async in }
            let any = socket.onAny { _, _ in }
            let before = socket.prependAny { _, _ in }
            let outgoing = socket.onAnyOutgoing { _, _ in }
            #expect(await socket.eventNames() == ["a", "b"])
            #expect(await socket.listeners("a") == [first, third])
            #expect(await socket.listeners("b") == [second])
            #expect(await socket.listeners("c").isEmpty)
            #expect(await socket.listenersAny() == [before, any])
            #expect(await socket.listenersAnyOutgoing() == [outgoing])
            for id in await socket.listeners("a") { socket.off("a", id) }
            #expect(await socket.eventNames() == ["b"])
        }
    }

    @Test("handlers of events of other servers")
    func namespace() async throws {
        try await withServer { io, _ in
            let id = io.sockets.on("a") { () in }
            #expect(io.sockets.eventNames() == ["a"] && io.sockets.listeners("a") == [id])
            io.sockets.off("a", id)
            #expect(io.sockets.eventNames().isEmpty)
        }
    }

    @Test("the sockets of each room", arguments: loopCounts)
    func rooms(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            io.onConnection { socket in
                socket.on("join") { (room: String) in
                    socket.join(room)
                    return true
                }
            }
            let clients = try await connect(3, to: address)
            for client in clients { _ = try await client.emitWithAck("join", "all") }
            _ = try await clients[0].emitWithAck("join", "one")
            let rooms = await io.sockets.local.socketsByRoom()
            #expect(rooms["all"] == NameSet(clients.map(\.id)))
            #expect(rooms["one"] == [clients[0].id])
            for client in clients { #expect(rooms[client.id] == [client.id]) }
            #expect(rooms.count == 5)
        }
    }
}
