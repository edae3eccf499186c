// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HTTPTesting
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer
@testable internal import HTTPServerCore

/// The same over real sockets with the smallest buffers, which are full again and again and take parts of answers.
@Suite("Answers past NIO, over sockets")
struct DirectAnswerSocketTests {
    typealias Server = SessionTestServer

    /// Connections accepted from now on have the smallest send buffer there is.
    private static func shrinkBuffers(_ listener: HTTPListener) async throws {
        try await listener.channel.setOption(.socketOption(.so_sndbuf), value: 1).get()
    }

    private static func get(_ target: String, _ lines: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n"
    }

    private static func send(_ texts: [String], to session: EngineSession) async throws {
        try await session.inside { session in
            for text in texts { session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: text))))) }
        }
    }

    /// The answers in what has been read, once there are so many with bodies of so many bytes altogether.
    private static func answers(
        _ reader: RawReader, _ count: Int, bodies: Int
    ) async throws -> [(status: Int, head: String, body: String)] {
        try await eventually("\(count) answers", within: 60) {
            guard reader.receivedCount > bodies || reader.isOver else { return nil }
            let answers = String(decoding: reader.received, as: UTF8.self).answers()
            return answers.count >= count && answers.reduce(0) { $0 + $1.body.utf8.count } >= bodies || reader.isOver
                ? answers : nil
        }
    }

    /// A large payload for a client that takes a few bytes at a time; the connection goes on, and other clients with it.
    @Test(arguments: [3, 64, 509, 4096])
    func aSlowReaderGetsEveryByte(atATime count: Int) async throws {
        try await Server.run({ $0.maxBufferedBytes = 16 << 20 }) { server in
            try await Self.shrinkBuffers(server.listener)
            let (wire, sid, session) = try await server.pollingClient()
            let size = count < 64 ? 400 : 4000
            let texts = (0..<100).map { "\($0) " + String(repeating: "x", count: size) }
            try await Self.send(texts, to: session)
            let target = Server.target("polling", sid)
            // The second poll waits behind the first one, on the same connection.
            let reader = try RawReader(
                port: server.port, receiveBuffer: 1, request: Self.get(target) + Self.get(target))
            defer { reader.close() }
            reader.read(atATime: count)
            try await eventually("the first poll") {
                try await session.inside { session in !session.hasBacklog }
            }
            // Nobody else is held up by that.
            #expect(try await wire.post(target, "4hello").status == 200)
            let payloads = [texts.map { "4" + $0 }.joined(separator: "\u{1e}"), "4hello"]
            let answers = try await Self.answers(reader, 2, bodies: payloads.reduce(0) { $0 + $1.utf8.count })
            #expect(answers.map(\.status) == [200, 200])
            #expect(answers.map(\.body) == payloads)
        }
    }

    /// An upgrade that was sent behind a poll: the 101 comes after all of the payload, and the WebSocket works.
    @Test(arguments: [1, 2])
    func anUpgradeWaitsForTheRest(loops: Int) async throws {
        try await Server.run(loops: loops, { $0.maxBufferedBytes = 16 << 20 }) { server in
            try await Self.shrinkBuffers(server.listener)
            for round in 0..<4 {
                let (wire, sid, session) = try await server.pollingClient()
                let text = String(repeating: "x", count: 200_000 + round)
                try await Self.send([text], to: session)
                let upgrade = try await SessionWire.connect(port: server.port, receiveBuffer: 2048)
                try await upgrade.setReading(false)
                try await upgrade.send(
                    Self.get(Server.target("polling", sid))
                        + SessionWire.upgradeRequest(Server.target("websocket", sid)))
                try await upgrade.setReading(true)
                let payload = try await upgrade.response(within: .seconds(60))
                #expect(payload.status == 200 && payload.body == "4" + text)
                #expect(try await upgrade.response().status == 101)
                try await upgrade.sendText("2probe")
                #expect(try await upgrade.text() == "3probe")
                try await upgrade.sendText("5")
                try await upgrade.sendText("4after")
                #expect(try await upgrade.text() == "4after")
                upgrade.close()
                wire.close()
            }
        }
    }

    /// The last answer of a connection reaches a slow reader in full, and then the end.
    @Test(arguments: [64, 4096])
    func theEndComesBehindTheAnswer(atATime count: Int) async throws {
        let body = String(repeating: "0123456789", count: 40_000)
        let engine = ScriptedEngine { $0.respond(.text(body)) }
        try await TestServer.with(engine: engine) { server in
            try await Self.shrinkBuffers(server.listener)
            let reader = try RawReader(
                port: server.listener.port ?? 0, receiveBuffer: 1,
                request: Self.get("/socket.io/", "Connection: close\r\n"))
            reader.read(atATime: count)
            try await eventually("the end", within: 60) { reader.isOver }
            #expect(String(decoding: reader.received, as: UTF8.self).answers().map(\.body) == [body])
            #expect(await holdsSoon { server.listener.connectionCount == 0 })
        }
    }

    /// Clients that ask and do not read: each costs one answer, and gets all when it reads at last.
    @Test func whatWaitsIsBounded() async throws {
        // More than the buffers hold. They pass 576 bytes at a time, and each time two threads have to run.
        let body = String(repeating: "y", count: 20_000)
        let engine = ScriptedEngine { $0.respond(.text($0.request.target.hasSuffix("small") ? "served" : body)) }
        try await TestServer.with(engine: engine) { server in
            try await Self.shrinkBuffers(server.listener)
            let requests = (0..<20).map { Self.get("/socket.io/\($0)") }.joined()
            var readers: [RawReader] = []
            defer { for reader in readers { reader.close() } }
            for _ in 0..<3 {
                readers.append(
                    try RawReader(port: server.listener.port ?? 0, receiveBuffer: 1, request: requests))
            }
            try await eventually("one answer for each") { engine.exchanges.count == readers.count }
            // Others are served meanwhile, which shows that the loop has seen everything sent before.
            let other = try await SessionWire.connect(port: server.listener.port ?? 0)
            for _ in 0..<20 { #expect(try await other.get("/socket.io/small").body == "served") }
            #expect(engine.exchanges.count == readers.count + 20)
            for reader in readers { reader.read(atATime: 65_536) }
            for reader in readers {
                let answers = try await Self.answers(reader, 20, bodies: 20 * body.utf8.count)
                #expect(answers.count == 20 && answers.allSatisfy { $0.body == body })
            }
        }
    }

    /// Clients go while their answers wait: nobody who gets their descriptors next gets a byte of theirs.
    @Test func descriptorsAreUsedAgain() async throws {
        let body = String(repeating: "z", count: 300_000)
        let engine = ScriptedEngine { exchange in
            exchange.respond(exchange.request.target.hasSuffix("large") ? .text(body) : .echo(exchange))
        }
        try await TestServer.with(engine: engine) { server in
            try await Self.shrinkBuffers(server.listener)
            for round in 0..<40 {
                let leaving = try RawReader(
                    port: server.listener.port ?? 0, receiveBuffer: 1, request: Self.get("/socket.io/large"))
                if round % 2 == 0 { leaving.read(atATime: 100) }
                try await eventually("the request") { engine.exchanges.count == 2 * round + 1 }
                leaving.close()
                let next = try await SessionWire.connect(port: server.listener.port ?? 0)
                #expect(try await next.get("/socket.io/\(round)").body == "GET /socket.io/\(round)")
                next.close()
            }
            #expect(await holdsSoon { server.listener.connectionCount == 0 })
        }
    }

    /// Slow readers on TLS beside plaintext, with the same event loop and the same payload.
    @Test func encryptedAndPlainBesideEachOther() async throws {
        try await Server.run({ $0.maxBufferedBytes = 16 << 20 }) { server in
            var configuration = EngineConfiguration()
            configuration.tls = try SessionTLSTests.serverTLS()
            let router = try HTTPRouter(configuration: configuration, engine: server.engine, application: nil)
            let listener = try await HTTPListener.bind(
                to: .tcp(host: "127.0.0.1", port: 0), group: server.group, server: router.server)
            try await Self.shrinkBuffers(listener)
            try await Self.shrinkBuffers(server.listener)
            let encrypted = try await SessionTLSTests.connect(port: try #require(listener.port))
            let plain = try await SessionWire.connect(port: server.port, receiveBuffer: 2048)
            for wire in [encrypted, plain] {
                let sid = try await server.openPolling(wire)
                let session = try #require(server.session(sid))
                for round in 0..<5 {
                    let text = "\(round) " + String(repeating: "x", count: 150_000)
                    try await Self.send([text], to: session)
                    try await wire.setReading(false)
                    try await wire.send(Self.get(Server.target("polling", sid)))
                    try await eventually("the poll") {
                        try await session.inside { session in !session.hasBacklog }
                    }
                    try await wire.setReading(true)
                    #expect(try await wire.response(within: .seconds(60)).body == "4" + text)
                }
            }
            await listener.close()
        }
    }
}
