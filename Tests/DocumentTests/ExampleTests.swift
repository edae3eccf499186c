// Part of socketio-server, MIT licence; see LICENSE.

import Crypto
import Foundation
import ProcessTesting
import ServiceLifecycle
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

@testable import Examples

/// The programs of `docs/examples` do what they say.
@Suite struct ExampleTests {
    @Test func hummingbird() async throws {
        let io = hummingbirdExample()
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let socket = try await SocketTestClient.connect(to: address).join()
        #expect(try await socket.emitWithAck("hello", "Ada") == ["Hello Ada"])
        let http = try await HTTPTestConnection.connect(to: address)
        #expect(try await http.request(HTTPTestRequest("GET", "/hello")).text == "Hello")
        let sent = try await http.request(HTTPTestRequest("POST", "/news/open", body: []))
        #expect(sent.text == "sent to 1 clients of this server\n")
        #expect(try await socket.next("news").arguments == ["open"])
        await io.close()
    }

    @Test func tokens() async throws {
        let secret = "a secret of at least thirty-two bytes"
        let io = try await tokenExample(secret: secret)
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let end = Int(Date().timeIntervalSince1970) + 600
        func join(_ user: String, audience: String = "chat") async throws -> TestSocket {
            let claims = #"{"sub":"\#(user)","aud":"\#(audience)","exp":\#(end)}"#
            return try await SocketTestClient.connect(to: address)
                .join(auth: ["token": .string(Self.token(claims, secret: secret))])
        }
        let ada = try await join("ada")
        let phone = try await join("bob")
        let laptop = try await join("bob")
        #expect(try await ada.emitWithAck("whisper", "bob", "Hello") == [true])
        #expect(try await phone.next("whisper").arguments == ["ada", "Hello"])
        #expect(try await laptop.next("whisper").arguments == ["ada", "Hello"])
        await #expect(throws: RefusedNamespace.self) { try await join("eve", audience: "other") }
        await #expect(throws: RefusedNamespace.self) { try await SocketTestClient.connect(to: address).join() }
        await io.close()
    }

    private static func token(_ claims: String, secret: String) -> String {
        func encoded(_ bytes: some DataProtocol) -> String {
            Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
        }
        let text = encoded(Data(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + encoded(Data(claims.utf8))
        let signature = HMAC<SHA256>.authenticationCode(
            for: Data(text.utf8), using: SymmetricKey(data: Data(secret.utf8)))
        return text + "." + encoded(Data(signature))
    }

    @Test(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    func redisAndEmitter() async throws {
        let redis = try await RedisServer.started()
        let nodes = try [redisExample(url: redis.url), redisExample(url: redis.url)]
        var sockets: [TestSocket] = []
        for node in nodes {
            let address = ServerAddress(port: try await node.io.listen()?.port ?? 0)
            try await node.cluster.waitUntilUp(within: .seconds(30))
            sockets.append(try await SocketTestClient.connect(to: address).join())
        }
        try await eventually("each server counts the clients of both", within: .seconds(30)) {
            let first = try await sockets[0].emitWithAck("count")
            let second = try await sockets[1].emitWithAck("count")
            return first == [2] && second == [2]
        }
        try await sockets[0].emit("say", "Hello")
        #expect(try await sockets[1].next("say").arguments == ["Hello"])
        #expect(try await emitterExample(url: redis.url) >= 2)
        for socket in sockets {
            try await eventually("the event of the other process") {
                try await socket.next("say").arguments == ["We close in five minutes"]
            }
        }
        for node in nodes { await node.io.close() }
    }

    @Test func serviceGroup() async throws {
        var configuration = ServerConfiguration()
        configuration.port = 0
        let io = Server(configuration: configuration)
        let address = ServerAddress(port: try await io.listen()?.port ?? 0)
        let group = serviceGroupExample(io: io, interval: .milliseconds(20))
        let running = Task { try await group.run() }
        let socket = try await SocketTestClient.connect(to: address).join()
        #expect(try await socket.next("count").arguments == [1])
        await group.triggerGracefulShutdown()
        try await running.value
        await #expect(throws: (any Error).self) { try await SocketTestClient.connect(to: address) }
    }

    @Test func theListOfExamplesIsComplete() throws {
        let page = try Pages.text("docs/examples/README.md")
        let folder = Pages.root.appending(path: "docs/examples")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        #expect(files.count >= 5)
        for file in files { #expect(page.contains("[\(file)](\(file))")) }
    }
}
