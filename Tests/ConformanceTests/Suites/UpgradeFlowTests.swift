// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

/// Upgrades while messages flow both ways: nothing is lost, doubled or reordered, on any number of event loops.
@Suite("Upgrade under traffic")
struct UpgradeFlowTests {
    private static let count = 400

    @Test("Echoed messages keep their order across the upgrade", arguments: [1, 2, 4])
    func echo(loops: Int) async throws {
        let configure: ServerUnderTest.Configure = {
            $0.pingInterval = .seconds(25)
            $0.pingTimeout = .seconds(20)
        }
        try await ServerUnderTest.engineEcho(loops: loops, configure: configure) { address in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask { try await Self.run(number, address) }
                }
                try await group.waitForAll()
            }
        }
    }

    static func run(_ number: Int, _ address: ServerAddress) async throws {
        let client = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: .polling)
        let sending = Task {
            for index in 0..<Self.count {
                if index % 7 == 3 {
                    try await client.send([UInt8(index & 0xFF), UInt8(index >> 8)])
                } else {
                    try await client.send("\(number)-\(index)")
                }
            }
        }
        let upgrading = Task { try await client.upgrade() }
        for index in 0..<Self.count {
            let expected: EngineTestMessage =
                index % 7 == 3 ? .binary([UInt8(index & 0xFF), UInt8(index >> 8)]) : .text("\(number)-\(index)")
            let received = try await client.messages.next()
            guard received == expected else {
                throw TestClientError.unexpected("\(received) instead of \(expected)")
            }
        }
        try await sending.value
        try await upgrading.value
        #expect(await client.transportName == "websocket")
        #expect(client.messages.count == 0)
        await client.close()
    }

    @Test("What the server sends by itself keeps its order across the upgrade", arguments: [1, 2, 4])
    func broadcasts(loops: Int) async throws {
        try await ServerUnderTest.socketIO(loops: loops) { io in
            io.onConnection { socket in
                socket.join("all")
                socket.on("say") { (text: String) in io.to("all").emit("said", text) }
            }
        } body: { address in
            let speaker = try await SocketTestClient.connect(to: address)
            let mouth = try await speaker.join()
            var listeners: [(client: SocketTestClient, socket: TestSocket)] = []
            for _ in 0..<8 {
                let client = try await SocketTestClient.connect(to: address, transport: .polling)
                listeners.append((client, try await client.join()))
            }
            let upgrading = listeners.map { listener in Task { try await listener.client.engine.upgrade() } }
            for index in 0..<Self.count { try await mouth.emit("say", .string("\(index)")) }
            for listener in listeners {
                for index in 0..<Self.count {
                    let event = try await listener.socket.events.next()
                    guard event == TestEvent("said", .string("\(index)")) else {
                        throw TestClientError.unexpected("\(event) instead of \(index)")
                    }
                }
            }
            for task in upgrading { try await task.value }
            for listener in listeners {
                #expect(await listener.client.engine.transportName == "websocket")
                #expect(listener.socket.events.count == 0)
                await listener.client.close()
            }
            await speaker.close()
        }
    }
}
