// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// The scenarios of `recovery.jsonl` with the memory adapter: where Node is right the same comes out, where it is wrong what
/// protocol 4.12.3 says.
@Suite("Recorded recoveries", .timeLimit(.minutes(2)))
struct RecoveryVectorTests {
    /// The lines that this suite repeats. Those of the streams adapter wait for that adapter; `client/pid-rules` is about
    /// the official client, whose rules `RecoveringClient` follows.
    private static let covered = [
        "success", "success-namespace", "offset-of-other-namespace", "nothing-missed", "wrong-room",
        "refused-unknown-pid", "refused-unknown-offset", "refused-malformed-offset", "refused-types",
        "refused-expired", "not-yet-expired", "refused-reason", "volatile-spoils-offset", "local-spoils-offset",
        "volatile-old-offset-replays-again", "ack-event-keeps-offset", "volatile-traffic", "volatile-false-live",
        "skip-middlewares-default", "middleware-refuses", "middleware-refuses-stock-client", "async-middleware-gap",
        "lost-in-middleware", "twice-same-pid", "same-pid-while-connected", "half-open-same-node",
        "offset-to-everybody", "eio3-no-recovery", "stock-client", "stale-offset-after-failed-recovery",
        "quiet-client-offset-swept", "pid-in-another-namespace",
    ]

    @Test("Every line of the recording is looked at")
    func everyLine() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("SocketIOCoreTests/Vectors/recovery.jsonl")
        let ids = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap {
            try TestValue(json: String($0))["id"]?.string
        }
        #expect(Set(ids.filter { $0.hasPrefix("memory/") }) == Set(Self.covered.map { "memory/" + $0 }))
    }

    /// A server with recovery, and its sockets as they connect.
    private func withRecovery(
        loops: Int = 2, _ change: (inout ConnectionStateRecovery) -> Void = { _ in },
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (Server, ServerAddress, Inbox<Socket>) async throws -> Void
    ) async throws {
        var recovery = ConnectionStateRecovery()
        change(&recovery)
        let settings = recovery
        try await withServer(
            loops: loops,
            {
                $0.connectionStateRecovery = settings
                configure(&$0)
            }
        ) { io, address in
            let sockets = Inbox<Socket>("a connection")
            io.onConnection { sockets.push($0) }
            try await body(io, address, sockets)
        }
    }

    /// Cuts the connection and waits until the server has noticed.
    private func lose(_ client: RecoveringClient, _ io: Namespace) async throws {
        let count = io.socketCount
        try await client.cut()
        try await eventually("the server notices") { io.socketCount == count - 1 }
    }

    @Test("memory/success", arguments: loopCounts)
    func success(loops: Int) async throws {
        try await withRecovery(loops: loops) { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            let first = try await sockets.next()
            #expect(!first.recovered && first.recovery == .none)
            first.join("room1", "room2")
            first.data = ["user": "u1", "n": 1]
            io.emit("ev", "seen")
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            let id = first.id
            io.emit("ev", "to all")
            io.to("room1").emit("ev", "to room1", 1)
            io.to("room1").to("room2").emit("ev", "two rooms, once")
            io.to("room3").emit("ev", "not for c")
            io.to("room1").except("room2").emit("ev", "excepted")
            io.except("room3").emit("ev", "except elsewhere")
            io.emit("ev", SocketData([1, 2, 3]), ["b": SocketData([4])])
            io.of("/chat").emit("ev", "other namespace")
            io.to(id).emit("ev", "to its own id")
            io.except(id).emit("ev", "all but c")
            io.volatile.emit("ev", "volatile")
            io.local.emit("ev", "local")
            io.compress(true).emit("ev", "compress flag")
            io.emit("ev")
            try await client.connect()
            let second = try await sockets.next()
            #expect(second.recovered && second.recovery == .recovered(missed: 9))
            #expect(second.id == id && second.rooms == [id, "room1", "room2"])
            #expect(second.data == ["user": "u1", "n": 1])
            #expect(await client.recovered)
            #expect(await client.id == id)
            io.emit("ev", "after")
            try await client.waitFor(11)
            let events = await client.received.dropFirst()
            #expect(
                events.map { $0.arguments.dropLast() } == [
                    ["to all"], ["to room1", 1], ["two rooms, once"], ["except elsewhere"],
                    [.binary([1, 2, 3]), ["b": .binary([4])]], ["to its own id"], ["local"], ["compress flag"], [],
                    ["after"],
                ])
            #expect(events.allSatisfy { $0.arguments.last?.string != nil })
        }
    }

    @Test(
        "memory/success-namespace: each namespace has a session of its own, over one connection", arguments: loopCounts)
    func namespaces(loops: Int) async throws {
        try await withRecovery(loops: loops) { io, address, _ in
            let chat = io.of("/chat")
            let (root, other) = (RecoveringClient(address), RecoveringClient(address, namespace: "/chat"))
            try await root.connect()
            try await other.connect(over: await root.client)
            #expect(await root.pid != nil)
            #expect(await root.pid != other.pid)
            io.emit("m", "root")
            chat.emit("m", "chat")
            try await root.waitFor(1)
            try await other.waitFor(1)
            try await root.cut()
            try await other.cut()
            try await eventually("both are lost") { io.sockets.socketCount + chat.socketCount == 0 }
            io.emit("m", "root missed")
            chat.emit("m", "chat missed")
            try await root.connect()
            try await other.connect(over: await root.client)
            #expect(await root.recovered)
            #expect(await other.recovered)
            try await root.waitFor(2)
            try await other.waitFor(2)
            #expect(await root.arguments("m") == ["root", "root missed"])
            #expect(await other.arguments("m") == ["chat", "chat missed"])
        }
    }

    @Test("memory/offset-of-other-namespace")
    func otherOffset() async throws {
        try await withRecovery { io, address, sockets in
            _ = io.of("/chat")
            let (root, chat) = (RecoveringClient(address), RecoveringClient(address, namespace: "/chat"))
            try await root.connect()
            _ = try await sockets.next()
            try await chat.connect()
            io.emit("m", 1)
            io.of("/chat").emit("m", 1)
            try await root.waitFor(1)
            try await chat.waitFor(1)
            try await lose(root, io.sockets)
            await root.set(offset: await chat.offset)
            try await root.connect()
            #expect(try await sockets.next().recovery == .failed(.unknownOffset))
            #expect(await !root.recovered)
        }
    }

    @Test("memory/nothing-missed")
    func nothingMissed() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            try await client.connect()
            _ = try await sockets.next()
            #expect(try await sockets.next().recovery == .recovered(missed: 0))
        }
    }

    @Test("memory/wrong-room")
    func wrongRoom() async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            let socket = try await sockets.next()
            socket.join("r1", "r2")
            socket.leave("r2")
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            io.to("r2").emit("m", "left room")
            io.to("r3").emit("m", "never joined")
            io.to("r1").emit("m", "joined")
            try await client.connect()
            #expect(try await sockets.next().rooms == [socket.id, "r1"])
            try await client.waitFor(2)
            #expect(await client.arguments("m") == [1, "joined"])
        }
    }

    /// What becomes of a client that has lost its connection and comes back with a changed `pid` or `offset`.
    private func attempt(
        _ changes: [(auth: [String: TestValue], expected: SessionRecovery)],
        recovery: (inout ConnectionStateRecovery) -> Void = { _ in }
    ) async throws {
        try await withRecovery(recovery) { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            let id = try await sockets.next().id
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            io.emit("m", 2)
            let (pid, offset) = (await client.pid ?? "", await client.offset ?? "")
            for (auth, expected) in changes {
                let other = RecoveringClient(address)
                var given: [String: TestValue] = ["pid": .string(pid), "offset": .string(offset)]
                for (key, value) in auth { given[key] = value == "absent" ? nil : value }
                try await other.connect(auth: given)
                let socket = try await sockets.next()
                #expect(socket.recovery == expected, "\(auth)")
                let isBack = if case .recovered = expected { true } else { false }
                #expect((await other.pid == pid) == isBack, "\(auth)")
                #expect((socket.id == id) == isBack, "\(auth)")
            }
        }
    }

    @Test("memory/refused-unknown-pid")
    func unknownPid() async throws {
        try await attempt([
            (["pid": "AAAABBBBCCCCDDDDEEEE"], .failed(.unknownPid)), (["pid": "short"], .failed(.unknownPid)),
            ([:], .recovered(missed: 1)),
        ])
    }

    @Test("memory/refused-unknown-offset: the record stays")
    func unknownOffset() async throws {
        try await attempt([
            (["offset": "abcdef-1"], .failed(.unknownOffset)), ([:], .recovered(missed: 1)),
        ])
    }

    @Test("memory/refused-malformed-offset: the record stays")
    func malformedOffset() async throws {
        try await attempt([(["offset": "abc"], .failed(.malformedOffset)), ([:], .recovered(missed: 1))])
    }

    @Test("memory/refused-types: what is no text asks for nothing")
    func types() async throws {
        try await attempt([
            (["offset": "absent"], .none), (["offset": nil], .none), (["offset": 5], .none), (["pid": ["a"]], .none),
            (["pid": "absent"], .none), ([:], .recovered(missed: 1)),
        ])
    }

    @Test("memory/refused-expired")
    func expired() async throws {
        try await withRecovery({ $0.maxDisconnectionDuration = .milliseconds(1) }) { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            _ = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await lose(client, io.sockets)
            let (sessions, pid) = (try #require(io.context.recovery), try #require(PackedID(await client.pid ?? "")))
            try await eventually("the record expires") {
                if case .failure(.expired) = sessions.find(pid, now: .now()) { true } else { false }
            }
            try await client.connect()
            #expect(try await sockets.next().recovery == .failed(.expired))
        }
    }

    @Test("memory/not-yet-expired: the duration counts from the loss, not from the last event")
    func notYetExpired() async throws {
        // By hand on the loop's own clock in `RecoveryTimeTests`; here with one that cannot run out.
        try await attempt([([:], .recovered(missed: 1))]) { $0.maxDisconnectionDuration = .hours(1) }
    }

    @Test("memory/refused-reason", arguments: ["client", "server", "server close", "undecodable"])
    func reasons(how: String) async throws {
        try await withRecovery { io, address, sockets in
            let client = RecoveringClient(address)
            try await client.connect()
            let socket = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            switch how {
            case "client": try await client.socket?.disconnect()
            case "server": socket.disconnect()
            case "server close": socket.disconnect(close: true)
            default: try await client.client?.engine.send("2[")
            }
            try await eventually("the socket is gone") { io.sockets.socketCount == 0 }
            try await client.connect()
            // As in Node: only the packet that cannot be decoded leaves something to come back to.
            let expected = how == "undecodable" ? SessionRecovery.recovered(missed: 0) : .failed(.unknownPid)
            #expect(try await sockets.next().recovery == expected)
        }
    }

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
