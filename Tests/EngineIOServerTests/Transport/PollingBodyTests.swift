// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// The body of a poll's answer is made in several ways, according to how much there is and whether others get the same. The
/// client sees no difference.
@Suite("Bodies of polls") struct PollingBodyTests {
    typealias Server = SessionTestServer

    /// A text, a binary message, and one with an attachment, of altogether a little more than `size` bytes.
    private static func messages(_ size: Int) -> [OutboundMessage] {
        let filler = String(repeating: "x", count: size)
        return [
            OutboundMessage(head: .message(.text(ByteBuffer(string: filler)))),
            OutboundMessage(head: .message(.binary(ByteBuffer(bytes: [1, 2, 3])))),
            OutboundMessage(
                head: .message(.text(ByteBuffer(string: "51-[0]"))), attachments: [.binary(ByteBuffer(bytes: [4]))]),
        ]
    }

    private static func expected(_ size: Int) -> String {
        ["4" + String(repeating: "x", count: size), "bAQID", "451-[0]", "bBA=="].joined(separator: "\u{1e}")
    }

    /// Below and above the size from which bodies are shared.
    @Test(.timeLimit(.minutes(1)), arguments: [10, 40_000])
    func aPollThatWaitsAndOneThatComesLater(size: Int) async throws {
        try await Server.run { server in
            let (wire, sid, session) = try await server.pollingClient()
            let target = Server.target("polling", sid)
            try await wire.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("the poll") { await session.isWritable }
            try await session.inside { session in for message in Self.messages(size) { session.send(message) } }
            #expect(try await wire.response().body == Self.expected(size))
            // Nobody polls: the messages wait.
            try await session.inside { session in for message in Self.messages(size) { session.send(message) } }
            try await eventually("they wait") { try await session.inside { $0.hasBacklog } }
            #expect(try await wire.get(target).body == Self.expected(size))
        }
    }

    /// Staged once for several clients, of whom some have a poll.
    @Test(.timeLimit(.minutes(1)), arguments: [10, 40_000])
    func severalClientsGetTheSame(size: Int) async throws {
        try await Server.run { server in
            var clients: [(wire: SessionWire, sid: String, session: EngineSession)] = []
            for _ in 0..<6 { clients.append(try await server.pollingClient()) }
            for client in clients[..<3] {
                let target = Server.target("polling", client.sid)
                try await client.wire.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
                try await eventually("the poll") { await client.session.isWritable }
            }
            try await server.engine.shards[0].inside { shard in
                for message in Self.messages(size) {
                    let staged = shard.stage(message)
                    for session in shard.allSessions() { shard.send(staged, to: session) }
                }
            }
            for client in clients[..<3] { #expect(try await client.wire.response().body == Self.expected(size)) }
            for client in clients[3...] {
                #expect(try await client.wire.get(Server.target("polling", client.sid)).body == Self.expected(size))
            }
        }
    }
}
