// Part of socketio-server, MIT licence; see LICENSE.

import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import SocketIOHummingbird
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Synchronization
import Testing
import UnixSignals

/// Blocks of `docs/guide.md` that need more than `SocketIOServer`, word for word; the others are in `GuideTests.swift`.
enum GuideChapters {
    static func hooks() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        // Asked once for each session, before it is opened. A refused client gets status 403 and the text.
        configuration.engine.allowRequest = { request in
            request.query["version"] == "2" ? .allow : .refuse("please update")
        }
        // Sees every request of the engine first: polls, posts, upgrades.
        configuration.engine.middlewares.append { request in
            if request.url.utf8.count > 2_000 { return .respond(status: .uriTooLong) }
            return .next(["X-Served-By": "node-1"])
        }
        // Headers of the first response of a session, and of every response.
        configuration.engine.initialHeaders = { headers, request in
            headers.add(name: "X-Client", value: request.remoteAddress)
        }
        configuration.engine.headers = { headers, _ in headers.add(name: "Referrer-Policy", value: "no-referrer") }
        // Every refused request, for a log or a counter.
        configuration.engine.onConnectionError = { error in
            print(error.request.remoteAddress, error.message, error.context)
        }
        return configuration
    }

    static func state(_ io: Server) {
        final class Scores: Sendable {
            private let points = Mutex<NameDictionary<Int>>([:])

            func add(_ number: Int, to player: String) -> Int {
                points.withLock { points in
                    points[player, default: 0] += number
                    return points[player, default: 0]
                }
            }
        }

        actor Journal {
            private var lines: [String] = []

            func append(_ line: String) async throws -> Int {
                lines.append(line)
                return lines.count
            }
        }

        let scores = Scores()
        let journal = Journal()
        io.onConnection { socket in
            socket.on("score") { (number: Int) -> Int in
                let total = scores.add(number, to: socket.id)
                socket.broadcast.emit("scored", socket.id, total)
                return total
            }
            socket.on("note") { (text: String) async throws -> Int in try await journal.append(text) }
        }
    }

    static func hummingbird(_ io: Server) async throws {
        let router = Router()
        router.middlewares.add(LogRequestsMiddleware(.info))
        router.get("/health") { _, _ in "ok" }
        router.post("/news/:text") { _, context in
            io.emit("news", try context.parameters.require("text"))
            return HTTPResponse.Status.noContent
        }
        io.serve(router)
        try await io.run()
    }

    static func clusterErrors(_ io: Server) async throws {
        do {
            print(try await io.in("lobby").fetchSockets().count)
        } catch let error as ClusterError where error.code == .timeout {
            print("no answer from", error.missing)
        }
    }

    static func services(_ io: Server, _ database: any Service) async throws {
        let group = ServiceGroup(
            services: [database, io], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "app"))
        try await group.run()
    }

    static func emitter(_ loop: any EventLoop) async throws {
        let emitter = try RedisEmitter(url: "redis://127.0.0.1:6379", eventLoop: loop)
        let servers = try await emitter.of("/shop").to("user:42").emit("paid", ["order": 7])
        if servers == 0 { print("no server is running") }
        await emitter.close()
    }
}

@Suite struct GuideChapterTests {
    @Test(arguments: TestTransport.allCases)
    func greeting(transport: TestTransport) async throws {
        let io = Server()
        io.onConnection { socket in
            socket.on("greet") { (name: String) -> String in "Hello \(name)" }
            socket.on("all") { (text: String) in io.emit("news", text) }
        }
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)

        let ada = try await SocketTestClient.connect(to: address, transport: transport).join()
        let bob = try await SocketTestClient.connect(to: address, transport: transport).join()
        #expect(try await ada.emitWithAck("greet", "Ada") == ["Hello Ada"])
        try await ada.emit("all", "news for everybody")
        #expect(try await bob.next("news").arguments == ["news for everybody"])

        bob.answer("ready?") { _ in [true] }
        let ready = try await io.to(bob.id).timeout(.seconds(5)).emitWithAck("ready?", as: Bool.self)
        #expect(ready == [true])
        try await ada.disconnect()
        try await eventually("one socket is left") { io.sockets.socketCount == 1 }
        await io.close()
    }

    @Test func argumentsAndAnswers() async throws {
        let io = Server()
        io.onConnection { socket in
            socket.on("profile") { (name: String) -> SocketValue in
                ["name": .string(name), "tags": ["a", "b"], "age": 30, "picture": .binary([1, 2]), "team": nil]
            }
        }
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let ada = try await SocketTestClient.connect(to: address).join()
        let name = "Ada"

        let answer = try await ada.emitWithAck("profile", .string(name))
        #expect(answer == [["name": "Ada", "tags": ["a", "b"], "age": 30, "picture": .binary([1, 2]), "team": nil]])
        #expect(answer[0]["tags"]?[1]?.string == "b")
        #expect(try answer[0]["tags"] == TestValue(json: #"["a", "b"]"#))
        await io.close()
    }

    @Test func theHooksDoWhatTheGuideSays() async throws {
        let io = Server(configuration: GuideChapters.hooks())
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let http = try await HTTPTestConnection.connect(to: address)
        let refused = try await http.request(HTTPTestRequest("GET", "/socket.io/?EIO=4&transport=polling"))
        #expect(refused.status == 403 && refused.text.contains("please update"))
        let opened = try await http.request(HTTPTestRequest("GET", "/socket.io/?EIO=4&transport=polling&version=2"))
        #expect(opened.status == 200)
        #expect(opened["X-Served-By"] == "node-1" && opened["X-Client"] == "127.0.0.1")
        #expect(opened["Referrer-Policy"] == "no-referrer")
        let long = "/socket.io/?EIO=4&transport=polling&version=2&x=" + String(repeating: "x", count: 2_000)
        #expect(try await http.request(HTTPTestRequest("GET", long)).status == 414)
        await io.close()
    }

    @Test func theSharedStateOfTheGuide() async throws {
        let io = Server()
        GuideChapters.state(io)
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let ada = try await SocketTestClient.connect(to: address).join()
        let bob = try await SocketTestClient.connect(to: address).join()
        #expect(try await ada.emitWithAck("score", 3) == [3])
        #expect(try await ada.emitWithAck("score", 4) == [7])
        #expect(try await bob.next("scored").arguments == [.string(ada.id), 3])
        #expect(try await bob.emitWithAck("note", "one") == [1])
        #expect(try await ada.emitWithAck("note", "two") == [2])
        await io.close()
    }
}
