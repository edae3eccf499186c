// Part of socketio-server, MIT licence; see LICENSE.

import ProcessTesting
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// The tutorial's code is compiled, and each of its steps does what the page says.
@Suite struct TutorialTests {
    private static let sources = ["Tutorial", "TutorialPage", "TutorialTests"]
    /// Blocks of `Package.swift`, which only a package of its own could compile.
    private static func isManifest(_ block: String) -> Bool {
        block.contains("PackageDescription") || block.hasPrefix(".")
    }

    @Test func everyBlockIsCompiled() throws {
        let blocks = Pages.blocks("swift", in: try Pages.text("docs/tutorial.md"))
        let sources = try Self.sources.map { try Pages.text("Tests/DocumentTests/\($0).swift") }
        #expect(blocks.count > 10)
        for block in blocks where !Self.isManifest(block) {
            let isThere = Pages.isCompiled(block, in: sources)
            #expect(isThere, "not compiled: \(block)")
        }
    }

    @Test func theProductsOfItsManifestExist() throws {
        let manifest = try Pages.text("Package.swift")
        let blocks = Pages.blocks("swift", in: try Pages.text("docs/tutorial.md")).filter(Self.isManifest)
        #expect(blocks.count == 3)
        for product in blocks.joined().matches(of: /\.product\(name: "(\w+)"/) {
            #expect(manifest.contains(".library(name: \"\(product.1)\""))
        }
    }

    @Test("steps 1 and 2: the page, and messages to everybody")
    func firstSteps() async throws {
        let io = Server()
        FirstSteps.servePage(io)
        FirstSteps.messages(io)
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let http = try await HTTPTestConnection.connect(to: address)
        let page = try await http.request(HTTPTestRequest("GET", "/"))
        #expect(page.status == 200)
        #expect(page["content-type"] == "text/html; charset=utf-8")
        #expect(page.text.contains("io({ auth: { name } })"))
        #expect(try await http.request(HTTPTestRequest("GET", "/other")).status == 404)

        let one = try await SocketTestClient.connect(to: address).join()
        let two = try await SocketTestClient.connect(to: address).join()
        #expect(try await one.emitWithAck("message", "lobby", "Hello") == [true])
        #expect(try await two.next("message").arguments == [["from": .string(one.id), "text": "Hello"]])
        let answer = try await one.emitWithAck("message", "lobby", 1)
        #expect(answer == [["error": ["message": "invalid arguments"]]])
        await io.close()
    }

    private typealias Talk = OneServer.Talk

    @Test func aMessageReachesTheRoomAndTheHistory() async throws {
        let io = Server()
        Talk(io: io).start()
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)

        let ada = try await SocketTestClient.connect(to: address).join(auth: ["name": "Ada"])
        let bob = try await SocketTestClient.connect(to: address, transport: .polling).join(auth: ["name": "Bob"])
        #expect(try await ada.emitWithAck("enter", "tea") == [[]])
        try await bob.emitWithAck("enter", "tea")
        #expect(try await ada.next("entered").arguments == ["Bob"])

        #expect(try await ada.emitWithAck("message", "tea", "Hello") == [true])
        #expect(try await bob.next("message").arguments == [["from": "Ada", "text": "Hello"]])

        let late = try await SocketTestClient.connect(to: address).join(auth: ["name": "Eve"])
        #expect(try await late.emitWithAck("enter", "tea") == [[["from": "Ada", "text": "Hello"]]])
        await #expect(throws: RefusedNamespace.self) {
            try await SocketTestClient.connect(to: address).join(auth: ["name": ""])
        }
        await io.close()
    }

    @Test("step 3: what the text says about rooms and errors")
    func rooms() async throws {
        let io = Server()
        Talk(io: io).start()
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let ada = try await SocketTestClient.connect(to: address).join(auth: ["name": "Ada"])
        let bob = try await SocketTestClient.connect(to: address).join(auth: ["name": "Bob"])
        try await ada.emitWithAck("enter", "tea")
        try await bob.emitWithAck("enter", "tea")
        let outside = try await ada.emitWithAck("message", "coffee", "Hello")
        #expect(outside == [["error": ["message": "You are not in this room"]]])
        // The id of another socket is no way into its room.
        let foreign = try await ada.emitWithAck("message", .string(bob.id), "Hello")
        #expect(foreign == [["error": ["message": "You are not in this room"]]])
        try await bob.disconnect()
        #expect(try await ada.next("left").arguments == ["Bob"])
        await io.close()
    }

    @Test("step 4: the history is bounded")
    func history() {
        let history = History()
        for number in 0..<60 { history.add(Message(from: "Ada", text: "\(number)"), to: "tea") }
        #expect(history.messages(of: "tea").map(\.text) == (10..<60).map { "\($0)" })
        for number in 0..<2_000 { history.add(Message(from: "Ada", text: "Hello"), to: "room \(number)") }
        #expect(history.messages(of: "room 900").count == 1 && history.messages(of: "room 1500").isEmpty)
    }

    @Test("step 6: several servers", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    func severalServers() async throws {
        let redis = try await RedisServer.started()
        var servers: [Server] = []
        var addresses: [ServerAddress] = []
        for _ in 0..<2 {
            let cluster = try RedisCluster(url: redis.url)
            var configuration = ServerConfiguration()
            configuration.adapter = cluster.adapter
            configuration.engine.forwarding = ForwardingConfiguration(directory: cluster)
            let io = Server(configuration: configuration)
            SeveralServers.Talk(io: io).start()
            addresses.append(ServerAddress(port: try await io.listen()?.port ?? 0))
            try await cluster.waitUntilUp(within: .seconds(30))
            servers.append(io)
        }
        try await eventually("both servers know each other", within: .seconds(30)) {
            let counts = [try await servers[0].adapter.serverCount(), try await servers[1].adapter.serverCount()]
            return counts == [2, 2]
        }
        let ada = try await SocketTestClient.connect(to: addresses[0]).join(auth: ["name": "Ada"])
        let bob = try await SocketTestClient.connect(to: addresses[1]).join(auth: ["name": "Bob"])
        try await ada.emitWithAck("enter", "tea")
        try await bob.emitWithAck("enter", "tea")
        #expect(try await ada.emitWithAck("message", "tea", "Hello") == [true])
        #expect(try await bob.next("message").arguments == [["from": "Ada", "text": "Hello"]])
        // The history reaches the other server by a message of its own.
        try await eventually("the other server has the history") {
            try await bob.emitWithAck("enter", "tea") == [[["from": "Ada", "text": "Hello"]]]
        }
        for io in servers { await io.close() }
    }
}
