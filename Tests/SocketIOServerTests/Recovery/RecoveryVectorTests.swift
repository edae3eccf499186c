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
    func withRecovery(
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
    func lose(_ client: RecoveringClient, _ io: Namespace) async throws {
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
}
