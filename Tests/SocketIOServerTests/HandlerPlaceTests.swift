// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Synchronization
import Testing

@testable import SocketIOServer

/// Where asynchronous handlers run: on the loop up to their first suspension, elsewhere after it.
/// One after the other: two of them hold a thread of the pool each, and a machine with two cores has no more.
@Suite("Where handlers run", .timeLimit(.minutes(3)), .serialized)
struct HandlerPlaceTests {
    /// An actor as applications have them.
    private actor Calculator {
        /// Keeps its thread until somebody says that the loop has gone on, half a minute at most.
        func compute(until isReleased: borrowing Atomic<Bool>) -> Bool {
            let end = ContinuousClock.now + .seconds(30)
            while !isReleased.load(ordering: .acquiring) {
                if ContinuousClock.now > end { return false }
            }
            return true
        }

        func add(_ left: Int, _ right: Int) -> Int { left + right }
    }

    /// An actor that lives on an event loop.
    private actor LoopActor {
        private nonisolated let executor: any SerialExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init(_ eventLoop: any EventLoop) { executor = eventLoop.executor }

        func emit(_ value: Int, to socket: Socket) { socket.emit("n", value) }
    }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }

    @Test("an actor that computes for a long time delays nobody else")
    func actor() async throws {
        try await withServer(loops: 1) { io, address in
            let (calculator, isHeard, begun) = (Calculator(), Flag(), Recorder<Void>())
            io.onConnection { socket in
                socket.on("compute") { () async -> Bool in
                    begun.append(())
                    return await calculator.compute(until: isHeard.value)
                }
                socket.on("echo") { (number: Int) in number }
            }
            let clients = try await connect(2, to: address)
            async let computed = clients[0].emitWithAck("compute", within: .seconds(60))
            _ = try await begun.waitFor(1)
            for number in 0..<20 {
                #expect(try await clients[1].emitWithAck("echo", .int(number), within: .seconds(60)) == [.int(number)])
            }
            isHeard.value.store(true, ordering: .releasing)
            // It has gone on until the echoes were there, not until its deadline.
            #expect(try await computed == [true])
        }
    }

    @Test("every kind of asynchronous function starts on the loop and leaves it")
    func kinds() async throws {
        try await withServer(loops: 1) { io, address in
            let places = Recorder<String>()
            let loop = io.context.shards[0].eventLoop
            @Sendable
            func look(_ name: String) async {
                let start = loop.inEventLoop
                // The loop can complete this future only after the handler has given it back. After a yield or a short
                // sleep the runtime may go on at once, on the same thread.
                try? await loop.submit {}.get()
                places.append("\(name) \(start) \(loop.inEventLoop)")
            }
            _ = io.of { name, _ in
                await look("matcher")
                return name == "/matched"
            }
            io.use { _ in await look("middleware") }
            io.onConnection { _ async in await look("connection") }
            io.onConnection { socket in
                socket.use { _ in await look("event middleware") }
                socket.on("void") { () async in await look("void") }
                socket.on("answer") { () async -> Bool in
                    await look("answer")
                    return true
                }
                socket.once("once") { () async in await look("once") }
                socket.onAny { _, _ in places.append("any \(loop.inEventLoop)") }
                socket.on("sync") { () in places.append("sync \(loop.inEventLoop)") }
                socket.onError { _ in places.append("error \(loop.inEventLoop)") }
                socket.on("fail") { () async throws in
                    await look("fail")
                    throw EventError("no")
                }
                socket.onDisconnect { _ async in await look("disconnect") }
            }
            io.sockets.on("server") { () async in await look("server event") }
            try await loop.submit {
                let arguments = try EncodedArguments.unchecked("server").received(offset: 1)
                io.sockets.serverEvents.deliver("server", arguments, answer: nil)
            }.get()
            let client = try await SocketTestClient.connect(to: address)
            _ = try await client.join("/matched")
            let socket = try await client.join()
            for event in ["void", "once", "sync"] { try await socket.emit(event) }
            #expect(try await socket.emitWithAck("answer") == [true])
            let refused: [TestValue] = [["error": ["message": "no"]]]
            #expect(try await socket.emitWithAck("fail") == refused)
            try await socket.disconnect()
            try await eventually("all, not \(places.all)") { places.all.contains { $0.hasPrefix("disconnect") } }
            try await eventually("no handler runs") { io.runningHandlers == 0 }
            let all = places.all
            let asynchronous = [
                "server event", "matcher", "middleware", "connection", "event middleware", "void", "answer", "once",
                "fail",
                "disconnect",
            ]
            for name in asynchronous { #expect(all.contains("\(name) true false"), "\(name)") }
            for name in ["sync", "any", "error"] { #expect(all.contains("\(name) true"), "\(name)") }
            for name in asynchronous + ["sync", "any", "error"] {
                #expect(!all.contains("\(name) true true") && !all.contains("\(name) false"), "\(name)")
            }
        }
    }

    private static func isolatedToNothing(_ loop: any EventLoop) async -> Bool { loop.inEventLoop }
    nonisolated(nonsending) private static func ofItsCaller(_ loop: any EventLoop) async -> Bool { loop.inEventLoop }
    @concurrent private static func concurrent(_ loop: any EventLoop) async -> Bool { loop.inEventLoop }

    /// As the guide says: such a call alone is no suspension.
    @Test("nonisolated functions run on the loop before the first suspension, and elsewhere after it")
    func functions() async throws {
        try await withServer(loops: 1) { io, address in
            let loop = io.context.shards[0].eventLoop
            @Sendable
            func look() async -> [Bool] {
                [await Self.isolatedToNothing(loop), await Self.ofItsCaller(loop), await Self.concurrent(loop)]
            }
            io.onConnection { socket in
                socket.on("look") { () async -> [Bool] in
                    let before = await look()
                    try? await loop.submit {}.get()
                    return before + (await look())
                }
            }
            let client = try await connect(1, to: address)[0]
            #expect(try await client.emitWithAck("look") == [[true, true, true, false, false, false]])
        }
    }

    @Test("what one handler sends stays in order, before and after its suspensions", arguments: loopCounts)
    func order(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let calculator = Calculator()
            io.onConnection { socket in
                socket.on("go") { (round: Int) async -> String in
                    let elsewhere = LoopActor(socket.eventLoop)
                    socket.emit("n", 0)
                    socket.join("room \(round)")
                    io.to("room \(round)").emit("n", 1)
                    await Task.yield()
                    socket.emit("n", 2)
                    io.emit("n", 3)
                    socket.leave("room \(round)")
                    io.to("room \(round)").emit("n", -1)
                    socket.join("again \(round)")
                    io.to("again \(round)").emit("n", 4)
                    socket.emit("n", await calculator.add(2, 3))
                    // On the loop for a moment, where calls act at once.
                    await elsewhere.emit(6, to: socket)
                    socket.compress(false).emit("n", 7)
                    socket.emit("n", 8, ack: { _ in })
                    return "end"
                }
            }
            for transport in TestTransport.allCases {
                let client = try await connect(1, to: address, transport: transport)[0]
                for round in 0..<30 {
                    #expect(try await client.emitWithAck("go", .int(round)) == ["end"])
                    // In front of the acknowledgement, which was sent last.
                    var numbers: [TestValue] = []
                    for _ in 0...8 { numbers += try await client.next("n").arguments.prefix(1) }
                    #expect(numbers == (0...8).map { .int($0) })
                }
                #expect(client.events.count == 0)
                try await client.disconnect()
            }
        }
    }

    @Test("events that wait for middlewares reach the handlers in order, on the loop", arguments: loopCounts)
    func middlewares(loops: Int) async throws {
        let count = 3_000
        try await withServer(loops: loops, { $0.maxWaitingEvents = count }) { io, address in
            let (numbers, gate) = (Recorder<Int>(), Gate())
            io.onConnection { socket in
                socket.use { event in
                    let number = event.arguments[0].int ?? 0
                    if number == 0 { try await gate.pass() }
                    if number % 7 == 3 { await Task.yield() }
                    if number % 5 == 4 { throw EventError("not this one") }
                }
                socket.on("n") { (number: Int) in
                    socket.eventLoop.assertInEventLoop()
                    numbers.append(number)
                }
            }
            let client = try await connect(1, to: address)[0]
            for number in 0..<count { try await client.emit("n", .int(number)) }
            gate.open()
            let expected = (0..<count).filter { $0 % 5 != 4 }
            #expect(try await numbers.waitFor(expected.count) == expected)
            try await eventually("no middleware runs") { io.runningHandlers == 0 }
        }
    }

    @Test("ten thousand handlers at once, all answered")
    func many() async throws {
        try await withServer(loops: 2, { $0.maxRunningHandlers = 2_000 }) { io, address in
            let gate = Gate()
            io.onConnection { socket in
                socket.on("wait") { (number: Int) async throws -> Int in
                    try await gate.pass()
                    return number
                }
            }
            let clients = try await connect(10, to: address)
            try await withThrowingTaskGroup { group in
                for client in clients {
                    for number in 0..<1_000 {
                        group.addTask {
                            let answer = try await client.emitWithAck("wait", .int(number), within: .seconds(120))
                            #expect(answer == [.int(number)])
                        }
                    }
                }
                try await eventually("all run", within: .seconds(60)) { io.runningHandlers == 10_000 }
                for _ in 0..<10_000 { gate.open() }
                try await group.waitForAll()
            }
            try await eventually("all have ended") { io.runningHandlers == 0 }
        }
    }

    @Test("the end of the server waits for what a handler computes elsewhere", arguments: [true, false])
    func ends(drains: Bool) async throws {
        let (steps, isReleased, calculator) = (Recorder<String>(), Flag(), Calculator())
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("compute") { () async in
                    steps.append("begin")
                    let isDone = await calculator.compute(until: isReleased.value)
                    steps.append("computed \(isDone)")
                }
            }
            let client = try await connect(1, to: address)[0]
            try await client.emit("compute")
            _ = try await steps.waitFor(1)
            let ending = Task {
                if drains { await io.drain(over: .zero) } else { await io.close() }
                steps.append("ended")
            }
            try await eventually("the client is away") { io.engine.clientsCount == 0 || io.sockets.socketCount == 0 }
            isReleased.value.store(true, ordering: .releasing)
            await ending.value
            #expect(steps.all == ["begin", "computed true", "ended"])
        }
    }

    @Test("an acknowledgement that many threads want to send is sent once")
    func contested() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("race") { (number: Int, ack: Ack<Int>) async in
                    await withTaskGroup { group in
                        for _ in 0..<8 { group.addTask { ack(number) } }
                        // On the loop, among them.
                        socket.eventLoop.execute { ack(number) }
                    }
                }
                socket.on("echo") { (number: Int) in number }
            }
            let client = try await connect(1, to: address)[0]
            for number in 0..<300 {
                #expect(try await client.emitWithAck("race", .int(number)) == [.int(number)])
                #expect(try await client.emitWithAck("echo", .int(-number)) == [.int(-number)])
            }
        }
    }
}
