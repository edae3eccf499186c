// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Draining")
struct DrainTests {
    @Test("everybody is sent away with the reason of a shutdown", arguments: TestTransport.allCases)
    func reasons(transport: TestTransport) async throws {
        try await withServer { io, address in
            let reasons = Recorder<DisconnectReason>()
            io.onConnection { socket in socket.onDisconnect { reasons.append($0) } }
            let sockets = try await connect(6, to: address, transport: transport)
            #expect(!io.isDraining)
            await io.drain(over: .milliseconds(200))
            #expect(io.isDraining)
            #expect(try await reasons.waitFor(6) == Array(repeating: .serverShuttingDown, count: 6))
            #expect(io.engine.clientsCount == 0)
            // Not a DISCONNECT, after which the stock client would stay away.
            for socket in sockets {
                await #expect(throws: TestClientError.self) { try await socket.events.next() }
                #expect(try await Self.end(of: socket) != "DISCONNECT")
            }
            await #expect(throws: (any Error).self) { try await connect(1, to: address, transport: transport) }
        }
    }

    private static func end(of socket: TestSocket) async throws -> String {
        do {
            _ = try await socket.events.next()
            return "an event"
        } catch TestClientError.closed(let why) {
            return why
        }
    }

    @Test("what was sent before arrives first", arguments: TestTransport.allCases)
    func nothingSentIsLost(transport: TestTransport) async throws {
        try await withServer { io, address in
            let sockets = try await connect(4, to: address, transport: transport)
            for number in 0..<100 { io.emit("number", number) }
            await io.drain(over: .zero)
            for socket in sockets {
                for number in 0..<100 {
                    #expect(try await socket.next("number").arguments == [.number(Double(number))])
                }
            }
        }
    }

    @Test(
        "every event that was acknowledged was handled, whatever the drain cut off", arguments: TestTransport.allCases)
    func nothingAcceptedIsLost(transport: TestTransport) async throws {
        try await withServer { io, address in
            let handled = Recorder<String>()
            io.onConnection { socket in
                socket.on("store") { (entry: String) -> Bool in
                    handled.append(entry)
                    return true
                }
            }
            let sockets = try await connect(8, to: address, transport: transport)
            let accepted = Recorder<String>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (client, socket) in sockets.enumerated() {
                    group.addTask {
                        for number in 0... {
                            let entry = "\(client) \(number)"
                            guard (try? await socket.emitWithAck("store", .string(entry))) != nil else { return }
                            accepted.append(entry)
                        }
                    }
                }
                _ = try await accepted.waitFor(50)
                await io.drain(over: .milliseconds(300))
                try await group.waitForAll()
            }
            let all = handled.all
            #expect(Set(all).count == all.count)
            #expect(Set(accepted.all).isSubset(of: all))
            // At most the one that was under way when its session ended.
            #expect(all.count - accepted.count <= sockets.count)
        }
    }

    @Test("namespaces, rooms and packets are counted, dynamic namespaces together")
    func statistics() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.join("a")
                socket.on("x") { () -> Bool in true }
            }
            _ = io.of("/static")
            _ = io.of(/^\/made-\d+$/)
            let client = try await SocketTestClient.connect(to: address)
            let main = try await client.join()
            try await main.emitWithAck("x")
            for name in ["/static", "/made-1", "/made-2"] { try await client.join(name) }
            let statistics = await io.statistics()
            #expect(statistics.namespaces.map(\.label) == ["/", "/static", "dynamic"])
            #expect(statistics.namespaces.map(\.namespaces) == [1, 1, 2])
            #expect(statistics.namespaces.map(\.sockets) == [1, 1, 2])
            #expect(statistics.namespaces.map(\.rooms) == [1, 0, 0])
            #expect(statistics.received.reduce(0) { $0 + $1.events } == 1)
            #expect(statistics.shards.reduce(0) { $0 + $1.sessions } == 1)
        }
    }
}
