// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// Limits of one address, and the limit of sessions that holds when none is given.
@Suite struct AddressAdmissionTests {
    typealias Server = SessionTestServer

    /// As a trusted proxy sends it.
    private static func from(_ address: String) -> String { "X-Forwarded-For: \(address)\r\n" }

    private static func expectRefusal(_ response: SessionWire.Response, _ message: String) {
        #expect(response.status == 429)
        #expect((1...5).contains(Int(response.header("retry-after") ?? "") ?? 0))
        #expect(response.header("cache-control") == "no-store")
        #expect(response.body.hasPrefix(message), "\(response.body)")
    }

    @Test(arguments: [1, 2]) func oneAddressMayHaveSoManySessions(loops: Int) async throws {
        try await Server.run(loops: loops) {
            $0.maxSessionsPerAddress = 2
            $0.trustedProxies = ["127.0.0.1"]
        } _: { server in
            func handshake(_ address: String) async throws -> SessionWire.Response {
                try await server.connect().get(Server.polling, headers: Self.from(address))
            }
            let socket = try await server.connect()
            #expect(try await socket.upgrade(Server.websocket, headers: Self.from("203.0.113.1")).status == 101)
            #expect(try await handshake("203.0.113.1").status == 200)
            Self.expectRefusal(try await handshake("203.0.113.1"), "Too many sessions of this address")
            Self.expectRefusal(try await handshake("::ffff:203.0.113.1"), "Too many sessions of this address")
            let upgrade = try await server.connect()
            Self.expectRefusal(
                try await upgrade.upgrade(Server.websocket, headers: Self.from("203.0.113.1")),
                "Too many sessions of this address")
            // Others are not concerned.
            #expect(try await handshake("203.0.113.2").status == 200)
            // A customer's whole network is one address.
            #expect(try await handshake("2001:db8::1").status == 200)
            #expect(try await handshake("2001:db8::2").status == 200)
            Self.expectRefusal(try await handshake("2001:db8::3"), "Too many sessions of this address")
            #expect(try await handshake("2001:db8:0:1::1").status == 200)
            // One goes, one may come.
            socket.close()
            try await eventually("a place") { try await handshake("203.0.113.1").status == 200 }
            Self.expectRefusal(try await handshake("203.0.113.1"), "Too many sessions of this address")
        }
    }

    /// Without a trusted proxy the header is a claim of the client's own.
    @Test func aForgedAddressDoesNotHelp() async throws {
        try await Server.run({ $0.maxSessionsPerAddress = 1 }) { server in
            let first = try await server.connect().get(Server.polling, headers: Self.from("203.0.113.1"))
            #expect(first.status == 200)
            Self.expectRefusal(
                try await server.connect().get(Server.polling, headers: Self.from("203.0.113.2")),
                "Too many sessions of this address")
        }
    }

    @Test func oneAddressMayShakeHandsSoOften() async throws {
        try await Server.run {
            $0.maxHandshakesPerSecondPerAddress = 1
            $0.trustedProxies = ["127.0.0.1"]
        } _: { server in
            var refused = 0
            for _ in 0..<20 {
                let response = try await server.connect().get(Server.polling, headers: Self.from("203.0.113.1"))
                if response.status == 200 { continue }
                refused += 1
                Self.expectRefusal(response, "Too many handshakes of this address")
            }
            #expect(refused > 0)
            for number in 1...20 {
                let response = try await server.connect().get(
                    Server.polling, headers: Self.from("198.51.100.\(number)"))
                #expect(response.status == 200)
            }
        }
    }

    /// Handshakes that hooks are asked about are looked at again when those have answered.
    @Test func manyAtOnceAreStillTooMany() async throws {
        let gate = AsyncStream<Void>.makeStream()
        let waiting = NIOLockedValueBox(0)
        try await Server.run {
            $0.maxSessionsPerAddress = 2
            $0.allowRequest = { _ in
                waiting.withLockedValue { $0 += 1 }
                for await _ in gate.stream { break }
                return .allow
            }
        } _: { server in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await server.connect().get(Server.polling).status }
                }
                try await eventually("all wait") { waiting.withLockedValue { $0 } == 6 }
                gate.continuation.finish()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 200 }.count == 2)
            #expect(statuses.filter { $0 == 429 }.count == 4)
        }
    }

    /// Sessions that were opened before the limit came count as well, and each of them once.
    @Test(arguments: [1, 2]) func theLimitMayComeLater(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            var wires: [SessionWire] = []
            for _ in 0..<3 {
                let wire = try await server.connect()
                _ = try await server.openWebSocket(wire)
                wires.append(wire)
            }
            var wanted = EngineConfiguration()
            wanted.maxSessionsPerAddress = 3
            server.engine.reload(wanted)
            server.engine.reload(wanted)
            // Each loop has counted its own. Asking with handshakes would open sessions as long as the limit is not there.
            for shard in server.engine.shards { try await shard.eventLoop.submit {}.get() }
            #expect(try await server.connect().get(Server.polling).status == 429)
            wires[0].close()
            try await eventually("a place") { try await server.connect().get(Server.polling).status == 200 }
            #expect(try await server.connect().get(Server.polling).status == 429)
            // Turned off, and on again.
            server.engine.reload(EngineConfiguration())
            #expect(try await server.connect().get(Server.polling).status == 200)
            server.engine.reload(wanted)
            #expect(try await server.connect().get(Server.polling).status == 429)
        }
    }

    @Test func withoutANumberTheDescriptorsDecide() throws {
        let limit = try #require(DescriptorLimit.current)
        var configuration = EngineConfiguration()
        #expect(AdmissionControl(configuration).maxSessions == DescriptorLimit.sessions(within: limit))
        configuration.maxSessions = 7
        let admission = AdmissionControl(configuration)
        #expect(admission.maxSessions == 7)
        #expect(admission.check(sessions: 6, address: "", now: .now())?.limit == nil)
        #expect(admission.check(sessions: 7, address: "", now: .now())?.limit == .sessions)
        configuration.maxSessions = .max
        admission.reload(configuration)
        #expect(admission.check(sessions: 1_000_000_000, address: "", now: .now())?.limit == nil)
    }

    @Test func limitsThatCannotWork() {
        let changes: [(inout EngineConfiguration) -> Void] = [
            { $0.maxSessionsPerAddress = 0 }, { $0.maxHandshakesPerSecondPerAddress = 0 },
            { $0.maxHandshakesPerSecondPerAddress = 1_000_001 }, { $0.maxPendingSessions = 0 },
            { $0.maxPendingBytes = 0 },
        ]
        for change in changes {
            var configuration = EngineConfiguration()
            change(&configuration)
            #expect(throws: EngineConfigurationError.self) { try configuration.validate() }
        }
    }
}
