// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Synchronization
import Testing

@testable import SocketIOServer

/// Asynchronous handlers: how many there may be, and what becomes of them when their socket or the server ends.
@Suite("Running handlers", .timeLimit(.minutes(2)))
struct RunningHandlerTests {
    /// How many are running, and were at most.
    private final class Count: Sendable {
        private let running = Atomic(0)
        private let most = Atomic(0)
        var now: Int { running.load(ordering: .relaxed) }
        var maximum: Int { most.load(ordering: .relaxed) }

        func enter() {
            let count = running.wrappingAdd(1, ordering: .relaxed).newValue
            most.max(count, ordering: .relaxed)
        }

        func leave() { running.wrappingSubtract(1, ordering: .relaxed) }
    }

    @Test("a client with too many waits, others do not", arguments: TestTransport.allCases)
    func limit(transport: TestTransport) async throws {
        try await withServer(loops: 1, { $0.maxRunningHandlers = 4 }) { io, address in
            let (count, gate, order) = (Count(), Gate(), Recorder<Int>())
            io.onConnection { socket in
                socket.on("work") { (number: Int) async throws in
                    order.append(number)
                    count.enter()
                    try await gate.pass()
                    count.leave()
                }
                socket.on("echo") { (value: Int) in value }
            }
            let busy = try await SocketTestClient.connect(to: address, transport: transport).join()
            let other = try await SocketTestClient.connect(to: address).join()
            // A polling client's POST is answered when the client is read again.
            let sending = Task { for number in 0..<40 { try await busy.emit("work", .number(Double(number))) } }
            try await eventually("the limit is reached") { count.now >= 4 }
            // The one client is not read, the other is.
            for number in 0..<50 { _ = try await other.emitWithAck("echo", .number(Double(number))) }
            #expect(count.now <= 5)
            #expect(io.context.metrics.refusals(.runningHandlers) == 1)
            for _ in 0..<40 { gate.open() }
            #expect(try await order.waitFor(40) == Array(0..<40))
            try await eventually("all have ended") { count.now == 0 }
            try await sending.value
            #expect(count.maximum <= 5)
            #expect(io.runningHandlers == 0)
            // The client is read again.
            #expect(try await busy.emitWithAck("echo", 1) == [1])
        }
    }

    @Test("one handler that ends lets the next begin")
    func oneByOne() async throws {
        try await withServer(loops: 1, { $0.maxRunningHandlers = 1 }) { io, address in
            let done = Recorder<Int>()
            io.onConnection { socket in
                socket.on("work") { (number: Int) async in
                    await Task.yield()
                    done.append(number)
                }
            }
            let client = try await connect(1, to: address)[0]
            for number in 0..<10 { try await client.emit("work", .number(Double(number))) }
            #expect(try await done.waitFor(10) == Array(0..<10))
        }
    }

    @Test(
        "the handlers of a socket are cancelled at its disconnection, if that is asked for", arguments: [true, false])
    func cancelledAtDisconnect(cancels: Bool) async throws {
        try await withServer({ $0.cancelsHandlersAtDisconnect = cancels }) { io, address in
            let (started, ended, gate) = (Recorder<Void>(), Recorder<Bool>(), Gate())
            let left = Recorder<Bool>()
            io.onConnection { socket in
                socket.on("work") { () async in
                    defer { ended.append(Task.isCancelled) }
                    started.append(())
                    try? await gate.pass()
                }
                socket.on("leave") { () async in
                    socket.disconnect()
                    // The first suspension makes the task known to the loop, which cancels it then.
                    let end = ContinuousClock.now + .seconds(10)
                    repeat { await Task.yield() } while cancels && !Task.isCancelled && ContinuousClock.now < end
                    left.append(Task.isCancelled)
                }
                socket.onDisconnect { _ async in
                    await Task.yield()
                    left.append(Task.isCancelled)
                }
            }
            let client = try await connect(1, to: address)[0]
            let other = try await connect(1, to: address)[0]
            try await client.emit("work")
            try await other.emit("work")
            _ = try await started.waitFor(2)
            try await client.emit("leave")
            // The handler that left is cancelled like the other, the listener for the end is not.
            #expect(try await left.waitFor(2).filter { $0 }.count == (cancels ? 1 : 0))
            if cancels {
                #expect(try await ended.waitFor(1) == [true])
                // That of the other socket goes on.
                _ = try await io.fetchSockets()
                #expect(ended.count == 1)
            }
            for _ in 0..<2 { gate.open() }
            #expect(try await ended.waitFor(2).last == false)
        }
    }

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
        try await withServer({ $0.handlerGrace = .milliseconds(50) }) { io, address in
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
            #expect(ContinuousClock.now - start >= .milliseconds(50))
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
