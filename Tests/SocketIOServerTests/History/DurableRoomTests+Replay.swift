// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOCore
import SocketIOTesting
import Synchronization
import Testing

@testable import SocketIOServer

/// A history that does something before each page that replays read after a number.
private final class HookedHistory: RoomHistory {
    private let base: any RoomHistory
    private let hook: @Sendable (_ read: Int) async throws -> Void
    private let count = Atomic(0)

    var reads: Int { count.load(ordering: .relaxed) }

    init(_ base: any RoomHistory, _ hook: @escaping @Sendable (_ read: Int) async throws -> Void) {
        self.base = base
        self.hook = hook
    }

    func listen(in namespace: String, _ receiver: any RoomHistoryReceiver) { base.listen(in: namespace, receiver) }

    func append(
        _ event: EventToKeep, to room: String, in namespace: String, _ limits: RoomHistoryLimits, seen: RoomPosition?
    ) async throws(SocketError) -> RoomPosition {
        try await base.append(event, to: room, in: namespace, limits, seen: seen)
    }

    func read(
        _ query: RoomQuery, of room: String, in namespace: String, count: Int, bytes: Int, _ limits: RoomHistoryLimits
    ) async throws(SocketError) -> RoomPage {
        if case .after = query {
            let number = self.count.add(1, ordering: .relaxed).newValue
            do { try await hook(number) } catch { throw SocketError(.historyUnavailable, "the hook: \(error)") }
        }
        return try await base.read(query, of: room, in: namespace, count: count, bytes: bytes, limits)
    }
}

extension DurableRoomTests {
    private static func hook(
        _ io: Server, _ hook: @escaping @Sendable (_ read: Int) async throws -> Void
    ) throws -> HookedHistory {
        let history = HookedHistory(try #require(io.context.histories).memory, hook)
        io.sockets.local.share(history)
        return history
    }

    private static func numbers(_ client: TestSocket, _ count: Int) async throws -> [Int] {
        var found: [Int] = []
        while found.count < count {
            guard case .number(let number)? = try await client.next("n").arguments.first else { continue }
            found.append(Int(number))
        }
        return found
    }

    @Test("A socket that leaves during a replay and begins another one gets the events of the second, once")
    func leavingDuringReplay() async throws {
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
        } _: { io, address in
            let gates = [Gate(), Gate()]
            let history = try Self.hook(io) { read in
                if read <= gates.count { try await gates[read - 1].pass() }
            }
            let (client, socket) = try await Self.pair(io, address)
            for number in 1...3 { try await io.to("r").durable.emit("n", number) }
            let first = Task { try await socket.replay("r", since: .beginning) }
            try await eventually("the first reads") { history.reads == 1 }
            socket.leave("r")
            let second = Task { try await socket.replay("r", since: .beginning) }
            try await eventually("the second reads") { history.reads == 2 }
            gates[0].open()
            await Self.expect(.disconnected) { _ = try await first.value }
            gates[1].open()
            #expect(try await second.value.events == 3)
            try await io.to("r").durable.emit("n", 4)
            #expect(try await Self.numbers(client, 4) == [1, 2, 3, 4])
            #expect(socket.rooms.contains("r"))
        }
    }

    /// In each case 300 events are there when the replay begins, and 280 more come before the read with this number.
    @Test(
        "Events that the history drops during a replay make it incomplete",
        arguments: [("beginning", 2, false), ("position", 2, false), ("position", 1, false), ("beginning", 1, true)])
    func droppedDuringReplay(start: String, read: Int, isComplete: Bool) async throws {
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
            $0.durableRooms?.limits = RoomHistoryLimits(maxEvents: 300)
        } _: { io, address in
            let (client, socket) = try await Self.pair(io, address)
            var newest: RoomPosition?
            for number in 1...300 { newest = try await io.to("r").durable.emit("n", number) }
            _ = try Self.hook(io) { number in
                guard number == read else { return }
                for number in 301...580 { try await io.to("r").durable.emit("n", number) }
            }
            let epoch = try #require(newest?.epoch)
            let replay = try await socket.replay(
                "r", since: start == "position" ? .position(RoomPosition(epoch: epoch, number: 0)) : .beginning)
            #expect(replay.isComplete == isComplete)
            #expect(replay.position?.number == 580)
            let expected = (read == 2 ? Array(1...256) : []) + Array(281...580)
            #expect(replay.events == expected.count)
            #expect(try await Self.numbers(client, expected.count) == expected)
        }
    }

    @Test("Clients that do not read keep nobody from a replay, and get theirs when they read again")
    func clientsThatDoNotRead() async throws {
        try await withServer(loops: 1) {
            $0.durableRooms = DurableRooms()
            $0.durableRooms?.limits = RoomHistoryLimits(maxBytes: 64 << 20)
            $0.durableRooms?.maxReplays = 1
            $0.engine.slowClientBytes = 64 * 1024
            $0.engine.slowClientTimeout = .seconds(3_600)
            $0.engine.httpCompression = nil
        } _: { io, address in
            let done = Recorder<RoomReplay>()
            io.onConnection { socket async throws in
                done.append(try await socket.replay("r", since: .beginning))
            }
            let text = String(repeating: "x", count: 20_000)
            for _ in 1...300 { try await io.to("r").durable.emit("n", text) }
            // Asks for nothing after it has joined.
            let path = "/socket.io/?EIO=4&transport=polling"
            let connection = try await HTTPTestConnection.connect(to: address)
            let open = try await connection.request(HTTPTestRequest("GET", path)).text.split(separator: "\"")
            try #require(open.count > 3)
            let target = path + "&sid=" + open[3]
            _ = try await connection.request(
                HTTPTestRequest(
                    "POST", target, headers: [("Content-Type", "text/plain;charset=UTF-8")], body: Array("40".utf8)))
            let gate = try #require(io.context.histories).gate
            try await eventually("its replay waits for it") { gate.paused == 1 }
            #expect(gate.load.working == 0)
            let other = try await connect(1, to: address)[0]
            for _ in 1...300 { _ = try await other.next("n") }
            #expect(try await io.history(of: "r", limit: 1).events.count == 1)
            #expect(try await done.waitFor(1).map(\.events) == [300] && gate.paused == 1)
            var count = 0
            while count < 300 {
                let packets = try await connection.request(HTTPTestRequest("GET", target)).text
                count += packets.split(separator: "\u{1e}").count { $0.hasPrefix("42") }
            }
            #expect(try await done.waitFor(2).map(\.events) == [300, 300])
            #expect(gate.paused == 0 && gate.load.working == 0)
        }
    }

    @Test("Members that have only joined get all of many events that are sent at the same time, in order")
    func concurrentEvents() async throws {
        try await withServer(loops: 2) {
            $0.durableRooms = DurableRooms()
        } _: { io, address in
            let (client, socket) = try await Self.pair(io, address)
            let (rooms, each) = (0..<50, 8)
            for room in rooms { socket.join("\(room)") }
            try await eventually("it has joined") { socket.rooms.count == rooms.count + 1 }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for room in rooms {
                    for _ in 1...each { group.addTask { try await io.to("\(room)").durable.emit("n", room) } }
                }
                try await group.waitForAll()
            }
            var found: [Int: [UInt64]] = [:]
            for _ in 0..<(rooms.count * each) {
                let arguments = try await client.next("n").arguments
                guard case .number(let room)? = arguments.first else { continue }
                let position = try #require(arguments.last?.string.flatMap { RoomPosition($0) })
                found[Int(room), default: []].append(position.number)
            }
            for room in rooms { #expect(found[room] == Array(1...UInt64(each))) }
        }
    }

    @Test("Only the first call begins to sweep", arguments: [(true, true), (true, false), (false, true)])
    func sweeping(keepsRooms: Bool, keepsSessions: Bool) async throws {
        try await withServer(loops: 1) {
            if keepsRooms { $0.durableRooms = DurableRooms() }
            if keepsSessions { $0.connectionStateRecovery = ConnectionStateRecovery() }
        } _: { io, _ in
            // Listening has begun it.
            #expect(io.beginSweeping() == false)
        }
    }
}
