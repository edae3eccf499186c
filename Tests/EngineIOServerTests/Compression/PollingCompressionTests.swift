// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// How often the answers to polls are compressed.
@Suite struct PollingCompressionTests {
    typealias Server = SessionTestServer

    private static let payload = (0..<20_000).map { "word\($0 % 97)" }.joined(separator: " ")

    private static func compressions(_ server: Server) async throws -> [Int] {
        var counts: [Int] = []
        for shard in server.engine.shards {
            counts.append(try await shard.inside { shard in shard.bodyCompressor.count })
        }
        return counts
    }

    private static func broadcast(_ texts: [String], _ server: Server) async throws {
        for shard in server.engine.shards {
            try await shard.inside { shard in
                for text in texts {
                    let staged = shard.stage(SlowReaderTests.text(text))
                    for session in shard.allSessions() { shard.send(staged, to: session) }
                }
            }
        }
    }

    private static func clients(_ count: Int, _ server: Server) async throws -> [(wire: SessionWire, sid: String)] {
        var clients: [(SessionWire, String)] = []
        for _ in 0..<count {
            let wire = try await server.connect()
            clients.append((wire, try await server.openPolling(wire)))
        }
        return clients
    }

    private static func get(_ sid: String, _ coding: String) -> String {
        "GET \(Server.target("polling", sid)) HTTP/1.1\r\nHost: x\r\nAccept-Encoding: \(coding)\r\n\r\n"
    }

    /// Once for each event loop, tick and coding, with polls that are held and the same messages.
    @Test(arguments: [1, 2]) func aBroadcastToHeldPollsIsCompressedOnce(loops: Int) async throws {
        try await Server.run(loops: loops, { $0.httpCompression = HTTPCompressionConfiguration() }) { server in
            let clients = try await Self.clients(40, server)
            for (number, client) in clients.enumerated() {
                let coding = number < 30 ? "gzip" : number < 38 ? "deflate" : "identity"
                try await client.wire.send(Self.get(client.sid, coding))
            }
            for client in clients { try await eventually("held") { await server.isWritable(client.sid) } }
            let before = try await Self.compressions(server)
            try await Self.broadcast(["first", Self.payload], server)
            for (number, client) in clients.enumerated() {
                let body = try await client.wire.unpackedBody()
                #expect(body == "4first\u{1e}4" + Self.payload)
                if number == 0 { #expect(body.utf8.count > 100_000) }
            }
            let after = try await Self.compressions(server)
            for (after, before) in zip(after, before) { #expect((1...2).contains(after - before)) }
            if loops == 1 { #expect(after[0] - before[0] == 2) }
        }
    }

    /// Those that come for it later share it as well, for as long as they have waited for the same messages.
    @Test func aBroadcastThatWaitsIsCompressedOnce() async throws {
        try await Server.run({ $0.httpCompression = HTTPCompressionConfiguration() }) { server in
            let clients = try await Self.clients(20, server)
            let before = try await Self.compressions(server)
            try await Self.broadcast([Self.payload, "second"], server)
            for client in clients {
                try await client.wire.send(Self.get(client.sid, "gzip"))
                #expect(try await client.wire.unpackedBody() == "4" + Self.payload + "\u{1e}4second")
            }
            #expect(try await Self.compressions(server)[0] - before[0] == 1)
        }
    }

    /// Different messages are different bodies, also in one tick.
    @Test func everyoneGetsTheirOwn() async throws {
        try await Server.run({ $0.httpCompression = HTTPCompressionConfiguration() }) { server in
            let clients = try await Self.clients(6, server)
            for client in clients {
                try await client.wire.send(Self.get(client.sid, "gzip"))
                try await eventually("held") { await server.isWritable(client.sid) }
            }
            let shard = server.engine.shards[0]
            let sessions = try clients.map { try #require(server.session($0.sid)) }
            try await shard.inside { shard in
                let one = shard.stage(SlowReaderTests.text("one" + Self.payload))
                let two = shard.stage(SlowReaderTests.text("two" + Self.payload))
                for (number, handle) in sessions.enumerated() {
                    let session = handle.core.value(beside: shard)
                    if number % 3 != 1 { shard.send(one, to: session) }
                    if number % 3 != 0 { shard.send(two, to: session) }
                    if number == 5 { session.send(SlowReaderTests.text("alone")) }
                }
            }
            for (number, client) in clients.enumerated() {
                var expected: [String] = []
                if number % 3 != 1 { expected.append("4one" + Self.payload) }
                if number % 3 != 0 { expected.append("4two" + Self.payload) }
                if number == 5 { expected.append("4alone") }
                #expect(try await client.wire.unpackedBody() == expected.joined(separator: "\u{1e}"))
            }
        }
    }
}
