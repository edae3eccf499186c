// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// How often, where and for whom a session can be continued.
extension RecoveryVectorTests {
    @Test("memory/twice-same-pid: each loss can be recovered from once")
    func twice() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            let id = try await sockets.next().id
            io.emit("m", 1)
            try await client.waitFor(1)
            let first = await client.offset
            for number in 2...3 {
                try await lose(client, io.sockets)
                io.emit("m", number)
                try await client.connect()
                let socket = try await sockets.next()
                #expect(socket.recovery == .recovered(missed: 1) && socket.id == id)
                try await client.waitFor(number)
            }
            // From an old offset what came since is sent again, as in Node.
            try await lose(client, io.sockets)
            await client.set(offset: first)
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 2))
            try await client.waitFor(5)
            #expect(await client.arguments("m") == [1, 2, 3, 2, 3])
        }
    }

    @Test(
        "memory/same-pid-while-connected, memory/half-open-same-node: the newer connection has the session",
        arguments: loopCounts)
    func halfOpen(loops: Int) async throws {
        try await withRecovery(loops: loops) { io, address, sockets in
            let reasons = Recorder<String>()
            io.onConnection { socket in
                socket.join("r")
                socket.onDisconnect { (reason: DisconnectReason) in reasons.append(reason.rawValue) }
            }
            let client = RecoveringClient(address)
            try await client.connect()
            let first = try await sockets.next()
            first.data = ["n": 1]
            io.emit("m", 1)
            try await client.waitFor(1)
            // Whatever this connection gets from now on the client does not see.
            let old = await client.forgetConnection()
            io.to("r").emit("m", 2)
            first.emit("m", 3)
            try await client.connect()
            let second = try await sockets.next()
            #expect(second.id == first.id && second.recovery == .recovered(missed: 2))
            #expect(second.data == ["n": 1])
            io.to("r").emit("m", 4)
            try await client.waitFor(4)
            #expect(await client.arguments("m") == [1, 2, 3, 4])
            try await eventually("the old one is gone") { io.sockets.socketCount == 1 && io.engine.clientsCount == 1 }
            #expect(reasons.all == ["transport close"])
            #expect(first.disconnected && second.connected)
            await old?.engine.abort()
        }
    }

    @Test("memory/offset-to-everybody: no offset in acknowledgements, nor in events that ask for one")
    func offsets() async throws {
        try await withRecovery { io, address, sockets in
            io.onConnection { socket in socket.on("echo") { (text: String) in text } }
            let client = RecoveringClient(address)
            let socket = try await client.connect()
            #expect(socket.reply["offset"]?.string != nil)
            #expect(try await socket.emitWithAck("echo", "x") == ["x"])
            let server = try await sockets.next()
            server.send("hi")
            server.emit("b", SocketData([9]))
            try await client.waitFor(2)
            let events = await client.received
            #expect(events[0].name == "message" && events[0].arguments.first == "hi" && events[0].arguments.count == 2)
            #expect(events[1].arguments.first == .binary([9]) && events[1].arguments.count == 2)
        }
    }

    @Test("memory/eio3-no-recovery: without recovery nothing changes on the wire")
    func off() async throws {
        try await withServer { io, address in
            let client = RecoveringClient(address)
            let socket = try await client.connect(auth: ["pid": "AAAABBBBCCCCDDDDEEEE", "offset": "abcdef-1"])
            guard case .object(let reply) = socket.reply else {
                Issue.record("no object")
                return
            }
            #expect(Array(reply.keys) == ["sid"])
            io.emit("m", "x")
            try await client.waitFor(1)
            #expect(await client.received == [TestEvent("m", "x")])
        }
    }

    @Test("memory/stock-client: a connection without an event cannot be continued, one with any event can")
    func stockClient() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            _ = try await sockets.next()
            try await lose(client, io.sockets)
            try await client.connect()
            #expect(try await sockets.next().recovery == .none)
            io.volatile.emit("v")
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 0))
            // The application's own `offset` takes the place of the client's.
            try await lose(client, io.sockets)
            try await client.connect(auth: ["offset": "mine"])
            #expect(try await sockets.next().recovery == .failed(.malformedOffset))
        }
    }

    @Test("memory/stale-offset-after-failed-recovery: events from before the session are never sent again")
    func staleOffset() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            _ = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            io.emit("m", "while away")
            let offset = await client.offset
            try await client.connect(auth: ["pid": "AAAABBBBCCCCDDDDEEEE"])
            #expect(try await sockets.next().recovery == .failed(.unknownPid))
            #expect(await client.offset == offset)
            try await lose(client, io.sockets)
            io.emit("m", "in the new session")
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
            try await client.waitFor(2)
            #expect(await client.arguments("m") == [1, "in the new session"])
        }
    }

    @Test("memory/quiet-client-offset-swept: a client may be quiet for as long as it likes")
    func quietClient() async throws {
        try await withRecovery({ $0.maxPackets = 5 }) { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            _ = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            for number in 0..<100 { io.to("others").emit("m", number) }
            #expect(io.sockets.local.log?.size.events == 5)
            try await lose(client, io.sockets)
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 0))
            // What was for this client and is gone ends its session.
            try await lose(client, io.sockets)
            for number in 0..<6 { io.emit("m", number) }
            try await client.connect()
            #expect(try await sockets.next().recovery == .failed(.trimmed))
        }
    }

    @Test("memory/pid-in-another-namespace")
    func otherNamespace() async throws {
        try await withRecovery { io, address, sockets in
            let staff = Inbox<Socket>("a connection")
            io.of("/staff").onConnection { staff.push($0) }
            let client = RecoveringClient(address)
            try await client.connect()
            _ = try await sockets.next()
            io.emit("m", 1)
            io.of("/staff").emit("m", 1)
            try await client.waitFor(1)
            let thief = RecoveringClient(address, namespace: "/staff")
            try await thief.connect()
            _ = try await staff.next()
            io.of("/staff").emit("m", 1)
            try await thief.waitFor(1)
            // While the session is connected, and when it is lost.
            for isLost in [false, true] {
                if isLost { try await lose(client, io.sockets) }
                try await thief.cut()
                await thief.set(pid: await client.pid)
                try await thief.connect()
                let socket = try await staff.next()
                #expect(socket.recovery == .failed(.otherNamespace))
                io.of("/staff").emit("m", 2)
                try await thief.waitFor(isLost ? 3 : 2)
            }
            try await client.connect()
            #expect(try await sockets.next().recovered)
        }
    }
}
