// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import ProcessTesting
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Names that Swift's strings take for one, and that are two here as in Node.js.
@Suite("Rooms, namespaces and keys that differ in their bytes stay apart")
struct ExactNamesTests {
    @Test("rooms: who is reached, who is left out, who leaves", arguments: HostileText.twins, [1, 2])
    func rooms(twins: (String, String), loops: Int) async throws {
        let (one, other) = ("user:" + twins.0, "user:" + twins.1)
        try await withServer(loops: loops) { io, address in
            io.onConnection { socket in
                socket.on("join") { (rooms: [String]) in
                    socket.join(rooms)
                    return socket.rooms.count
                }
            }
            let clients = try await connect(4, to: address)
            let both: TestValue = .array([.string(one), .string(other)])
            #expect(try await clients[0].emitWithAck("join", .array([.string(one)])) == [2])
            #expect(try await clients[1].emitWithAck("join", .array([.string(other)])) == [2])
            #expect(try await clients[2].emitWithAck("join", both) == [3])

            io.to(one).emit("to one")
            io.to(other).emit("to other")
            io.to([one, other]).emit("to both")
            io.except(one).emit("but one")
            io.to([one, other]).except(other).emit("to both but other")
            io.emit("end")
            let heard = try await clients.asyncMap { try await Self.names($0) }
            #expect(heard[0] == ["to one", "to both", "to both but other"])
            #expect(heard[1] == ["to other", "to both", "but one"])
            #expect(heard[2] == ["to one", "to other", "to both"])
            #expect(heard[3] == ["but one"])

            #expect(try await io.in(one).allSockets() == [clients[0].id, clients[2].id])
            #expect(try await io.in(other).fetchSockets().count == 2)
            #expect(try await io.countByRoom() == [one: 2, other: 2])
            let rooms = try await io.rooms()
            #expect(rooms == [one, other] && rooms.count == 2)
            #expect(try await io.adapter.allRooms().isSuperset(of: [one, other]))
            #expect(io.sockets.local.hasRoom(one) && !io.sockets.local.hasRoom(one + other))

            io.in(one).socketsLeave(one)
            try await eventually("left") { try await io.in(one).count() == 0 }
            #expect(try await io.in(other).count() == 2)
            let left = await io.sockets.socket(clients[2].id)
            #expect(left?.rooms == [clients[2].id, other])
        }
    }

    @Test("a room spelled like a socket's id hears nothing that is meant for the socket")
    func idOfASocket() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("join") { (room: String) in
                    socket.join(room)
                    return socket.rooms.count
                }
            }
            var victim: TestSocket?
            // Three ids of four have no K.
            for _ in 0..<200 where victim == nil {
                let client = try await connect(1, to: address)[0]
                if client.id.contains("K") { victim = client } else { try await client.disconnect() }
            }
            let target = try #require(victim)
            let spelled = String(target.id.map { $0 == "K" ? "\u{212A}" : $0 })
            #expect(spelled == target.id, "otherwise the test shows nothing")
            let spy = try await connect(1, to: address)[0]
            #expect(try await spy.emitWithAck("join", .string(spelled)) == [2])
            io.to(target.id).emit("secret")
            io.to(spelled).emit("open")
            io.emit("end")
            #expect(try await Self.names(target) == ["secret"])
            #expect(try await Self.names(spy) == ["open"])
            #expect(await io.sockets.socket(spelled) == nil)
            #expect(await io.sockets.socket(target.id)?.id == target.id)
        }
    }

    @Test("namespaces, also those made on demand", arguments: HostileText.twins)
    func namespaces(one: String, other: String) async throws {
        try await withServer { io, address in
            io.of("/" + one).onConnection { $0.emit("here", "one") }
            let names = Recorder<[UInt8]>()
            _ = io.of { name, _ in
                names.append(Array(name.utf8))
                return true
            }
            let client = try await SocketTestClient.connect(to: address)
            let first = try await client.join("/" + one)
            let second = try await client.join("/" + other)
            #expect(try await first.next("here").arguments == ["one"])
            #expect(names.all == [Array(("/" + other).utf8)])
            io.of("/" + one).emit("to", 1)
            io.of("/" + other).emit("to", 2)
            #expect(try await first.next("to").arguments == [1])
            #expect(try await second.next("to").arguments == [2])
            try await second.disconnect()
            try await eventually("left") { io.of("/" + other).socketCount == 0 }
            #expect(io.of("/" + one).socketCount == 1)
        }
    }

    @Test("events and their handlers", arguments: HostileText.twins)
    func events(one: String, other: String) async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on(one) { () in "one" }
                socket.on("long enough to be no short name: " + one) { () in "long one" }
                socket.on("long enough to be no short name: " + other) { () in "long other" }
                socket.on(other) { () in "other" }
            }
            let client = try await connect(1, to: address)[0]
            #expect(try await client.emitWithAck(one) == ["one"])
            #expect(try await client.emitWithAck(other) == ["other"])
            #expect(try await client.emitWithAck("long enough to be no short name: " + one) == ["long one"])
            #expect(try await client.emitWithAck("long enough to be no short name: " + other) == ["long other"])
        }
    }

    @Test("what a client gives and a socket keeps", arguments: HostileText.twins)
    func values(one: String, other: String) async throws {
        try await withServer { io, address in
            let (auth, query) = (Recorder<SocketValue>(), Recorder<NameDictionary<String>>())
            io.onConnection { socket in
                query.append(socket.handshake.query)
                socket.data = socket.handshake.auth
                socket.withData { $0[one] = 3 }
                // Last: it is waited for.
                auth.append(socket.handshake.auth)
            }
            func encoded(_ text: String) -> String { text.utf8.map { "%" + String($0, radix: 16) }.joined() }
            let client = try await EngineTestClient.connect(
                to: address, transport: .websocket, query: ["\(encoded(one))=1", "\(encoded(other))=2"])
            try await client.send(#"0{"\#(one)":1,"\#(other)":2}"#)
            let given = try await auth.waitFor(1)[0]
            #expect(given[one] == 1 && given[other] == 2 && given.object?.count == 2)
            #expect(query.all.first?[one] == "1" && query.all.first?[other] == "2")
            let kept = try await io.fetchSockets()[0].data
            #expect(kept[one] == 3 && kept[other] == 2)
            await client.close()
        }
    }

    /// The events until `end`.
    private static func names(_ client: TestSocket) async throws -> [String] {
        var names: [String] = []
        while true {
            let event = try await client.events.next()
            if event.name == "end" { return names }
            names.append(event.name)
        }
    }
}

extension Array {
    fileprivate func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
