// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Synchronization
import Testing

@testable import SocketIOServer

/// Asynchronous handlers: how many there may be, and what becomes of them when their socket ends.
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

    @Test("so is the middleware of an event, although no handler runs", arguments: [true, false])
    func middlewareCancelledAtDisconnect(cancels: Bool) async throws {
        try await withServer({ $0.cancelsHandlersAtDisconnect = cancels }) { io, address in
            let (started, ended, gate) = (Recorder<Void>(), Recorder<Bool>(), Gate())
            io.onConnection { socket in
                socket.use { _ in
                    defer { ended.append(Task.isCancelled) }
                    started.append(())
                    try? await gate.pass()
                }
            }
            let client = try await connect(1, to: address)[0]
            try await client.emit("work")
            _ = try await started.waitFor(1)
            try await client.disconnect()
            try await eventually("the socket has gone") { io.sockets.socketCount == 0 }
            if !cancels {
                #expect(ended.count == 0)
                gate.open()
            }
            #expect(try await ended.waitFor(1) == [cancels])
        }
    }

    @Test("so is the middleware of a namespace whose client goes before it has decided", arguments: [true, false])
    func connectMiddlewareCancelled(cancels: Bool) async throws {
        try await withServer({ $0.cancelsHandlersAtDisconnect = cancels }) { io, address in
            let (started, ended, gate) = (Recorder<Void>(), Recorder<Bool>(), Gate())
            io.use { _ in
                defer { ended.append(Task.isCancelled) }
                started.append(())
                try? await gate.pass()
            }
            let client = try await EngineTestClient.connect(to: address)
            try await client.send("0")
            _ = try await started.waitFor(1)
            await client.close()
            try await eventually("the session has gone") { io.engine.clientsCount == 0 }
            if !cancels {
                #expect(ended.count == 0)
                gate.open()
            }
            #expect(try await ended.waitFor(1) == [cancels])
            #expect(io.sockets.socketCount == 0)
        }
    }
}
