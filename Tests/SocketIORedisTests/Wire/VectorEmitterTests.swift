// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOServer
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

@Suite("Recorded calls of the emitter")
struct VectorEmitterTests {
    private typealias Call = (String, @Sendable (RedisEmitter) async throws -> Void)

    private static let calls: [Call] = [
        ("emitter-emit", { try await $0.emit("ev", 1, "two", ["a": .null] as SocketValue) }),
        ("emitter-to", { try await $0.to("room1").emit("ev", "x") }),
        ("emitter-to-two", { try await $0.to("room1", "room2").emit("ev", "x") }),
        ("emitter-in", { try await $0.in("room1").emit("ev", "x") }),
        ("emitter-except", { try await $0.except("room1").emit("ev", "x") }),
        ("emitter-to-except", { try await $0.to("room1").except("room2", "room3").emit("ev", "x") }),
        ("emitter-of", { try await $0.of("/chat").emit("ev", "x") }),
        ("emitter-of-noslash", { try await $0.of("chat").to("room1").emit("ev", "x") }),
        ("emitter-volatile", { try await $0.volatile.emit("ev", "x") }),
        ("emitter-compress", { try await $0.compress(false).to("room1").emit("ev", "x") }),
        (
            "emitter-binary",
            { try await $0.emit("ev", SocketData([1, 2, 3]), ["b": .binary(SocketData("x".utf8))] as SocketValue) }
        ),
        ("emitter-socketsJoin", { try await $0.in("room1").socketsJoin("ej") }),
        ("emitter-socketsJoin-all-many", { try await $0.socketsJoin("ej1", "ej2") }),
        ("emitter-socketsLeave", { try await $0.except("room2").socketsLeave("ej", "ej1", "ej2") }),
        ("emitter-serverSideEmit", { try await $0.serverSideEmit("hello", "from emitter", 1) }),
        ("emitter-disconnectSockets", { try await $0.in("kick1").disconnectSockets() }),
        ("emitter-disconnectSockets-close", { try await $0.of("/chat").in("kick1").disconnectSockets(close: true) }),
    ]

    @Test("same channel, same bytes", arguments: ["emitter", "emitter-custom-key"])
    func calls(configuration: String) async throws {
        let published = Recorder<Published>()
        let emitter = RedisEmitter(
            key: configuration == "emitter" ? "socket.io" : "my:prefix",
            publish: { payload, channel in
                published.append(Published(channel: channel, payload: Array(payload.readableBytesView)))
                return 1
            })
        for (name, call) in Self.calls {
            let lines = Vectors.operation("\(configuration)/\(name)").filter(\.isPublish)
            guard !lines.isEmpty else { continue }
            published.removeAll()
            try await call(emitter)
            #expect(published.all == lines.map { Published(channel: $0.channel, payload: $0.payload) }, "\(name)")
        }
    }

    @Test("reserved names are refused")
    func reserved() async {
        let emitter = RedisEmitter(key: "k", publish: { _, _ in 0 })
        await #expect(throws: SocketError.self) { try await emitter.emit("connect") }
    }
}
