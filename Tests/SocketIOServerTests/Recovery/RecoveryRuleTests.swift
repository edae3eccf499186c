// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Limits, users, times and ends of sessions that are continued.
@Suite("Recovery rules", .timeLimit(.minutes(2)))
struct RecoveryRuleTests {
    /// A client that has received one event and lost its connection; `body` gets what the next one brings.
    private func afterLoss(
        _ change: (inout ServerConfiguration, inout ConnectionStateRecovery) -> Void = { _, _ in },
        prepare: (Server) -> Void = { _ in },
        _ body: (Server, RecoveringClient, Inbox<Socket>) async throws -> Void
    ) async throws {
        try await withServer({
            var recovery = ConnectionStateRecovery()
            change(&$0, &recovery)
            $0.connectionStateRecovery = recovery
        }) { io, address in
            prepare(io)
            let sockets = Inbox<Socket>("a connection")
            io.onConnection { sockets.push($0) }
            let client = RecoveringClient(address)
            try await client.connect(auth: ["user": "ann"])
            _ = try await sockets.next()
            io.emit("m", 1)
            try await client.waitFor(1)
            try await client.cut()
            try await eventually("the socket is gone") { io.sockets.socketCount == 0 }
            try await body(io, client, sockets)
        }
    }

    @Test("A client that has missed more than the limit gets a new session, and not a part of it", arguments: [3, 4])
    func replayLimit(missed: Int) async throws {
        try await afterLoss({ $1.maxReplayPackets = 3 }) { io, client, sockets in
            for number in 0..<missed { io.emit("m", number) }
            try await client.connect()
            let expected = missed > 3 ? SessionRecovery.failed(.replayTooLarge) : .recovered(missed: 3)
            #expect(try await sockets.next().recovery == expected)
            io.emit("end")
            _ = try await client.socket?.next("end")
        }
    }

    @Test("The same for bytes")
    func replayBytes() async throws {
        try await afterLoss({ $1.maxReplayBytes = 10_000 }) { io, client, sockets in
            io.emit("m", String(repeating: "x", count: 10_001))
            try await client.connect()
            #expect(try await sockets.next().recovery == .failed(.replayTooLarge))
        }
    }

    @Test("Events that are no longer kept end the session")
    func trimmed() async throws {
        try await afterLoss({ $1.maxBytes = 1_000 }) { io, client, sockets in
            io.emit("m", String(repeating: "x", count: 1_001))
            try await client.connect()
            #expect(try await sockets.next().recovery == .failed(.trimmed))
        }
    }

    /// Clients often choose them, such as the room that a message is for.
    @Test("The names of the rooms of an event count as kept bytes", arguments: [false, true])
    func longRoomNames(isException: Bool) async throws {
        try await afterLoss({ $1.maxBytes = 2_000 }) { io, client, sockets in
            let name = String(repeating: "x", count: 2_001)
            for _ in 0..<10 { if isException { io.except(name).emit("m") } else { io.to(name).emit("m") } }
            let size = try #require(io.sockets.local.log?.size)
            #expect(size.events == 0 && size.bytes == 0)
            #expect(io.context.recovery?.events.bytes == 0)
            try await client.connect()
            let outcome = try await sockets.next().recovery
            #expect(outcome == (isException ? .failed(.trimmed) : .recovered(missed: 0)))
        }
    }

    @Test("All namespaces together are bounded; those that keep the most drop first")
    func totalBytes() async throws {
        try await afterLoss({ $1.maxTotalBytes = 100_000 }) { io, client, sockets in
            let budget = try #require(io.context.recovery?.events)
            io.emit("m", "kept")
            func refusals() -> Int { io.context.metrics.refusals(.recoveryBytes) }
            #expect(refusals() == 0)
            let names = (0..<9).map { "/other\($0)" }
            for _ in 0..<30 {
                for name in names { io.of(name).emit("m", String(repeating: "x", count: 10_000)) }
            }
            #expect(budget.bytes <= 100_000)
            #expect(budget.bytes > 50_000)
            #expect(refusals() > 0)
            // Less than its share: nothing of it has gone.
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
        }
    }

    @Test("What a namespace kept is given back when the namespace is gone, and when nothing is kept any longer")
    func budget() {
        let budget = EventBudget(maximum: 1_000)
        budget.opened()
        #expect(budget.changed(by: 1_000) == nil)
        #expect(budget.changed(by: 1) == EventBudget.Excess(bytes: 1, share: 1_000))
        budget.opened()
        #expect(budget.changed(by: 9) == EventBudget.Excess(bytes: 10, share: 500))
        budget.closed(bytes: 1_010)
        #expect(budget.bytes == 0)
    }

    @Test("Lost sessions are bounded in bytes, those of their rooms included")
    func sessionBytes() async throws {
        for (rooms, expected) in [(10, SessionRecovery.recovered(missed: 0)), (100, .failed(.unknownPid))] {
            try await withServer({
                $0.connectionStateRecovery = ConnectionStateRecovery()
                $0.connectionStateRecovery?.maxSessionBytes = 10_000
            }) { io, address in
                let sockets = Inbox<Socket>("a connection")
                io.onConnection { socket in
                    socket.join((0..<rooms).map { "\($0)" + String(repeating: "r", count: 200) })
                    sockets.push(socket)
                }
                let client = RecoveringClient(address)
                try await client.connect()
                _ = try await sockets.next()
                io.emit("m", 1)
                try await client.waitFor(1)
                try await client.cut()
                try await eventually("the socket is gone") { io.sockets.socketCount == 0 }
                try await client.connect()
                #expect(try await sockets.next().recovery == expected)
            }
        }
    }

    @Test("Lost sessions are bounded in number")
    func sessions() async throws {
        try await afterLoss({ $1.maxSessions = 0 }) { _, client, sockets in
            try await client.connect()
            #expect(try await sockets.next().recovery == .failed(.unknownPid))
        }
    }

    @Test("The client is told, if that is wanted")
    func failedEvent() async throws {
        try await afterLoss({ $1.failedEvent = "not_recovered" }) { _, client, _ in
            await client.set(pid: "AAAABBBBCCCCDDDDEEEE")
            try await client.connect()
            let event = try #require(try await client.socket?.next("not_recovered"))
            #expect(event.arguments.first == "unknownPid")
        }
    }

    @Test("A session belongs to the user that the middlewares found", arguments: ["ann", "bob"], [false, true])
    func subjects(user: String, skips: Bool) async throws {
        let runs = Recorder<String>()
        try await afterLoss({ $1.skipMiddlewares = skips }) { io in
            io.use { socket in
                runs.append(socket.id)
                socket.rateIdentity = socket.handshake.auth["user"]?.string
            }
        } _: { _, client, sockets in
            try await client.connect(auth: ["user": .string(user)])
            let socket = try await sockets.next()
            if user == "ann" {
                // Its middlewares run although others may be left out: otherwise nobody would know whose it is.
                #expect(socket.recovery == .recovered(missed: 0))
                #expect(runs.count == 2)
            } else {
                #expect(socket.recovery == .failed(.subjectMismatch))
                // Once for the earlier session, once more for the new one.
                #expect(runs.count == 3 && runs.all[2] == socket.id && runs.all[1] != socket.id)
                #expect(socket.rateIdentity == "bob")
            }
        }
    }

    @Test("What a middleware sends to a returning client does not move its offset", arguments: [false, true])
    func middlewareSends(refuses: Bool) async throws {
        let attempts = Recorder<Int>()
        try await afterLoss { _, _ in
        } prepare: { io in
            io.use { socket in
                attempts.append(1)
                guard attempts.count == 2 else { return }
                socket.emit("note", "text")
                if refuses { throw ConnectError("no") }
            }
        } _: { io, client, sockets in
            io.emit("m", 2)
            if refuses {
                await #expect(throws: RefusedNamespace.self) { try await client.connect() }
            }
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
            io.emit("m", 3)
            try await eventually("all is there") {
                await client.take()
                return await client.arguments("m").count == 3
            }
            #expect(await client.arguments("m") == [1, 2, 3])
        }
    }

    @Test("Of two connections that want the same session at once, one gets it")
    func twoAtOnce() async throws {
        let gate = Inbox<Void>("the gate")
        let attempts = Recorder<Int>()
        try await afterLoss { _, _ in
        } prepare: { io in
            io.use { _ in
                attempts.append(1)
                if attempts.count == 2 || attempts.count == 3 { try await gate.next() }
            }
        } _: { _, client, sockets in
            let (pid, offset) = (await client.pid ?? "", await client.offset ?? "")
            let auth: [String: TestValue] = ["pid": .string(pid), "offset": .string(offset)]
            let others = [RecoveringClient(client.address), RecoveringClient(client.address)]
            async let first: Void = { _ = try await others[0].connect(auth: auth) }()
            async let second: Void = { _ = try await others[1].connect(auth: auth) }()
            try await eventually("both wait") { attempts.count == 3 }
            gate.push(())
            gate.push(())
            _ = try await (first, second)
            let outcomes = [try await sockets.next().recovery, try await sockets.next().recovery]
            #expect(Set(outcomes) == [.recovered(missed: 0), .failed(.alreadyUsed)])
        }
    }

    @Test("Sessions are kept when the server is drained")
    func drain() async throws {
        try await afterLoss { io, client, sockets in
            try await client.connect()
            _ = try await sockets.next()
            await io.drain(over: .zero)
            let sessions = try #require(io.context.recovery)
            #expect(sessions.recordCount == 1)
            let pid = try #require(PackedID(await client.pid ?? ""))
            guard case .record = sessions.find(pid, now: .now()) else {
                Issue.record("there is no record")
                return
            }
        }
    }

    @Test("A dynamic namespace stays as long as one of its clients may return")
    func dynamicNamespaces() async throws {
        try await withServer({
            $0.connectionStateRecovery = ConnectionStateRecovery()
            $0.cleanupEmptyChildNamespaces = true
        }) { io, address in
            let sockets = Inbox<Socket>("a connection")
            io.of { name, _ in name.hasPrefix("/dyn") }.onConnection { sockets.push($0) }
            let client = RecoveringClient(address, namespace: "/dyn-1")
            try await client.connect()
            let namespace = try await sockets.next().namespace
            namespace.emit("m", 1)
            try await client.waitFor(1)
            try await client.cut()
            try await eventually("the socket is gone") { namespace.socketCount == 0 }
            namespace.emit("m", 2)
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
            try await client.cut()
            try await eventually("the socket is gone") { namespace.socketCount == 0 }
            io.sweepSessions(now: .now())
            #expect(io.namespaces.contains { $0 === namespace })
            namespace.local.log?.need(until: .now() - .hours(1))
        }
    }

    @Test("The secret id begins with the node's tag and is not the socket's id")
    func secrets() async throws {
        try await withServer({ $0.connectionStateRecovery = ConnectionStateRecovery() }) { io, address in
            let client = RecoveringClient(address)
            let socket = try await client.connect()
            let pid = try #require(await client.pid)
            #expect(pid.count == 20 && pid != socket.id)
            #expect(pid.hasPrefix(io.configuration.engine.nodeTag))
            guard case .object(let reply) = socket.reply else { return }
            #expect(Set(reply.keys) == ["sid", "pid", "offset"])
        }
    }

    @Test("Settings that cannot be used are refused")
    func validation() {
        func problem(_ change: (inout ConnectionStateRecovery) -> Void) -> String {
            var configuration = ServerConfiguration()
            var recovery = ConnectionStateRecovery()
            change(&recovery)
            configuration.connectionStateRecovery = recovery
            do {
                try configuration.validate()
                return ""
            } catch {
                return (error as? SocketError)?.message ?? "\(error)"
            }
        }
        #expect(problem { _ in } == "")
        #expect(problem { $0.maxDisconnectionDuration = .zero }.contains("maxDisconnectionDuration"))
        #expect(problem { $0.maxDisconnectionDuration = .seconds(90_000) }.contains("maxDisconnectionDuration"))
        #expect(problem { $0.maxPackets = -1 }.contains("maxPackets"))
        #expect(problem { $0.maxBytes = -1 }.contains("maxBytes"))
        #expect(problem { $0.maxTotalBytes = -1 }.contains("maxTotalBytes"))
        #expect(problem { $0.maxSessionBytes = -1 }.contains("maxSessionBytes"))
        #expect(problem { $0.maxSessions = 10_000_001 }.contains("maxSessions"))
        #expect(problem { $0.maxReplayPackets = -1 }.contains("maxReplayPackets"))
        #expect(problem { $0.maxReplayBytes = -1 }.contains("maxReplayBytes"))
        #expect(problem { $0.failedEvent = "disconnect" }.contains("failedEvent"))
    }
}
