// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Lists of arguments whose length is known at run time only.
@Suite("Lists of arguments")
struct ArgumentListTests {
    private static let lists: [[SocketValue]] = [
        [], ["one"], [1, "two", ["three": [3]], nil, 5.5, true, .binary([7])], (0..<100).map { .int(Int64($0)) },
    ]

    @Test("every emitter of one socket sends them whole", arguments: lists)
    func oneSocket(list: [SocketValue]) async throws {
        try await withServer { io, address in
            let server = Recorder<Socket>()
            io.onConnection { server.append($0) }
            let client = try await connect(1, to: address)[0]
            let socket = try await server.waitFor(1)[0]
            let expected = try list.map { try TestValue($0) }
            client.answer("ask") { $0 }
            socket.emit("a", arguments: list)
            socket.compress(false).emit("b", arguments: list)
            try await socket.suspending.emit("c", arguments: list)
            for name in ["a", "b", "c"] {
                let event = try await client.events.next()
                #expect(event.name == name)
                #expect(event.arguments == expected)
            }
            #expect(try await socket.emitWithAck("ask", arguments: list).values == list)
            #expect(try await socket.timeout(.seconds(10)).emitWithAck("ask", arguments: list).values == list)
            if let first = list.first {
                #expect(try await socket.emitWithAck("ask", arguments: list, as: SocketValue.self) == first)
            }
            let answers = Recorder<EventArguments?>()
            socket.emit("ask", arguments: list) { answers.append(try? $0.get()) }
            #expect(try await answers.waitFor(1)[0]?.values == list)
        }
    }

    @Test("every emitter of many sockets sends them whole", arguments: lists)
    func manySockets(list: [SocketValue]) async throws {
        try await withServer { io, address in
            let clients = try await connect(2, to: address)
            let expected = try list.map { try TestValue($0) }
            for client in clients { client.answer("ask") { $0 } }
            io.emit("a", arguments: list)
            io.to(clients.map(\.id)).emit("b", arguments: list)
            try await io.suspending.emit("c", arguments: list)
            for socket in try await io.fetchSockets() { socket.emit("d", arguments: list) }
            for client in clients {
                for name in ["a", "b", "c", "d"] {
                    let event = try await client.events.next()
                    #expect(event.name == name)
                    #expect(event.arguments == expected)
                }
            }
            #expect(try await io.emitWithAck("ask", arguments: list).map(\.values) == [list, list])
            #expect(
                try await io.timeout(.seconds(10)).emitWithAck("ask", arguments: list).map(\.values) == [list, list])
            let answers = Recorder<[EventArguments]?>()
            io.everyone.emit("ask", arguments: list) { answers.append(try? $0.get()) }
            #expect(try await answers.waitFor(1)[0]?.map(\.values) == [list, list])
            guard let first = list.first else { return }
            #expect(try await io.emitWithAck("ask", arguments: list, as: SocketValue.self) == [first, first])
            let remote = try #require(try await io.fetchSockets().first)
            #expect(try await remote.emitWithAck("ask", arguments: list, as: SocketValue.self) == first)
        }
    }

    @Test("an event is answered, and changed by a middleware, with a list")
    func answers() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("ask", arguments: { arguments, ack in ack(arguments: arguments.values) })
                socket.use { event in try event.setArguments(arguments: event.arguments.values + ["more"]) }
            }
            let client = try await connect(1, to: address)[0]
            #expect(try await client.emitWithAck("ask", 1, 2, 3, 4) == [1, 2, 3, 4, "more"])
        }
    }

    @Test("reserved names are refused")
    func reserved() async throws {
        try await withServer { io, address in
            let client = try await connect(1, to: address)[0]
            await #expect(throws: SocketError.self) { try await io.emitWithAck("connect", arguments: [1]) }
            await #expect(throws: SocketError.self) {
                try await io.serverSideEmit("connection", arguments: [1])
            }
            io.emit("disconnect", arguments: [1])
            io.emit("end", arguments: [])
            #expect(try await client.events.next() == TestEvent("end"))
        }
    }
}

extension TestValue {
    fileprivate init(_ value: SocketValue) throws {
        if let bytes = value.binary {
            self = .binary(bytes.bytes)
        } else {
            self = try TestValue(json: RawJSON(encoding: value).json)
        }
    }
}
