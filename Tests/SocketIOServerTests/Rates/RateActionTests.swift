// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// What the server does when a client exceeds a rate, over real connections.
@Suite("Rates: actions")
struct RateActionTests {
    /// Ten events at once, and one a second later.
    static func limits(_ action: RateLimits.Action, burst: Int = 10) -> RateLimits {
        .limits(action, burst: burst) { $0.session.eventsPerSecond = 1 }
    }

    @Test("dropped: what is over the burst, and nothing else", arguments: TestTransport.allCases)
    func drop(transport: TestTransport) async throws {
        let left = Recorder<DisconnectReason>()
        let start = ContinuousClock.now
        // The upgrade and pongs are packets of the engine, which may use up some.
        try await withCountingServer(
            Self.limits(.drop, burst: 40), { socket in socket.onDisconnect { reason in left.append(reason) } }
        ) { _, address, numbers in
            let socket = try await connect(1, to: address, transport: transport)[0]
            for number in 0..<100 { try await socket.emit("n", .int(number)) }
            // A DISCONNECT is never dropped, so all packets before it have been handled then.
            try await socket.disconnect()
            _ = try await left.waitFor(1)
            // On a busy machine one more gets through with every second.
            let seconds = Int((ContinuousClock.now - start) / .seconds(1)) + 1
            #expect(Array(numbers.all.prefix(38)) == Array(0..<38) && numbers.all == numbers.all.sorted())
            #expect((38...42 + seconds).contains(numbers.count))
        }
    }

    @Test("delayed: nothing is lost, and the rate holds", arguments: TestTransport.allCases, [1, 2])
    func delay(transport: TestTransport, loops: Int) async throws {
        let limits = RateLimits.limits(.delay, burst: 1) { $0.session.eventsPerSecond = 100 }
        try await withCountingServer(limits, loops: loops) { _, address, numbers in
            let socket = try await connect(1, to: address, transport: transport)[0]
            let start = ContinuousClock.now
            for number in 0..<300 { try await socket.emit("n", .int(number)) }
            #expect(try await numbers.waitFor(300) == Array(0..<300))
            // 100 at once, the other 200 at 100 a second; less those that came back before the clock was read.
            #expect(ContinuousClock.now - start > .milliseconds(1_700))
        }
    }

    @Test("who stays within the burst is not delayed, warned, nor cut", arguments: RateLimits.Action.allCases)
    func within(action: RateLimits.Action) async throws {
        try await withCountingServer(Self.limits(action, burst: 51)) { io, address, numbers in
            let socket = try await connect(1, to: address)[0]
            for number in 0..<50 { try await socket.emit("n", .int(number)) }
            #expect(try await numbers.waitFor(50) == Array(0..<50))
            for shard in io.context.shards {
                let held = await shard.perform { shard in
                    shard.engine.handlers(as: Client.self).contains { $0.session.isInputHeld }
                }
                #expect(!held)
            }
            #expect(socket.events.count == 0 && !socket.events.isFinished)
        }
    }

    @Test("warned: the client hears which rate, once a second, and its events are handled")
    func warn() async throws {
        try await withCountingServer(Self.limits(.warn)) { _, address, numbers in
            let socket = try await connect(1, to: address)[0]
            for number in 0..<60 { try await socket.emit("n", .int(number)) }
            #expect(try await numbers.waitFor(60) == Array(0..<60))
            let event = try await socket.next("rate_limited")
            guard case .object(let members)? = event.arguments.first else {
                Issue.record("\(event)")
                return
            }
            #expect(members["kind"] == "events")
            #expect(members["scope"] == "session")
            #expect(members["retryAfterMs"]?.int ?? 0 > 0)
        }
    }

    @Test("disconnected: the session ends with a reason", arguments: TestTransport.allCases)
    func disconnect(transport: TestTransport) async throws {
        let reasons = Recorder<DisconnectReason>()
        try await withCountingServer(
            Self.limits(.disconnect), { socket in socket.onDisconnect { reason in reasons.append(reason) } }
        ) { _, address, numbers in
            let socket = try await connect(1, to: address, transport: transport)[0]
            for number in 0..<40 { try? await socket.emit("n", .int(number)) }
            #expect(try await reasons.waitFor(1) == [.forcedServerClose])
            #expect(numbers.count <= 10)
            // A new session begins anew.
            let again = try await connect(1, to: address)[0]
            try await again.emit("n", .int(1_000))
            try await eventually("the new session") { numbers.all.contains(1_000) }
        }
    }

    @Test("bytes: a burst holds the largest message at least")
    func bytes() async throws {
        let limits = RateLimits.limits(.drop, burst: 1) { $0.session.bytesPerSecond = 10 }
        let received = Recorder<Int>()
        try await withServer({
            $0.rates = limits
            $0.engine.maxHttpBufferSize = 50_000
        }) { io, address in
            io.onConnection { socket in
                socket.on("text") { (text: String) in received.append(text.utf8.count) }
                socket.on("data") { (data: [UInt8]) in received.append(data.count) }
            }
            let socket = try await connect(1, to: address)[0]
            try await socket.emit("text", .string(String(repeating: "x", count: 49_000)))
            try await socket.emit("text", .string(String(repeating: "x", count: 2_000)))
            try await socket.emit("text", .string(String(repeating: "x", count: 400)))
            #expect(try await received.waitFor(2) == [49_000, 400])
        }
    }

    @Test("connects: refused over the rate, and later let in")
    func connects() async throws {
        let limits = RateLimits.limits(.drop, burst: 1) { $0.session.connectsPerSecond = 3 }
        try await withServer({ $0.rates = limits }) { io, address in
            for number in 0..<5 { _ = io.of("/\(number)") }
            let client = try await SocketTestClient.connect(to: address)
            for number in 0..<3 { _ = try await client.join("/\(number)") }
            let reason = await refusal { try await client.join("/3") }
            #expect(reason == ["message": "Too many connections to namespaces"])
            try await eventually("a second later") { await refusal { try await client.join("/4") } == nil }
        }
    }

    @Test("joins: refused over the rate, told to the error listeners, and the room of the id is free")
    func joins() async throws {
        let limits = RateLimits.limits(.drop, burst: 5) { $0.session.joinsPerSecond = 1 }
        let (rooms, errors) = (Recorder<Int>(), Recorder<String>())
        try await withServer({ $0.rates = limits }) { io, address in
            io.onConnection { socket in
                socket.onError { error in errors.append("\(error)") }
                for number in 0..<8 { socket.join("room \(number)") }
                rooms.append(socket.rooms.count)
            }
            _ = try await connect(1, to: address)
            #expect(try await rooms.waitFor(1) == [6])
            #expect(try await errors.waitFor(3).allSatisfy { $0.contains("more rooms in a second") })
        }
    }

    @Test("joins: delayed, all are done and the next event waits")
    func delayedJoins() async throws {
        let limits = RateLimits.limits(.delay, burst: 1) { $0.session.joinsPerSecond = 20 }
        let times = Recorder<NIODeadline>()
        try await withServer({ $0.rates = limits }) { io, address in
            io.onConnection { socket in
                socket.on("join") { (count: Int) in
                    for number in 0..<count { socket.join("room \(number)") }
                    times.append(.now())
                }
                socket.on("next") { () -> Int in
                    times.append(.now())
                    return socket.rooms.count
                }
            }
            let socket = try await connect(1, to: address)[0]
            try await socket.emit("join", 40)
            #expect(try await socket.emitWithAck("next") == [41])
            let all = times.all
            // Twenty are over the rate, which is a second.
            #expect(all[1] - all[0] > .milliseconds(800))
        }
    }

    @Test("questions: an asynchronous handler's are counted, those of the application not")
    func questions() async throws {
        let limits = RateLimits.limits(.drop, burst: 5) { $0.session.questionsPerSecond = 1 }
        try await withServer({ $0.rates = limits }) { io, address in
            io.onConnection { socket in
                socket.on("who") { () async throws -> Int in try await io.fetchSockets().count }
                socket.on("later") { () async throws -> Int in
                    try await Task.sleep(for: .milliseconds(1))
                    return try await Task { try await io.count() }.value
                }
                socket.on("here") { () async throws -> Int in try await io.local.fetchSockets().count }
            }
            let socket = try await connect(1, to: address)[0]
            var answers: [[TestValue]] = []
            for _ in 0..<4 { answers.append(try await socket.emitWithAck("who")) }
            #expect(answers == Array(repeating: [1], count: 4))
            #expect(try await socket.emitWithAck("later") == [1])
            let refused: [TestValue] = [["error": ["message": "internal error"]]]
            #expect(try await socket.emitWithAck("who") == refused)
            #expect(try await socket.emitWithAck("later") == refused)
            // Nobody else is asked for these.
            #expect(try await socket.emitWithAck("here") == [1])
            for _ in 0..<20 { #expect(try await io.fetchSockets().count == 1) }
            let other = try await connect(1, to: address)[0]
            #expect(try await other.emitWithAck("who") == [2])
        }
    }
}

extension RateActionTests {
    @Test("questions of handlers that have left the loop, in calls that do not wait")
    func questionsElsewhere() async throws {
        let limits = RateLimits.limits(.drop, burst: 5) { $0.session.questionsPerSecond = 1 }
        let start = ContinuousClock.now
        try await withServer({ $0.rates = limits }) { io, address in
            let results = Recorder<Bool>()
            io.onConnection { socket in
                socket.on("ask") { () async in
                    await Task.yield()
                    io.local.emit("local", ack: { _ in })
                    io.except("nobody").emit("who", ack: { result in results.append((try? result.get()) != nil) })
                }
            }
            let socket = try await connect(1, to: address)[0]
            socket.answer("who") { _ in [] }
            socket.answer("local") { _ in [] }
            for number in 0..<20 {
                try await socket.emit("ask")
                _ = try await results.waitFor(number + 1)
            }
            // The sixth is the first over the rate, and tells it to the next.
            #expect(results.all.prefix(5) == [true, true, true, true, true])
            let seconds = Int((ContinuousClock.now - start) / .seconds(1)) + 1
            #expect(results.all.suffix(10).count { $0 } <= min(seconds, 9))
        }
    }
}

extension TestValue {
    static func int(_ number: Int) -> TestValue { .number(Double(number)) }

    /// The number, if it is a whole one.
    var int: Int? {
        guard case .number(let number) = self else { return nil }
        return Int(exactly: number)
    }
}
