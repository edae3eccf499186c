// Part of socketio-server, MIT licence; see LICENSE.

import LoopConfinement
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Acknowledgements")
struct AcknowledgementTests {
    /// A server whose one client has connected.
    private func withPair(
        loops: Int = 2, _ change: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (Server, Socket, TestSocket) async throws -> Void
    ) async throws {
        try await withServer(loops: loops, change) { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let client = try await connect(1, to: address)[0]
            try await body(io, try await connected.next(), client)
        }
    }

    @Test("the server asks and the client answers, in all forms", arguments: loopCounts)
    func answers(loops: Int) async throws {
        try await withPair(loops: loops) { _, socket, client in
            client.answer("add") { arguments in
                guard case .number(let a) = arguments[0], case .number(let b) = arguments[1] else { return [] }
                return [.number(a + b), "extra"]
            }
            client.answer("nothing") { _ in [] }
            client.answer("bytes") { _ in [.binary([7])] }
            let sum = try await socket.emitWithAck("add", 1, 2, as: Int.self)
            #expect(sum == 3)
            #expect(try await socket.emitWithAck("add", 1, 2).values == [3, "extra"])
            #expect(try await socket.timeout(.seconds(5)).emitWithAck("add", 1, 2, as: Double.self) == 3)
            #expect(try await socket.emitWithAck("nothing", as: Int?.self) == nil)
            #expect(try await socket.emitWithAck("bytes", as: SocketData.self) == SocketData([7]))
            let called = Recorder<SocketValue>()
            socket.emit("add", 4, 5) { result in
                if case .success(let arguments) = result { called.append(arguments[0]) }
            }
            #expect(try await called.waitFor(1) == [9])
            await #expect(throws: SocketError.self) { try await socket.emitWithAck("add", 1, 2, as: Bool.self) }
            await #expect(throws: SocketError.self) { try await socket.emitWithAck("nothing", as: Int.self) }
        }
    }

    @Test("ids come from one counter per namespace, beginning at 0")
    func ids() async throws {
        try await withPair(loops: 1) { io, socket, client in
            client.answer("e") { _ in [1] }
            _ = try await socket.emitWithAck("e")
            _ = try await io.timeout(.seconds(5)).emitWithAck("e")
            _ = try await socket.emitWithAck("e")
            #expect(client.events.takeAll().map(\.ackID) == [0, 1, 2])
        }
    }

    @Test("a missing answer is a time-out, and the late answer is ignored")
    func timeout() async throws {
        try await withPair { _, socket, client in
            await #expect(throws: SocketError(.timeout, "operation has timed out")) {
                try await socket.timeout(.milliseconds(30)).emitWithAck("e", as: Int.self)
            }
            let event = try await client.next("e")
            try await client.acknowledge(event, 1)
            client.answer("f") { _ in [2] }
            #expect(try await socket.emitWithAck("f", as: Int.self) == 2)
        }
    }

    @Test(
        "without a time of its own an acknowledgement has that of the configuration, which can be changed",
        .timeLimit(.minutes(1)))
    func timeoutOfTheConfiguration() async throws {
        #expect(ServerConfiguration().acknowledgementTimeout == .seconds(60))
        var wanted = ServerConfiguration()
        try await withPair {
            $0.acknowledgementTimeout = .milliseconds(30)
            wanted = $0
        } _: { io, socket, client in
            let timeout = SocketError(.timeout, "operation has timed out")
            await #expect(throws: timeout) { try await socket.emitWithAck("e", as: Int.self) }
            await #expect(throws: timeout) { try await socket.compress(false).emitWithAck("e") }
            let failed = Recorder<SocketError?>()
            socket.emit("e") { result in
                if case .failure(let error) = result { failed.append(error as? SocketError) }
            }
            #expect(try await failed.waitFor(1) == [timeout])
            for _ in 0..<3 { _ = try await client.next("e") }

            // A time of its own counts, however short the other is.
            let answer = Task { try await socket.timeout(.seconds(60)).emitWithAck("mine", as: Int.self) }
            let event = try await client.next("mine")
            await #expect(throws: timeout) { try await socket.emitWithAck("e") }
            try await client.acknowledge(event, 5)
            #expect(try await answer.value == 5)

            // Nil: until the disconnection.
            wanted.acknowledgementTimeout = nil
            try io.reload(wanted)
            let endless = Task { try await socket.emitWithAck("endless") }
            _ = try await client.next("endless")
            let waiting = await socket.core.get { $0.client.shard.timers.count }
            #expect(waiting == 0)
            try await client.disconnect()
            await #expect(throws: SocketError.disconnected) { try await endless.value }
        }
    }

    @Test("the default time-out waits as long as it says, and an answer cancels it")
    func defaultTimeoutWaits() async throws {
        try await withPair(loops: 1) { _, socket, client in
            let waiting = Task { try await socket.emitWithAck("e", as: Int.self) }
            let event = try await client.next("e")
            let timers = { await socket.core.get { $0.client.shard.timers.deadlines } }
            let deadline = try #require(await timers().first)
            let left = deadline - .now()
            // Drawn when the event was sent, which is not long ago, but on a busy machine more than nothing.
            #expect(left <= .seconds(60) && left > .seconds(30))
            try await client.acknowledge(event, 1)
            #expect(try await waiting.value == 1)
            #expect(await timers().isEmpty)
        }
    }

    @Test("the end of the socket fails what is pending, at once")
    func disconnection() async throws {
        try await withPair { _, socket, client in
            let first = Task { try await socket.emitWithAck("e") }
            let second = Task { try await socket.timeout(.seconds(60)).emitWithAck("e") }
            _ = try await client.next("e")
            _ = try await client.next("e")
            try await client.disconnect()
            await #expect(throws: SocketError(.disconnected, "socket has been disconnected")) {
                _ = try await first.value
            }
            await #expect(throws: SocketError(.disconnected, "socket has been disconnected")) {
                _ = try await second.value
            }
            await #expect(throws: SocketError(.disconnected, "socket has been disconnected")) {
                try await socket.emitWithAck("after")
            }
        }
    }

    @Test("cancelling the task ends the wait", arguments: loopCounts)
    func cancellation(loops: Int) async throws {
        try await withPair(loops: loops) { _, socket, client in
            let waiting = Task { try await socket.emitWithAck("e") }
            let event = try await client.next("e")
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            try await client.acknowledge(event, 1)
            let cancelledBefore = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await socket.emitWithAck("never")
            }
            await #expect(throws: CancellationError.self) { try await cancelledBefore.value }
            client.answer("f") { _ in [2] }
            #expect(try await socket.emitWithAck("f", as: Int.self) == 2)
        }
    }

    @Test("pending acknowledgements are bounded")
    func limit() async throws {
        try await withPair {
            $0.maxPendingAcknowledgements = 2
        } _: { _, socket, client in
            let results = Recorder<SocketError.Code?>()
            for _ in 0..<3 {
                socket.emit("e") { result in
                    if case .failure(let error) = result { results.append((error as? SocketError)?.code) }
                }
            }
            #expect(try await results.waitFor(1) == [.tooManyPendingAcknowledgements])
            try await client.disconnect()
            #expect(try await results.waitFor(3).suffix(2) == [.disconnected, .disconnected])
        }
    }

    @Test("answers to nothing, twice, or with ids of others are ignored")
    func strayAnswers() async throws {
        try await withServer { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let clients = [
                try await SocketTestClient.connect(to: address), try await SocketTestClient.connect(to: address),
            ]
            let first = try await clients[0].join()
            let socket = try await connected.next()
            let second = try await clients[1].join()
            async let answer = socket.emitWithAck("e", as: Int.self)
            let event = try await first.next("e")
            try await clients[1].engine.send("3\(event.ackID ?? 0)[99]")
            try await clients[1].engine.send("3")
            try await clients[0].engine.send("39007199254740991[1]")
            try await first.acknowledge(event, 1)
            try await first.acknowledge(event, 2)
            #expect(try await answer == 1)
            io.emit("still here")
            _ = try await first.next("still here")
            _ = try await second.next("still here")
        }
    }

    /// What answers is used again for later events, but not while somebody has it.
    @Test("a kept acknowledgement stays that of its own event", arguments: loopCounts)
    func keptAcknowledgements(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let kept = Recorder<Ack<Int>>()
            io.onConnection { socket in
                socket.on("keep") { (ack: Ack<Int>) in kept.append(ack) }
                socket.on("answer and keep") { (number: Int, ack: Ack<Int>) in
                    ack(number)
                    kept.append(ack)
                }
                socket.on("answer") { (number: Int, ack: Ack<Int>) in ack(number) }
                socket.on("answer all") { (number: Int, ack: Ack<Int>) in
                    for other in kept.all { other(-1) }
                    ack(number)
                }
                socket.on("answer elsewhere") { (number: Int, ack: Ack<Int>) async in
                    for other in kept.all { other(-2) }
                    await Task.detached { ack(number) }.value
                }
            }
            let clients = try await connect(2, to: address)
            async let first = clients[0].emitWithAck("keep")
            _ = try await kept.waitFor(1)
            for round in 0..<20 {
                let client = clients[round % 2]
                #expect(try await client.emitWithAck("answer", .number(Double(round))) == [.number(Double(round))])
                #expect(
                    try await client.emitWithAck("answer and keep", .number(Double(round))) == [.number(Double(round))])
            }
            #expect(try await clients[0].emitWithAck("answer all", 100) == [100])
            #expect(try await first == [-1])
            for round in 0..<20 {
                let client = clients[round % 2]
                #expect(
                    try await client.emitWithAck("answer elsewhere", .number(Double(round))) == [.number(Double(round))]
                )
                #expect(try await client.emitWithAck("answer", .number(Double(round))) == [.number(Double(round))])
            }
        }
    }

    @Test("one of any values is a parameter of handlers of all forms", arguments: loopCounts)
    func anyValues(loops: Int) async throws {
        try await withPair(loops: loops) { _, socket, client in
            socket.on("find") { (name: String, ack: DynamicAck) in
                if name == "Ada" { ack(1, true) } else { ack("unknown") }
            }
            socket.on("slowly") { (ack: DynamicAck?, name: String) async throws in
                await Task.yield()
                ack?(name)
            }
            let texts = Recorder<String>()
            socket.onAny { _, arguments in texts.append("\(arguments)") }
            socket.on("raw") { (arguments: EventArguments, ack: DynamicAck) async throws in
                await Task.yield()
                guard ack.isRequested else { throw EventError("nobody waits") }
                ack(relaying: arguments)
            }
            let found = try await client.emitWithAck("find", "Ada")
            #expect(found == [1, true])
            let missing = try await client.emitWithAck("find", "Bob")
            #expect(missing == ["unknown"])
            let late = try await client.emitWithAck("slowly", "x")
            #expect(late == ["x"])
            let relayed = try await client.emitWithAck("raw", 1, [2], .binary([3]))
            #expect(relayed == [1, [2], .binary([3])])
            try await client.emit("long", .string(String(repeating: "x", count: 1_000)))
            let written = try await texts.waitFor(5)
            #expect(written[0] == #"["Ada"]"#)
            #expect(written[3] == #"[1,[2],{"_placeholder":true,"num":0}]"#)
            #expect(written[4].hasPrefix(#"["xxx"#) && written[4].hasSuffix("x…") && written[4].utf8.count < 510)
        }
    }

    @Test("an acknowledgement after the end goes nowhere", arguments: loopCounts)
    func acknowledgeLate(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let acks = Inbox<Ack<Int>>("an ack")
            for name in ["/", "/a"] {
                io.of(name).onConnection { socket in
                    socket.on("keep") { (ack: Ack<Int>) in acks.push(ack) }
                    socket.on("answer") { (ack: Ack<Int>) in ack(2) }
                }
            }
            // By hand: every message of the session is looked at.
            let client = try await EngineTestClient.connect(to: address, transport: .websocket)
            func join(_ namespace: String) async throws {
                try await client.send("0\(namespace)")
                let answer = try await client.messages.next()
                guard case .text(let text) = answer, text.hasPrefix("0\(namespace){") else {
                    throw TestClientError.unexpected("\(answer)")
                }
            }
            for namespace in ["", "/a,"] { try await join(namespace) }
            try await client.send(#"2/a,7["keep"]"#)
            let left = try await acks.next()
            #expect(left.isRequested)
            try await client.send("1/a,")
            try await eventually("it has left") { io.of("/a").socketCount == 0 }
            // Back under the same name: the old acknowledgement is not that of the new socket either.
            try await join("/a,")
            left(1)
            try await client.send(#"28["answer"]"#)
            #expect(try await client.messages.next() == .text("38[2]"))
            try await client.send(#"2/a,9["answer"]"#)
            #expect(try await client.messages.next() == .text("3/a,9[2]"))
            // After the end of the session.
            try await client.send(#"210["keep"]"#)
            let last = try await acks.next()
            await client.close()
            try await eventually("gone") { io.engine.clientsCount == 0 }
            last(1)
            let next = try await connect(1, to: address)[0]
            #expect(try await next.emitWithAck("answer") == [2])
        }
    }

    // MARK: Broadcasts

    @Test("a broadcast collects the first argument of every answer", arguments: loopCounts)
    func broadcast(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            io.onConnection { $0.join("room") }
            let clients = try await connect(6, to: address)
            for (index, client) in clients.enumerated() {
                client.answer("number") { _ in [.number(Double(index)), "ignored"] }
            }
            let all = try await io.timeout(.seconds(5)).emitWithAck("number", as: Int.self)
            #expect(all.sorted() == [0, 1, 2, 3, 4, 5])
            let some = try await io.to("room").except(clients[0].id).timeout(.seconds(5)).emitWithAck("number", "x")
            #expect(some.compactMap { $0[0].int }.sorted() == [1, 2, 3, 4, 5])
            #expect(try await io.to("nobody").emitWithAck("number", as: Int.self) == [])
            let called = Recorder<Int>()
            io.local.emit("number") { result in
                if case .success(let answers) = result { called.append(answers.count) }
            }
            #expect(try await called.waitFor(1) == [6])
        }
    }

    @Test("a broadcast that times out has the answers there are", arguments: loopCounts)
    func partial(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let clients = try await connect(3, to: address)
            clients[0].answer("e") { _ in ["yes"] }
            do {
                _ = try await io.timeout(.milliseconds(100)).emitWithAck("e", as: String.self)
                Issue.record("no error")
            } catch let error as BroadcastAckError {
                #expect(error.message == "operation has timed out")
                #expect(error.missing.count == 2)
                #expect(
                    error.description
                        == "operation has timed out (1 answered; \(error.missing.joined(separator: ", ")) did not)")
                #expect(try error.responses(as: String.self) == ["yes"])
            }
            // The late answers find nothing, and the pending ones are forgotten.
            let event = try await clients[1].next("e")
            try await clients[1].acknowledge(event, "late")
            clients[1].answer("f") { _ in [1] }
            clients[0].answer("f") { _ in [1] }
            clients[2].answer("f") { _ in [1] }
            #expect(try await io.emitWithAck("f", as: Int.self) == [1, 1, 1])
        }
    }

    @Test("clients that go before they answer end the wait early and are named", arguments: loopCounts)
    func missing(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let clients = try await connect(3, to: address)
            clients[0].answer("e") { _ in [1] }
            let result = Task { try await io.timeout(.seconds(60)).emitWithAck("e", as: Int.self) }
            for client in clients.dropFirst() {
                _ = try await client.next("e")
                try await client.disconnect()
            }
            do {
                _ = try await result.value
                Issue.record("no error")
            } catch let error as BroadcastAckError {
                #expect(Set(error.missing) == [clients[1].id, clients[2].id])
                #expect(error.responses.count == 1)
                #expect(error.message == "socket has been disconnected")
            }
        }
    }

    @Test("a broadcast waits no longer than the default when none is given")
    func defaultTimeout() async throws {
        try await withServer {
            $0.broadcastAcknowledgementTimeout = .milliseconds(30)
        } _: { io, address in
            _ = try await connect(1, to: address)
            await #expect(throws: BroadcastAckError.self) { try await io.emitWithAck("e") }
        }
    }
}
