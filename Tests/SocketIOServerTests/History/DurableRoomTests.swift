// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// What a test says about small rooms: 100 events, 64 KiB.
func smallRooms(_ namespace: String, _ room: String) -> RoomHistoryLimits? {
    room == "small" ? RoomHistoryLimits(maxEvents: 100, maxBytes: 65_536) : RoomHistoryLimits()
}

@Suite("Rooms with a history on one server", .timeLimit(.minutes(2)))
struct DurableRoomTests {
    private func run(_ check: AdapterContract.Check, recovery: Bool) async throws {
        try await check.run(
            AdapterUnderTest(servers: 1) { _, configuration in
                configuration.durableRooms = DurableRooms()
                configuration.durableRooms?.limitsOfRoom = smallRooms
                if recovery { configuration.connectionStateRecovery = ConnectionStateRecovery() }
            })
    }

    @Test("contract", arguments: AdapterContract.durableRooms.filter(\.worksAlone))
    func contract(check: AdapterContract.Check) async throws { try await run(check, recovery: false) }

    @Test("A joiner and a returning client, while sessions can be continued, too")
    func recovery() async throws {
        // With recovery the offset comes behind the position, so the contract does not read these events.
        try await withServer(loops: 2) {
            $0.durableRooms = DurableRooms()
            $0.connectionStateRecovery = ConnectionStateRecovery()
        } _: { io, address in
            io.onConnection { socket async throws in
                let since = socket.handshake.auth["since"]?.string.flatMap { RoomPosition($0) }
                try await socket.replay("r", since: since.map { .position($0) } ?? .beginning)
            }
            let client = RecoveringClient(address)
            try await client.connect()
            for number in 1...3 { try await io.to("r").durable.emit("n", number) }
            io.to("r").emit("other")
            try await client.waitFor(4)
            // Durable events and others have no order between each other.
            let events = await client.received.filter { $0.name == "n" }
            #expect(events.map { $0.arguments.count } == [3, 3, 3])
            let position = try #require(events.last?.arguments.dropLast().last?.string.flatMap { RoomPosition($0) })
            #expect(position.number == 3)
            try await client.cut()
            for number in 4...6 { try await io.to("r").durable.emit("n", number) }
            io.to("r").emit("other")
            try await client.connect(auth: ["since": .string("\(position)")])
            #expect(await client.recovered)
            try await client.waitFor(8)
            try await io.to("r").durable.emit("n", 7)
            try await client.waitFor(9)
            // Recovery sends what is in no history, the replay everything else: each once.
            #expect(await client.arguments("n") == [1, 2, 3, 4, 5, 6, 7])
            #expect(await client.received.filter { $0.name == "other" }.count == 2)
        }
    }

    @Test("Clients of every kind get the position", arguments: TestTransport.allCases)
    func transports(transport: TestTransport) async throws {
        try await withServer(loops: 2) {
            $0.durableRooms = DurableRooms()
        } _: { io, address in
            io.onConnection { socket async throws in try await socket.replay("r", since: .beginning) }
            try await io.to("r").durable.emit("n", 1)
            let clients = try await connect(2, to: address, transport: transport)
            try await io.to("r").durable.emit("n", 2)
            for client in clients {
                for number in 1...2 {
                    let event = try await client.next("n")
                    #expect(event.arguments[0] == .number(Double(number)))
                    #expect(event.arguments[1].string?.hasSuffix("-\(number)") == true)
                }
            }
        }
    }

    @Test("A slow client delays its own replay only, and gets everything")
    func slowClient() async throws {
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
            $0.durableRooms?.limits = RoomHistoryLimits(maxBytes: 64 << 20)
            $0.engine.slowClientBytes = 64 * 1024
        } _: { io, address in
            let done = Recorder<RoomReplay>()
            io.onConnection { socket async throws in
                done.append(try await socket.replay("r", since: .beginning))
            }
            let text = String(repeating: "x", count: 20_000)
            for _ in 1...300 { try await io.to("r").durable.emit("n", text) }
            let slow = try await connect(1, to: address)[0]
            for _ in 1...300 { _ = try await slow.next("n") }
            try await eventually("the replay is over") { done.all.count == 1 }
            #expect(done.all.first?.events == 300)
        }
    }

    @Test("Events that are kept, replayed and missed are counted")
    func metrics() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in try await count(metrics) }
    }

    private func count(_ metrics: CountedMetrics) async throws {
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
            $0.durableRooms?.limitsOfRoom = { _, _ in RoomHistoryLimits(maxEvents: 2) }
        } _: { io, address in
            let (client, socket) = try await Self.pair(io, address)
            for number in 1...5 { try await io.to("r").durable.emit("n", number) }
            #expect(metrics["socketio_history_events_total"] == 5)
            #expect(try await socket.replay("r", since: .beginning).events == 2)
            #expect(metrics["socketio_history_replayed_total"] == 2)
            #expect(metrics["socketio_history_missed_total"] == 0)

            // This server hears of the first event and of the fifth. Of those between them the history has the fourth.
            let newest = try await io.to("x").durable.emit("n", 1)
            for number in 2...5 { try await io.to("x").durable.emit("n", number) }
            socket.join("x")
            try await eventually("it has joined") { socket.rooms.contains("x") }
            let (feeds, _) = try io.sockets.durableRooms("x")
            for number: UInt64 in [1, 5] {
                feeds.kept(
                    LiveEvent(
                        room: "x", position: RoomPosition(epoch: newest.epoch, number: number),
                        content: EventToKeep(event: "n", data: try .event("n"))))
            }
            try await eventually("counted") { metrics["socketio_history_missed_total"] == 2 }
            #expect(metrics["socketio_history_failures_total"] == 0)
            _ = client
        }
    }

    @Test("Limits of replays, one over each, and their metrics")
    func limits() async throws {
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
            $0.durableRooms?.maxReplayEvents = 10
            $0.durableRooms?.maxReplays = 1
            $0.durableRooms?.maxWaitingReplays = 0
        } _: { io, address in
            let (client, socket) = try await Self.pair(io, address)
            for number in 1...10 { try await io.to("r").durable.emit("n", number) }
            #expect(try await socket.replay("r", since: .beginning).events == 10)
            socket.leave("r")
            try await eventually("it has left") { !socket.rooms.contains("r") }
            try await io.to("r").durable.emit("n", 11)
            await Self.expect(.tooLarge) { try await socket.replay("r", since: .beginning) }
            try await eventually("it is out again") { !socket.rooms.contains("r") }
            #expect(io.context.metrics.refusals(.replayEvents) == 1)
            #expect(try await socket.replay("r", since: .last(10)).events == 10)
            await Self.expect(.invalidArguments) { _ = try await io.history(of: "r", limit: 0) }
            // No page is larger, the one that is asked for without a number included.
            for page in [try await io.history(of: "r"), try await io.history(of: "r", limit: 11)] {
                #expect(page.events.map(\.position.number) == Array(2...11) && page.hasMore)
            }
            let histories = try #require(io.context.histories)
            try await histories.gate.run {
                await Self.expect(.overloaded) { try await socket.replay("r", since: .last(1)) }
                await Self.expect(.overloaded) { _ = try await io.history(of: "r", limit: 5) }
            }
            #expect(io.context.metrics.refusals(.replays) == 2)
            #expect(histories.gate.load.working == 0)
            _ = client
        }
    }

    @Test("A replay of a room that is under way, or of a socket that has gone, is refused")
    func refusedReplays() async throws {
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
            $0.durableRooms?.maxReplays = 1
        } _: { io, address in
            let (client, socket) = try await Self.pair(io, address)
            let histories = try #require(io.context.histories)
            let waiting = Recorder<Task<RoomReplay, any Error>>()
            try await histories.gate.run {
                let first = Task { try await socket.replay("r", since: .beginning) }
                waiting.append(first)
                try await eventually("the first waits") { histories.gate.load.waiting == 1 }
                await Self.expect(.notSupported) { try await socket.replay("r", since: .beginning) }
                // Live events wait with it.
                try await io.to("r").durable.emit("n", 1)
                let second = Task { try await socket.replay("s", since: .beginning) }
                try await eventually("the second waits") { histories.gate.load.waiting == 2 }
                second.cancel()
                await #expect(throws: CancellationError.self) { try await second.value }
                try await eventually("it has left") { !socket.rooms.contains("s") }
            }
            #expect(try await waiting.all.first?.value.events == 1)
            #expect(try await client.next("n").arguments[0] == 1)
            try await client.disconnect()
            try await eventually("it has gone") { socket.disconnected }
            await Self.expect(.disconnected) { try await socket.replay("r", since: .beginning) }
        }
    }

    @Test("Without the setting, or for other rooms than it names, there is no history")
    func notConfigured() async throws {
        try await withServer(loops: 1) { io, address in
            await Self.expect(.notSupported) { try await io.to("r").durable.emit("n") }
            await Self.expect(.notSupported) { _ = try await io.history(of: "r") }
        }
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
            $0.durableRooms?.limitsOfRoom = { namespace, room in
                switch room {
                case "kept": RoomHistoryLimits()
                case "wrong": RoomHistoryLimits(maxEvents: 0)
                default: nil
                }
            }
        } _: { io, address in
            _ = try await io.to("kept").durable.emit("n")
            await Self.expect(.notSupported) { try await io.to("other").durable.emit("n") }
            await Self.expect(.invalidConfiguration) { try await io.to("wrong").durable.emit("n") }
        }
    }

    static func pair(_ io: Server, _ address: ServerAddress) async throws -> (TestSocket, Socket) {
        let client = try await connect(1, to: address)[0]
        return (client, try #require(await io.sockets.socket(client.id)))
    }

    static func expect(
        _ code: SocketError.Code, _ body: () async throws -> Void
    ) async {
        do {
            try await body()
            Issue.record("expected \(code)")
        } catch {
            #expect((error as? SocketError)?.code == code, "\(error)")
        }
    }
}
