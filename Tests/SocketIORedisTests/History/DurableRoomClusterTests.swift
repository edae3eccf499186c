// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import MetricTesting
import NIOCore
import ProcessTesting
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIORedis
@testable import SocketIOServer

/// Rooms with a history in a real Redis, over all kinds of adapters.
@Suite("Rooms with a history over Redis", .enabled(if: RedisServer.isInstalled), .serialized, .timeLimit(.minutes(3)))
struct DurableRoomClusterTests {
    enum Kind: String, CaseIterable, Sendable {
        case classic, streams, sharded

        var configuration: RedisClusterConfiguration {
            var configuration = RedisClusterConfiguration()
            switch self {
            case .classic: break
            case .streams: configuration.streams = RedisStreams()
            case .sharded: configuration.sharded = ShardedPubSub()
            }
            return configuration
        }
    }

    private static func limits(_ namespace: String, _ room: String) -> RoomHistoryLimits? {
        switch room {
        case "small": RoomHistoryLimits(maxEvents: 100, maxBytes: 65_536)
        case "short": RoomHistoryLimits(maxAge: .seconds(1))
        default: RoomHistoryLimits()
        }
    }

    private func adapter(
        _ kind: Kind, _ redis: RedisServer, servers: Int = 3, via connection: RedisConfiguration? = nil
    ) -> AdapterUnderTest {
        AdapterUnderTest(servers: servers) { number, configuration in
            configuration.engine.nodeTag = "nod\(number)"
            configuration.durableRooms = DurableRooms()
            configuration.durableRooms?.limitsOfRoom = Self.limits
            let cluster = try RedisCluster(
                redis: connection ?? redis.configuration, configuration: kind.configuration)
            configuration.adapter = cluster.adapter
        }
    }

    @Test("contract", arguments: AdapterContract.durableRooms, Kind.allCases)
    func contract(check: AdapterContract.Check, kind: Kind) async throws {
        let redis = try await RedisServer.started()
        try await check.run(adapter(kind, redis))
    }

    private func withDurableNodes(
        _ redis: RedisServer, _ count: Int = 2, _ body: ([Server], [ServerAddress], [RedisCluster]) async throws -> Void
    ) async throws {
        var (servers, addresses, clusters): ([Server], [ServerAddress], [RedisCluster]) = ([], [], [])
        do {
            for number in 0..<count {
                var configuration = ServerConfiguration()
                configuration.eventLoops = 1
                configuration.logger = silentLogger
                configuration.engine.logger = silentLogger
                configuration.engine.nodeTag = "nod\(number)"
                configuration.durableRooms = DurableRooms()
                configuration.durableRooms?.limitsOfRoom = Self.limits
                let cluster = try RedisCluster(redis: redis.configuration)
                configuration.adapter = cluster.adapter
                let io = Server(configuration: configuration)
                servers.append(io)
                io.onConnection { socket async throws in
                    let since = socket.handshake.auth["since"]?.string.flatMap { RoomPosition($0) }
                    try await socket.replay("r", since: since.map { .position($0) } ?? .beginning)
                }
                addresses.append(ServerAddress(port: try #require(try await io.listen()?.port)))
                clusters.append(cluster)
            }
            for cluster in clusters { try await cluster.waitUntilUp(within: .seconds(20)) }
            try await body(servers, addresses, clusters)
        } catch {
            for server in servers { await server.close() }
            throw error
        }
        for server in servers { await server.close() }
    }

    private func member(_ address: ServerAddress) async throws -> TestSocket {
        try await SocketTestClient.connect(to: address).join()
    }

    @Test("What a node does not hear while its subscription is broken comes afterwards, in order, each once")
    func brokenSubscription() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis) { servers, addresses, _ in
            let clients = [try await member(addresses[0]), try await member(addresses[1])]
            let total = 300
            for number in 1...total {
                try await servers[number % 2].to("r").durable.emit("n", number)
                if number.isMultiple(of: 60) { _ = try await admin.run("CLIENT", "KILL", "TYPE", "pubsub") }
            }
            for client in clients {
                for number in 1...total { #expect(try await client.next("n").arguments[0] == .number(Double(number))) }
            }
        }
        await admin.close()
    }

    @Test("Also when nothing is sent after the outage")
    func lastEvents() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis) { servers, addresses, _ in
            let client = try await member(addresses[1])
            try await servers[0].to("r").durable.emit("n", 1)
            _ = try await client.next("n")
            for round in 1...5 {
                async let kill = admin.run("CLIENT", "KILL", "TYPE", "pubsub")
                for number in 1...10 { try await servers[0].to("r").durable.emit("n", 10 * round + number) }
                _ = try await kill
                for number in 1...10 {
                    #expect(try await client.next("n").arguments[0] == .number(Double(10 * round + number)))
                }
            }
        }
        await admin.close()
    }

    @Test("Commands whose connection breaks are repeated, and the event is kept once")
    func repeated() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis) { servers, addresses, _ in
            let client = try await member(addresses[1])
            for number in 1...100 {
                async let position = servers[0].to("r").durable.emit("n", number)
                if number.isMultiple(of: 10) {
                    _ = try await admin.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                }
                #expect(try await position.number == UInt64(number))
                #expect(try await client.next("n").arguments[0] == .number(Double(number)))
            }
            #expect(try await servers[0].history(of: "r", limit: 1_000).events.count == 100)
        }
        await admin.close()
    }

    @Test("A lost Redis is an error for the caller, and a returned one goes on; an emptied one begins a new history")
    func outage() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in try await outage(metrics) }
    }

    private func outage(_ metrics: CountedMetrics) async throws {
        let redis = try await RedisServer.started(["appendonly yes", "appendfsync always"])
        try await withDurableNodes(redis) { servers, addresses, clusters in
            let client = try await member(addresses[1])
            let first = try await servers[0].to("r").durable.emit("n", 1)
            _ = try await client.next("n")
            redis.stop()
            await #expect(throws: SocketError.self) { try await servers[0].to("r").durable.emit("n", 2) }
            #expect(metrics["socketio_history_events_total"] == 1)
            #expect(metrics["socketio_history_failures_total"] == 1)
            await #expect(throws: SocketError.self) { _ = try await servers[1].history(of: "r") }
            try await redis.start()
            for cluster in clusters { try await cluster.waitUntilUp(within: .seconds(20)) }
            let second = try await servers[0].to("r").durable.emit("n", 2)
            #expect(second.epoch == first.epoch && second.number == 2)
            #expect(try await client.next("n").arguments[0] == 2)
            let admin = try await redis.admin()
            _ = try await admin.run("FLUSHALL")
            await admin.close()
            let third = try await servers[0].to("r").durable.emit("n", 3)
            #expect(third.epoch != first.epoch && third.number == 1)
            #expect(try await client.next("n").arguments[0] == 3)
            let again = try await SocketTestClient.connect(to: addresses[0]).join(
                "/", auth: ["since": .string("\(second)")])
            #expect(try await again.next("n").arguments[0] == 3)
        }
    }

    @Test("A Redis that has forgotten the last events, as after a failover, gives no position twice")
    func failover() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis) { servers, addresses, _ in
            let client = try await member(addresses[0])
            for number in 1...5 {
                try await servers[0].to("r").durable.emit("n", number)
                _ = try await client.next("n")
            }
            let state = "socket.io-room:{1:/r}:state"
            _ = try await admin.run("HSET", state, "n", "3")
            _ = try await admin.run("XDEL", "socket.io-room:{1:/r}:events", "4-0", "5-0")
            #expect(try await servers[0].to("r").durable.emit("n", 6).number == 6)
            #expect(try await client.next("n").arguments[0] == 6)
        }
        await admin.close()
    }

    @Test("Age is a limit for rooms that nobody writes to, too; their positions stay valid")
    func age() async throws {
        let redis = try await RedisServer.started()
        try await withDurableNodes(redis, 1) { servers, _, _ in
            let first = try await servers[0].to("short").durable.emit("n", 1)
            #expect(try await servers[0].history(of: "short").events.count == 1)
            try await eventually("it is too old") { try await servers[0].history(of: "short").events.isEmpty }
            let second = try await servers[0].to("short").durable.emit("n", 2)
            #expect(second.epoch == first.epoch && second.number == 2)
        }
    }

    @Test("A stream that has expired is not counted against the limit of bytes afterwards")
    func expired() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis, 1) { servers, _, _ in
            let text = String(repeating: "x", count: 20_000)
            for _ in 1...3 { try await servers[0].to("small").durable.emit("n", text) }
            let events = "socket.io-room:{1:/small}:events"
            // As when nobody has written for longer than the age of events.
            _ = try await admin.run("PEXPIRE", events, "1")
            try await eventually("it has expired") { try await admin.run("EXISTS", events).integerValue == 0 }
            for number in 4...5 {
                #expect(try await servers[0].to("small").durable.emit("n", text).number == UInt64(number))
            }
            #expect(try await servers[0].history(of: "small").events.map(\.position.number) == [4, 5])
        }
        await admin.close()
    }

    @Test("Entries of somebody else are removed, logged and counted, and the history goes on")
    func foreignEntries() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis, 1) { servers, addresses, clusters in
            let client = try await member(addresses[0])
            let socket = try #require(await servers[0].sockets.socket(client.id))
            func add(_ id: String, to room: String, _ fields: [String]) async throws {
                try await admin.run(words: ["XADD", "socket.io-room:{1:/\(room)}:events", id] + fields)
            }
            func numbers(_ room: String) async throws -> [Int] {
                try await servers[0].history(of: room).events.map { try $0.arguments.decode(Int.self) }
            }
            let ours = ["t", "9999999999999", "k", "x", "p", "no event"]
            let cases: [(room: String, id: String, fields: [String])] = [
                ("above", "500-0", ours), ("far", "18446744073709551615-18446744073709551615", ours),
                ("part", "3-5", ours), ("names", "500-0", ["a", "b"]),
                ("time", "500-0", ["t", "x", "k", "x", "p", "x"]),
                ("more", "500-0", ours + ["q", "r"]), ("order", "500-0", ["p", "x", "k", "x", "t", "1"]),
            ]
            for (room, id, fields) in cases {
                for number in 1...3 { try await servers[0].to(room).durable.emit("n", number) }
                // Found by a read.
                var before = clusters[0].statistics.invalid
                try await add(id, to: room, fields)
                #expect(try await numbers(room) == [1, 2, 3], "\(room)")
                try await eventually("counted once") { clusters[0].statistics.invalid == before + 1 }
                #expect(try await numbers(room) == [1, 2, 3], "\(room)")
                // In the way of the next number.
                before = clusters[0].statistics.invalid
                try? await add(id, to: room, fields)
                #expect(try await servers[0].to(room).durable.emit("n", 4).number == 4, "\(room)")
                try await add(room == "part" ? "4-5" : "600-0", to: room, fields)
                #expect(try await servers[0].to(room).durable.emit("n", 5).number == 5, "\(room)")
                #expect(try await numbers(room) == [1, 2, 3, 4, 5], "\(room)")
                try await eventually("counted") { clusters[0].statistics.invalid > before }
                for (start, count) in [(ReplayStart.beginning, 5), (.last(2), 2), (.last(0), 0)] {
                    socket.leave(room)
                    #expect(try await socket.replay(room, since: start).events == count, "\(room)")
                }
            }
            // A stream without one event of its own, and one that begins with others.
            let noTimes = ["1e15", "nan", "inf", "0x7fffffffffff", "9999999999999999"].map {
                ["t", $0, "k", "x", "p", "x"]
            }
            let beginnings = [("zero", "0-5", ours), ("beyond", "500-0", ours)] + noTimes.map { ($0[1], "2-0", $0) }
            for (room, id, fields) in beginnings {
                for number in 1...3 { try await servers[0].to(room).durable.emit("n", number) }
                _ = try await admin.run("DEL", "socket.io-room:{1:/\(room)}:events")
                try await add(id, to: room, fields)
                #expect(try await numbers(room) == [], "\(room)")
                #expect(try await servers[0].to(room).durable.emit("n", 4).number == 4)
                #expect(try await numbers(room) == [4])
            }
            for number in 1...50 { try await add("0-\(number)", to: "many", ours) }
            #expect(try await servers[0].to("many").durable.emit("n", 1).number == 1)
            #expect(try await numbers("many") == [1])
            // A stream whose state is lost has no history.
            try await add("0-5", to: "bare", ours)
            #expect(try await servers[0].history(of: "bare").newest == nil)
            #expect(try await socket.replay("bare", since: .beginning).events == 0)
        }
        await admin.close()
    }

    @Test("A number that a node has seen counts so far above the newest one, and no further")
    func seenNumbers() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        let commands = RoomHistoryCommands(key: "socket.io", isSharded: false)
        let bytes = StoredRoomEvent.encode(
            EventToKeep(event: "n", data: EncodedArguments(json: ByteBuffer(string: #"["n"]"#), attachments: [])))
        func append(_ room: String, seen: RoomPosition?) async throws -> RoomPosition? {
            RoomHistoryCommands.position(
                try await admin.execute(
                    commands.append(
                        bytes, to: room, in: "/", RoomHistoryLimits(), seen: seen, token: "t", isRepetition: false)))
        }
        let epoch = try #require(try await append("r", seen: nil)?.epoch)
        let step = RoomPosition.maximumStep
        for (seen, number) in [
            (1 + step, 2 + step), (3 + 2 * step, 3 + step), (RoomPosition.maximumNumber, 4 + step), (1, 5 + step),
        ] {
            #expect(try await append("r", seen: RoomPosition(epoch: epoch, number: seen))?.number == number)
        }
        _ = try await admin.run("HSET", "socket.io-room:{1:/r}:state", "n", "\(RoomPosition.maximumNumber - 1)")
        #expect(try await append("r", seen: nil)?.number == RoomPosition.maximumNumber)
        await #expect(throws: RedisError.self) { try await append("r", seen: nil) }
        await admin.close()
    }

    @Test("An announcement with a huge number changes no position, and hides no event")
    func foreignAnnouncement() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            let redis = try await RedisServer.started()
            let admin = try await redis.admin()
            try await withDurableNodes(redis) { servers, addresses, _ in
                let client = try await member(addresses[1])
                let first = try await servers[0].to("r").durable.emit("n", 1)
                _ = try await client.next("n")
                let event = StoredRoomEvent.encode(
                    EventToKeep(
                        event: "n", data: EncodedArguments(json: ByteBuffer(string: #"["n",0]"#), attachments: [])))
                for number in [RoomPosition.maximumNumber, 2 + RoomPosition.maximumStep] {
                    let head = "\(first.epoch.text) \(number) 1 1\n/r"
                    _ = try await admin.publish("socket.io-room#", Array(head.utf8) + Array(event.readableBytesView))
                }
                try await eventually("they are counted") { metrics["socketio_history_rejected_total"] ?? 0 >= 2 }
                for number in 2...5 {
                    #expect(try await servers[number % 2].to("r").durable.emit("n", number).number == UInt64(number))
                    #expect(try await client.next("n").arguments[0] == .number(Double(number)))
                }
            }
            await admin.close()
        }
    }

    @Test("Garbage in the stream, in the state and on the channel: counted, and no end of anything")
    func garbage() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis) { servers, addresses, clusters in
            let client = try await member(addresses[1])
            try await servers[0].to("r").durable.emit("n", 1)
            _ = try await client.next("n")
            for text in [
                "", "\n", "abc123 1 1 1\n/r", "abc123 x 1 1\n/rxxx", "abc123 2 65535 1\n/", "abc123 2 -1 1\n/",
            ] {
                _ = try await admin.publish("socket.io-room#", Array(text.utf8))
            }
            _ = try await admin.publish("socket.io-room#", Array(repeating: 0xFF, count: 1_000))
            try await eventually("they are counted") { clusters[1].statistics.invalid >= 7 }
            let events = "socket.io-room:{1:/r}:events"
            _ = try await admin.run("XADD", events, "2-0", "t", "9999999999999", "k", "x", "p", "no event")
            _ = try await admin.run("HSET", "socket.io-room:{1:/r}:state", "n", "2")
            try await servers[0].to("r").durable.emit("n", 3)
            #expect(try await client.next("n").arguments[0] == 3)
            _ = try await admin.run("DEL", events)
            _ = try await admin.run("SET", events, "no stream")
            await #expect(throws: SocketError.self) { try await servers[0].to("r").durable.emit("n", 4) }
            await #expect(throws: SocketError.self) { _ = try await servers[0].history(of: "r") }
        }
        await admin.close()
    }
}
