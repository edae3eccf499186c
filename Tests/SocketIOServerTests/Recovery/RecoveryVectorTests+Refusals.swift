// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Clients that come back with a changed or a useless `pid` or `offset`.
extension RecoveryVectorTests {
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
        try await attempt([([:], .recovered(missed: 1))]) { $0.maxDisconnectionDuration = .seconds(3_600) }
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
}
