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

    @Test("Numbers in the stream that the history has not given out")
    func strangeNumbers() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withDurableNodes(redis, 1) { servers, addresses, clusters in
            let client = try await member(addresses[0])
            let socket = try #require(await servers[0].sockets.socket(client.id))
            func add(_ id: String, to room: String) async throws {
                _ = try await admin.run(
                    "XADD", "socket.io-room:{1:/\(room)}:events", id, "t", "9999999999999", "k", "x", "p", "no event")
            }
            func cannotBeRead(_ room: String) async {
                await #expect(throws: SocketError.self) { _ = try await servers[0].history(of: room) }
                for start in [ReplayStart.beginning, .last(50), .last(0)] {
                    await #expect(throws: SocketError.self) { try await socket.replay(room, since: start) }
                }
            }
            for room in ["above", "zero", "beyond"] {
                for number in 1...3 { try await servers[0].to(room).durable.emit("n", number) }
            }
            // One above those that were given out: the others are valid.
            try await add("500-0", to: "above")
            #expect(try await servers[0].history(of: "above").events.map(\.position.number) == [1, 2, 3])
            for (start, count) in [(ReplayStart.beginning, 3), (.last(2), 2), (.last(0), 0)] {
                socket.leave("above")
                #expect(try await socket.replay("above", since: start).events == count)
            }
            #expect(clusters[0].statistics.invalid > 0)
            // A stream that can have no valid beginning.
            for (room, id) in [("zero", "0-5"), ("beyond", "500-0")] {
                _ = try await admin.run("DEL", "socket.io-room:{1:/\(room)}:events")
                try await add(id, to: room)
                await cannotBeRead(room)
            }
            // A stream whose state is lost has no history.
            try await add("0-5", to: "bare")
            #expect(try await servers[0].history(of: "bare").newest == nil)
            #expect(try await socket.replay("bare", since: .beginning).events == 0)
        }
        await admin.close()
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

@Suite("Events of histories as bytes")
struct StoredRoomEventTests {
    private func event() -> EventToKeep {
        EventToKeep(
            event: "e",
            data: EncodedArguments(
                json: ByteBuffer(string: #"["e",{"_placeholder":true,"num":0}]"#),
                attachments: [ByteBuffer(bytes: [1, 2])]),
            except: ["a", "b\u{301}"], compress: false)
    }

    @Test("They are read as they were written")
    func roundTrip() throws {
        #expect(try StoredRoomEvent.decode(StoredRoomEvent.encode(event()), in: "/") == event())
    }

    @Test("Every shorter form and every changed byte is refused or read as another event, and nothing else happens")
    func damaged() throws {
        let bytes = StoredRoomEvent.encode(event())
        for length in 0..<bytes.readableBytes {
            let part = try #require(bytes.getSlice(at: bytes.readerIndex, length: length))
            #expect(throws: StoredRoomEvent.Invalid.self) { try StoredRoomEvent.decode(part, in: "/") }
        }
        for index in 0..<bytes.readableBytes {
            for value in [0, 1, 0x7F, 0xFF] as [UInt8] {
                var changed = bytes
                changed.setInteger(value, at: bytes.readerIndex + index)
                _ = try? StoredRoomEvent.decode(changed, in: "/")
            }
        }
    }

    @Test("An array with something behind it, if only a blank, is refused: the position is put before the last byte")
    func trailing() {
        for json in [#"["e"] "#, "[\"e\"]\n", #"["e"]"#] {
            let event = EventToKeep(
                event: "e", data: EncodedArguments(json: ByteBuffer(string: json), attachments: []))
            let decoded = try? StoredRoomEvent.decode(StoredRoomEvent.encode(event), in: "/")
            #expect((decoded != nil) == json.hasSuffix("]"))
        }
    }

    @Test("Events of a page with numbers that the history cannot have given out are left out and reported")
    func strangeEvents() throws {
        let bytes = RESPValue.bulk(StoredRoomEvent.encode(event()))
        func page(_ numbers: [Int]) -> (RoomPage?, invalid: Int) {
            let start: [RESPValue] = [.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(4)]
            var invalid = 0
            let page = RoomHistoryCommands.page(
                .array(start + numbers.flatMap { [.integer(Int64($0)), .integer(0), bytes] }), .after(0), in: "/"
            ) { _ in invalid += 1 }
            return (page, invalid)
        }
        let (found, invalid) = page([0, 3, 4, 9, 10, 500])
        #expect(found?.events.map(\.number) == [4, 9] && invalid == 4)
        #expect(page([5, 5]).0 == nil)
    }

    @Test(
        "Answers of Redis that are no pages",
        arguments: [
            RESPValue.null, .integer(1), .bulk(ByteBuffer(string: "x")), .array([.integer(1)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .bulk(ByteBuffer(string: "x")), .integer(1)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(-1), .integer(1)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(0)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(11)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(0), .integer(2)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(1), .integer(2), .null, .null]),
        ])
    func answers(reply: RESPValue) {
        #expect(RoomHistoryCommands.page(reply, .after(0), in: "/") { _ in } == nil)
    }
}
