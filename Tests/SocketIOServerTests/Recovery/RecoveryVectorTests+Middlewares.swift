// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Clients that wait for middlewares.
extension RecoveryVectorTests {
    @Test("memory/skip-middlewares-default: they run unless that is turned off", arguments: [false, true])
    func skipMiddlewares(skips: Bool) async throws {
        try await withRecovery({ $0.skipMiddlewares = skips }) { io, address, sockets in
            let runs = Recorder<String>()
            io.use { runs.append($0.id) }
            let client = RecoveringClient(address)
            try await client.connect()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            try await client.connect()
            _ = try await sockets.next()
            let socket = try await sockets.next()
            #expect(socket.recovered)
            #expect(runs.all == (skips ? [socket.id] : [socket.id, socket.id]))
        }
    }

    @Test("memory/middleware-refuses, memory/middleware-refuses-stock-client: a refused client gets nothing")
    func middlewareRefuses() async throws {
        try await withRecovery { io, address, sockets in
            io.use { socket in
                guard socket.handshake.auth["token"] == "right" else { throw ConnectError("not authorized") }
            }
            let client = RecoveringClient(address)
            try await client.connect(auth: ["token": "right"])
            _ = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            io.emit("m", "missed")
            let raw = try await EngineTestClient.connect(to: address)
            let (pid, offset) = (await client.pid ?? "", await client.offset ?? "")
            try await raw.send(#"0{"pid":"\#(pid)","offset":"\#(offset)","token":"wrong"}"#)
            #expect(try await raw.messages.next() == .text(#"4{"message":"not authorized"}"#))
            try await client.connect(auth: ["token": "right"])
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
            try await client.waitFor(2)
            #expect(await client.arguments("m") == [1, "missed"])
        }
    }

    @Test("memory/async-middleware-gap: what is sent while a middleware waits is not lost", arguments: loopCounts)
    func middlewareGap(loops: Int) async throws {
        try await withRecovery(loops: loops) { io, address, sockets in
            let (gates, waiting) = (Recorder<Gate>(), Inbox<Gate>("a middleware"))
            io.use { _ in
                let gate = Gate()
                gates.append(gate)
                waiting.push(gate)
                try await gate.pass()
            }
            let client = RecoveringClient(address)
            async let first: Void = { _ = try await client.connect() }()
            try await waiting.next().open()
            try await first
            let socket = try await sockets.next()
            socket.join("r")
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            io.emit("m", "missed")
            async let second: Void = { _ = try await client.connect() }()
            let gate = try await waiting.next()
            io.emit("m", "gap")
            io.to("r").emit("m", "gap in room")
            gate.open()
            try await second
            #expect(try await sockets.next().recovery == .recovered(missed: 3))
            io.emit("m", "after")
            try await client.waitFor(5)
            #expect(await client.arguments("m") == [1, "missed", "gap", "gap in room", "after"])
        }
    }

    @Test("memory/lost-in-middleware: nothing is sent, nothing is taken")
    func lostInMiddleware() async throws {
        try await withRecovery { io, address, sockets in
            let waiting = Inbox<Gate>("a middleware")
            let isSlow = Recorder<Int>()
            io.use { socket in
                guard isSlow.count == 1 else { return }
                let gate = Gate()
                waiting.push(gate)
                try await gate.pass()
            }
            let client = RecoveringClient(address)
            try await client.connect()
            _ = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            io.emit("m", "missed")
            isSlow.append(1)
            let raw = try await EngineTestClient.connect(to: address)
            let (pid, offset) = (await client.pid ?? "", await client.offset ?? "")
            try await raw.send(#"0{"pid":"\#(pid)","offset":"\#(offset)"}"#)
            let gate = try await waiting.next()
            await raw.abort()
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
            #expect(raw.messages.takeAll().isEmpty)
            isSlow.append(2)
            gate.open()
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
        }
    }
}
