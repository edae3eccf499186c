// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// What is sent again, and what spoils no offset.
extension RecoveryVectorTests {
    @Test("memory/volatile-spoils-offset, memory/local-spoils-offset: every event ends in an offset")
    func spoilt() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            let socket = try await sockets.next()
            let sending: [@Sendable () -> Void] = [
                { io.emit("m", 1) }, { io.volatile.emit("v", "some text") }, { io.volatile.emit("tick") },
                { socket.volatile.emit("v", "some text") }, { io.local.emit("l", "some text") },
                { socket.emit("s", "some text") },
            ]
            for (index, send) in sending.enumerated() {
                send()
                // A volatile event needs a client that has read everything.
                try await client.waitFor(index + 1)
            }
            let offsets = await client.received.map { $0.arguments.last?.string ?? "" }
            #expect(offsets.allSatisfy { $0.contains("-") }, "\(offsets)")
            // A volatile event carries the offset of what was before it.
            #expect(offsets[0..<4].allSatisfy { $0 == offsets[0] })
            #expect(Set(offsets).count == 3)
            try await lose(client, io.sockets)
            io.emit("m", 2)
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
        }
    }

    @Test("memory/volatile-old-offset-replays-again: an old offset as a text changes nothing")
    func oldOffset() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            for number in 1...3 { io.emit("m", number) }
            try await client.waitFor(3)
            let old = try #require(await client.received[0].arguments.last?.string)
            io.volatile.emit("v", old)
            try await client.waitFor(4)
            try await lose(client, io.sockets)
            try await client.connect()
            _ = try await sockets.next()
            #expect(try await sockets.next().recovery == .recovered(missed: 0))
            #expect(await client.arguments("m") == [1, 2, 3])
        }
    }

    @Test("memory/ack-event-keeps-offset: events with an acknowledgement carry no offset and are not sent again")
    func acknowledgements() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            let socket = try await sockets.next()
            await client.socket?.answer("q") { _ in ["ok"] }
            io.emit("m", 1)
            try await client.waitFor(1)
            let offset = await client.offset
            #expect(try await socket.emitWithAck("q", "text", as: String.self) == "ok")
            #expect(try await io.emitWithAck("q", "text", as: String.self) == ["ok"])
            try await client.waitFor(3)
            #expect(await client.offset == offset)
            #expect(await client.received.suffix(2).allSatisfy { $0.arguments == ["text"] })
            try await lose(client, io.sockets)
            _ = try? await io.timeout(.milliseconds(10)).emitWithAck("q", "missed?")
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 0))
        }
    }

    @Test("memory/volatile-traffic, memory/volatile-false-live: what is volatile is not sent again")
    func volatileTraffic() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            _ = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            io.volatile.emit("v", 1)
            io.emit("m", 2)
            io.volatile.emit("v", 2, SocketData([1]))
            io.local.emit("m", 3)
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 2))
            try await client.waitFor(3)
            #expect(await client.received.map(\.name) == ["m", "m", "m"])
        }
    }
}
