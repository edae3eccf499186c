// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Asynchronous handlers, and the end of the server.
@Suite("Handlers at the server's end", .timeLimit(.minutes(2)))
struct HandlersAtTheEndTests {
    @Test("close() waits for handlers, and for what sockets do at their end")
    func closeWaits() async throws {
        let (steps, gate) = (Recorder<String>(), Gate())
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("transfer") { () async throws in
                    defer { steps.append("end") }
                    steps.append("begin")
                    try await gate.pass()
                    steps.append("middle")
                }
                socket.onDisconnect { _ async in
                    for _ in 0..<10 { await Task.yield() }
                    steps.append("left")
                }
            }
            let client = try await connect(1, to: address)[0]
            try await client.emit("transfer")
            _ = try await steps.waitFor(1)
            let closing = Task {
                await io.close()
                steps.append("closed")
            }
            #expect(try await steps.waitFor(2) == ["begin", "left"])
            gate.open()
            await closing.value
            #expect(steps.all == ["begin", "left", "middle", "end", "closed"])
            #expect(io.runningHandlers == 0)
        }
    }

    @Test("handlers that take longer than the grace are cancelled, and run to their end")
    func grace() async throws {
        let ends = Recorder<Bool>()
        try await withServer({ $0.handlerGrace = .seconds(1) }) { io, address in
            let started = Recorder<Void>()
            io.onConnection { socket in
                socket.on("sleep") { () async throws in
                    defer { ends.append(Task.isCancelled) }
                    started.append(())
                    try await Task.sleep(for: .seconds(600))
                }
            }
            let clients = try await connect(3, to: address)
            for client in clients { try await client.emit("sleep") }
            _ = try await started.waitFor(3)
            let start = ContinuousClock.now
            await io.close()
            #expect(ContinuousClock.now - start >= .seconds(1))
            #expect(ends.all == [true, true, true])
        }
    }

    @Test("a handler that heeds no cancellation keeps its event loop until it has ended")
    func stubborn() async throws {
        let (steps, gate) = (Recorder<String>(), Gate())
        try await withServer({ $0.handlerGrace = .milliseconds(20) }) { io, address in
            io.onConnection { socket in
                socket.on("work") { () async in
                    steps.append("begin")
                    // A task of its own is not cancelled with the handler.
                    await Task { try? await gate.pass() }.value
                    steps.append("end")
                }
            }
            let client = try await connect(1, to: address)[0]
            try await client.emit("work")
            _ = try await steps.waitFor(1)
            await io.close()
            #expect(steps.all == ["begin"] && io.runningHandlers == 1)
            gate.open()
            #expect(try await steps.waitFor(2) == ["begin", "end"])
            try await eventually("nothing runs") { io.runningHandlers == 0 }
        }
    }

    @Test("close() and drain return in handlers, several at once", arguments: [1, 2])
    func closeInside(loops: Int) async throws {
        let steps = Recorder<String>()
        try await withServer(loops: loops, { $0.handlerGrace = .seconds(60) }) { io, address in
            io.onConnection { socket in
                socket.on("stop") { () async in
                    await io.close()
                    steps.append("closed")
                    await Task.yield()
                    steps.append("end")
                }
                socket.on("stop later") { () in
                    Task {
                        await io.close()
                        steps.append("closed")
                        steps.append("end")
                    }
                }
            }
            let clients = try await connect(4, to: address)
            // The first that is heard may end the connections of the others.
            try await clients[0].emit("stop")
            for client in clients[1...2] { try? await client.emit("stop") }
            try? await clients[3].emit("stop later")
            _ = try await steps.waitFor(1)
            await io.close()
            try await eventually("nothing runs") { io.runningHandlers == 0 }
            #expect(steps.all.count { $0 == "closed" } == steps.all.count { $0 == "end" })
        }
    }

    @Test("run() returns after the handler that has closed the server")
    func runWaits() async throws {
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.logger.logLevel = .critical
        let (io, steps, addresses) = (Server(configuration: configuration), Recorder<String>(), Recorder<Int>())
        io.onConnection { socket in
            socket.on("stop") { () async in
                await io.close()
                // Long enough to notice when nobody waits.
                let end = ContinuousClock.now + .milliseconds(300)
                while ContinuousClock.now < end, steps.count == 0 { await Task.yield() }
                steps.append("handler")
            }
        }
        let running = Task {
            try await io.run { addresses.append($0?.port ?? 0) }
            steps.append("run")
        }
        let address = ServerAddress(port: try await addresses.waitFor(1)[0])
        try await connect(1, to: address)[0].emit("stop")
        try await running.value
        #expect(steps.all == ["handler", "run"])
    }

    @Test("a drain waits for handlers; inside one it returns")
    func drain() async throws {
        let (steps, gate) = (Recorder<String>(), Gate())
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("work") { () async throws in
                    steps.append("begin")
                    try await gate.pass()
                    steps.append("end")
                }
                socket.on("drain") { () async in
                    steps.append("draining")
                    await io.drain(over: .zero)
                    steps.append("drained")
                }
            }
            let clients = try await connect(2, to: address)
            try await clients[0].emit("work")
            _ = try await steps.waitFor(1)
            try await clients[1].emit("drain")
            _ = try await steps.waitFor(2)
            try await eventually("the clients are away") { io.engine.clientsCount == 0 }
            // Refused one after the other, which takes longer than a drain that waits for nobody.
            for _ in 0..<100 { _ = try? await SocketTestClient.connect(to: address) }
            #expect(!steps.all.contains("drained"))
            gate.open()
            #expect(try await steps.waitFor(4) == ["begin", "draining", "end", "drained"])
        }
    }
}
