// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import SocketIOJWT
import SocketIOServer
import Testing

/// The blocks of `docs/guide.md`, word for word, so that they compile.
enum GuideExamples {
    static func block0() {
        var configuration = ServerConfiguration()
        configuration.port = 3000
        configuration.engine.cors = CORSConfiguration(origin: .list(["https://example.com"]))
        let io = Server(configuration: configuration)
        _ = io
    }

    static func durableRooms() {
        var configuration = ServerConfiguration()
        configuration.durableRooms = DurableRooms()
        let io = Server(configuration: configuration)

        struct Said: Codable, Sendable {
            var text: String
            var at: RoomPosition
        }

        io.onConnection { socket async throws in
            socket.on("say") { (text: String) async throws -> RoomPosition in
                try await io.to("lobby").durable.emit("said", text)
            }
            socket.on("earlier") { (before: RoomPosition) async throws -> [Said] in
                let page = try await io.history(of: "lobby", before: before, limit: 50)
                return try page.events.map { Said(text: try $0.arguments.decode(String.self), at: $0.position) }
            }

            let last = socket.handshake.auth["position"]?.string.flatMap { RoomPosition($0) }
            let replay = try await socket.replay("lobby", since: last.map { .position($0) } ?? .last(50))
            if !replay.isComplete { socket.emit("missed too much") }
        }
    }

    static func block1(_ io: Server) {
        io.onConnection { socket in
            socket.on("greet") { (name: String) in
                socket.emit("greeting", "Hello \(name)")
            }
            socket.on("move") { (x: Double, y: Double) in
                socket.broadcast.emit("moved", socket.id, x, y)
            }
        }
    }

    static func block2(_ io: Server) {
        io.onConnection { socket in
            socket.on("resize") { (image: SocketData) async throws -> Int in
                try await offLoop { image.bytes.count }
            }
        }
    }

    static func block3(_ io: Server) {
        io.onConnection { socket in
            socket.onAny { event, arguments in print(event, arguments.count) }
            socket.on("relay") { (arguments: EventArguments, ack: DynamicAck) in
                socket.broadcast.emit("relay", arguments: arguments)
                ack("sent")
            }
        }
    }

    static func connection(_ io: Server) {
        io.onConnection { socket in
            socket.conn.onClose { reason, detail in print(reason.rawValue, detail ?? "") }
            socket.conn.onPacket { packet in
                if case .message(.text(let bytes)) = packet { print(bytes.readableBytes) }
            }
        }
    }

    static func lists(_ io: Server) {
        io.onConnection { socket in
            socket.on("call") { (event: String, values: [SocketValue]) in
                socket.emit(event, arguments: values)
                socket.broadcast.emit(event, arguments: values + [.string(socket.id)])
            }
        }
        io.emit("numbers", arguments: (1...5).map { .int(Int64($0)) })
    }

    static func encoding(_ io: Server) {
        struct Player: Codable, Sendable {
            var name: String
            var score: Int
        }

        io.onConnection { socket throws in
            let ada = try SocketValue(encoding: Player(name: "Ada", score: 3))
            socket.emit("players", arguments: [.string("lobby"), ada])
            socket.data = ada
            print(try socket.data.decode(Player.self).score)
        }
    }

    struct Shop: Sendable {
        func place<Receipt: Decodable>(_ order: some Encodable) async throws -> Receipt {
            try SocketValue.object(["number": 1]).decode()
        }
    }

    static func handledMessages(_ io: Server, _ shop: Shop) {
        struct Order: Codable, Sendable {
            var item: String
            var count: Int
        }

        struct Receipt: Codable, Sendable {
            var number: Int
        }

        let handled = HandledMessages(in: io.of("/"))
        io.onConnection { socket in
            socket.on("order") { (id: String, order: Order) async throws -> Receipt in
                guard let user = socket.rateIdentity else { throw EventError("log in first") }
                return try await handled.once(id, of: user) { try await shop.place(order) }
            }
        }
    }

    static func unansweredErrors() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        let usual = configuration.errorAcknowledgement
        configuration.errorAcknowledgement = { error in
            (error as? SocketError)?.code == .timeout ? nil : usual(error)
        }
        return configuration
    }

    static func recovery() {
        var configuration = ServerConfiguration()
        var recovery = ConnectionStateRecovery()
        recovery.maxDisconnectionDuration = .seconds(60)
        configuration.connectionStateRecovery = recovery
        let io = Server(configuration: configuration)

        io.onConnection { socket in
            socket.on("say") { (text: String) in io.to("lobby").emit("said", text) }
            switch socket.recovery {
            case .none: socket.join("lobby")
            case .recovered(let missed): print("\(socket.id) is back and was sent \(missed) events that it had missed")
            case .failed(let reason):
                socket.join("lobby")
                socket.emit("reload", reason.rawValue)
            }
        }
    }

    static func block4(_ io: Server) {
        io.onConnection { socket in
            socket.on("sum") { (a: Int, b: Int) -> Int in a + b }
            socket.on("later") { (question: String, ack: Ack<String>) in
                ack("You asked: \(question)")
            }
            socket.on("find") { (name: String, ack: DynamicAck) in
                if name == "Ada" { ack(true, ["born": 1815]) } else { ack(false) }
            }
        }
    }

    static func block5(_ io: Server) {
        io.onConnection { socket in
            Task {
                let answer = try await socket.timeout(.seconds(5)).emitWithAck("ready?", as: Bool.self)
                print(answer)
            }
        }
    }

    static func block6(_ io: Server) {
        io.onConnection { socket in
            socket.on("enter") { (room: String) in
                socket.join("room:" + room)
                socket.to("room:" + room).emit("joined", socket.id)
            }
            socket.onDisconnecting { reason in
                for room in socket.rooms { socket.to(room).emit("left", socket.id, reason.rawValue) }
            }
        }
    }

    static func block7(_ io: Server) {
        io.emit("news", "for everybody")
        io.to("a", "b").except("muted").emit("news", "once for each socket in a or b")
        io.to("game").volatile.emit("position", 1, 2)
    }

    static func slowClients(_ io: Server) {
        io.of("/ticker").slowClientPolicy = .dropOldest
        io.onConnection { socket in
            socket.slowClientPolicy = .dropNewest
            socket.onMessagesDropped { count in print("\(count) messages were dropped for \(socket.id)") }
        }
    }

    static func coalescing(_ io: Server) {
        io.to("prices").coalescing("price:AAPL").emit("price", "AAPL", 212.5)
    }

    static func suspending(_ io: Server) {
        io.onConnection { socket in
            socket.on("export") { () async throws -> Int in
                for number in 1...100_000 { try await socket.suspending.emit("row", number) }
                return 100_000
            }
        }
    }

    static func block8(_ io: Server) async throws {
        let pongs = try await io.to("lobby").timeout(.seconds(1)).emitWithAck("ping", as: String.self)
        _ = pongs
    }

    static func answers(_ io: Server) async throws {
        let answers = try await io.to("lobby").timeout(.seconds(1)).emitWithAnswers("ready?")
        for answer in answers.answers { print(answer.socketID ?? "?", answer.arguments[0]) }
        print("silent:", answers.missing, "and", answers.missingUnnamed, "of servers that tell no ids")
    }

    static func block9(_ io: Server) async throws {
        for socket in try await io.in("lobby").fetchSockets() { print(socket.id, socket.data) }
        io.in("lobby").socketsJoin("tournament")
        io.in("spam").disconnectSockets(close: true)
    }

    static func questions(_ io: Server) async throws {
        let players = try await io.in("lobby").fetchSockets(timeout: .milliseconds(500), partialResults: .accepted)
        print(players.count)
    }

    static func block10(_ io: Server) {
        io.of("/admin").onConnection { socket in socket.emit("welcome", socket.handshake.auth["name"]?.string ?? "?") }

        let communities = io.of(/^\/socket\/commu-\d+$/)
        communities.onConnection { socket in
            socket.emit("community", socket.namespace.name)
        }
    }

    static func block11(_ io: Server) {
        io.use { socket in
            guard socket.handshake.auth["token"]?.string == "secret" else {
                throw ConnectError("unauthorized", data: ["code": "E1"])
            }
        }
    }

    static func block12(_ io: Server) {
        io.onConnection { socket in
            socket.use { event in
                guard event.name != "forbidden" else { throw EventError("not for you") }
            }
        }
    }

    static func block13(_ io: Server) {
        struct Profile: Sendable { var name: String }

        io.onConnection { socket in
            socket.set(Profile(name: "Ada"))
            socket.data = ["name": "Ada"]
            print(socket.get(Profile.self)?.name ?? "")
        }
    }

    static func block14(_ io: Server) {
        io.onRequest { request in
            request.target == "/health" ? .text("ok") : .text("not found", status: .notFound)
        }
    }

    static func authentication(_ io: Server, _ publicKey: String) async throws {
        let keys = try await TokenKeys.pem(publicKey, algorithms: [.rs256, .es256])
        var options = TokenAuthentication.Options()
        options.rules.algorithms = [.rs256, .es256]
        options.rules.audiences = ["chat"]
        let authentication = TokenAuthentication(keys: TokenKeyRing(keys), options: options)
        authentication.protect(io.sockets)
        authentication.protect(io.of("/admin"))
        io.onConnection { socket in
            guard let claims = socket.tokenClaims else { return }
            socket.join("user:\(claims.subject ?? "")")
        }
    }
}

@Suite struct GuideTests {
    /// A block that is changed in the guide must be changed above, where the compiler sees it.
    @Test func everyBlockOfTheGuideIsCompiled() throws {
        let here = URL(fileURLWithPath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let guide = try String(contentsOf: root.appending(path: "docs/guide.md"), encoding: .utf8)
        // Chapters that need other products as well.
        let chapters = root.appending(path: "Tests/DocumentTests/GuideChapters.swift")
        let compiled = try [here, chapters].flatMap { Self.lines(try String(contentsOf: $0, encoding: .utf8)) }
        let blocks = guide.components(separatedBy: "```swift\n").dropFirst()
        #expect(blocks.count >= 10)
        for block in blocks {
            let wanted = Self.lines(block.components(separatedBy: "```")[0])
            let isThere = compiled.indices.contains { compiled[$0...].starts(with: wanted) }
            #expect(isThere, "not compiled: \(wanted.joined(separator: "\n"))")
        }
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
}
