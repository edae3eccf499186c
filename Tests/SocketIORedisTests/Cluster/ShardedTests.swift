// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import MetricTesting
import NIOCore
import ProcessTesting
import SocketIOCluster
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// Nodes with sharded publish/subscribe on one real Redis.
@Suite("Sharded publish/subscribe", .enabled(if: RedisServer.isInstalled), .serialized, .timeLimit(.minutes(3)))
struct ShardedTests {
    typealias Mode = ShardedPubSub.SubscriptionMode

    private func withSharded(
        _ count: Int, on redis: RedisServer, _ mode: Mode = .dynamic, namespaces: [String] = ["/", "/chat"],
        _ body: ([NodeUnderTest]) async throws -> Void
    ) async throws {
        try await withNodes(
            count, on: redis, namespaces: namespaces, { $0.sharded = ShardedPubSub(subscriptionMode: mode) }, body)
    }

    private func subscribers(_ channel: String, _ admin: RedisAdmin) async throws -> Int {
        let reply = try await admin.run("PUBSUB", "SHARDNUMSUB", channel)
        return Int(reply.arrayValue?.last?.integerValue ?? -1)
    }

    /// The numbers that a client has got, up to and including `last`.
    private func numbers(_ socket: TestSocket, upTo last: Int) async throws -> [Int] {
        var numbers: [Int] = []
        while numbers.last != last {
            guard case .number(let number)? = try await socket.events.next().arguments.first else { continue }
            numbers.append(Int(number))
        }
        return numbers
    }

    @Test("Only nodes with the room receive what is for it", arguments: Mode.allCases)
    func rooms(mode: Mode) async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withSharded(3, on: redis, mode) { nodes in
            let inside = try await nodes[1].client(["r"])
            let outside = try await nodes[2].client()
            for node in nodes { try await node.cluster.waitForRooms() }
            let isDynamic = mode != .static
            #expect(try await subscribers("socket.io#/#r#", admin) == (isDynamic ? 1 : 0))
            #expect(try await subscribers("socket.io#/#", admin) == 3)
            #expect(try await subscribers("socket.io#/#\(inside.id)#", admin) == (mode == .dynamicPrivate ? 1 : 0))
            let before = nodes[2].cluster.statistics.received
            nodes[0].io.to("r").emit("n", 1)
            nodes[0].io.to(inside.id).emit("n", 2)
            nodes[0].io.to("r").except(outside.id).emit("n", 3)
            nodes[0].io.to("r", "s").emit("n", 4)
            nodes[0].io.emit("n", 5)
            #expect(try await numbers(inside, upTo: 5) == [1, 2, 3, 4, 5])
            #expect(try await numbers(outside, upTo: 5) == [5])
            let expected = [.static: 5, .dynamic: 3, .dynamicPrivate: 2][mode]
            #expect(nodes[2].cluster.statistics.received - before == expected)
            // Nothing goes by ordinary publish/subscribe.
            #expect(try await admin.run("PUBSUB", "CHANNELS", "*").arrayValue?.count == 0)
            #expect(try await admin.run("PUBSUB", "NUMPAT").integerValue == 0)
        }
        await admin.close()
    }

    @Test("A room is left when its last socket has left it, and not before")
    func leaving() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await withSharded(1, on: redis, namespaces: ["/"]) { nodes in
                let channel = "socket.io#/#r#"
                #expect(metrics["socketio_adapter_channels"] == 2)
                var clients: [TestSocket] = []
                for _ in 0..<2 { clients.append(try await nodes[0].client(["r"])) }
                try await nodes[0].cluster.waitForRooms()
                #expect(try await subscribers(channel, admin) == 1)
                #expect(metrics["socketio_adapter_channels"] == 3)
                nodes[0].io.in(clients[0].id).socketsLeave("r")
                try await clients[0].disconnect()
                try await eventually("one socket is left") { nodes[0].io.sockets.socketCount == 1 }
                #expect(try await subscribers(channel, admin) == 1)
                // Out and in again at once.
                for _ in 0..<50 {
                    nodes[0].io.in(clients[1].id).socketsLeave("r")
                    nodes[0].io.in(clients[1].id).socketsJoin("r")
                }
                try await nodes[0].cluster.waitForRooms()
                try await eventually("still there") { try await subscribers(channel, admin) == 1 }
                nodes[0].io.in(clients[1].id).socketsLeave("r")
                try await eventually("left") { try await subscribers(channel, admin) == 0 }
                // The node hears of it a moment after Redis has done it.
                try await eventually("counted") { metrics["socketio_adapter_channels"] == 2 }
            }
        }
        await admin.close()
    }

    @Test("A broadcast right behind the request to join reaches those who join")
    func joinAndEmit() async throws {
        try await withSharded(2, on: try await RedisServer.started()) { nodes in
            let client = try await nodes[1].client(["a"])
            try await nodes[1].cluster.waitForRooms()
            for number in 1...50 {
                nodes[0].io.in("a").socketsJoin("new\(number)")
                nodes[0].io.to("new\(number)").emit("n", number)
            }
            #expect(try await numbers(client, upTo: 50) == Array(1...50))
        }
    }

    @Test("One channel can be that of a room and that of a namespace")
    func sameChannel() async throws {
        let redis = try await RedisServer.started()
        try await withSharded(2, on: redis, namespaces: ["/", "/a", "/a#b"]) { nodes in
            let room = try await nodes[1].client(["b"], namespace: "/a")
            let namespace = try await nodes[1].client(namespace: "/a#b")
            try await nodes[1].cluster.waitForRooms()
            nodes[0].io.of("/a").to("b").emit("n", 1)
            nodes[0].io.of("/a#b").emit("n", 2)
            #expect(try await numbers(room, upTo: 1) == [1])
            #expect(try await numbers(namespace, upTo: 2) == [2])
            nodes[1].io.of("/a").in(room.id).socketsLeave("b")
            try await nodes[1].cluster.waitForRooms()
            nodes[0].io.of("/a#b").emit("n", 3)
            #expect(try await numbers(namespace, upTo: 3) == [3])
            #expect(room.events.takeAll().isEmpty)
        }
    }

    @Test(
        "What waits while Redis is away for a moment arrives once, in order, also in rooms", arguments: [false, true])
    func outage(toRoom: Bool) async throws {
        let redis = try await RedisServer.started()
        try await withSharded(3, on: redis) { nodes in
            var clients: [TestSocket] = []
            for node in nodes { clients.append(try await node.client(["r"])) }
            for node in nodes { try await node.cluster.waitForRooms() }
            func emit(_ number: Int) {
                if toRoom { nodes[0].io.to("r").emit("n", number) } else { nodes[0].io.emit("n", number) }
            }
            for number in 1...100 { emit(number) }
            for client in clients { #expect(try await numbers(client, upTo: 100) == Array(1...100)) }
            redis.stop()
            for number in 101...200 { emit(number) }
            // Delivery here does not wait.
            #expect(try await numbers(clients[0], upTo: 200) == Array(101...200))
            try await eventually("the outage is noticed") { nodes[0].cluster.status != .up }
            for number in 201...300 { emit(number) }
            try await redis.start()
            for client in clients.dropFirst() {
                let heard = try await numbers(client, upTo: 300)
                #expect(heard == heard.sorted() && Set(heard).count == heard.count)
                #expect(heard.suffix(100) == Array(201...300))
            }
            let statistics = nodes[0].cluster.statistics
            // Messages that were being sent when Redis died are not sent twice.
            #expect(statistics.lost == 0 && statistics.dropped == 0 && statistics.unconfirmed <= 100)
        }
    }

    @Test("Messages without data, and other garbage, are counted and do no harm")
    func garbage() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withSharded(1, on: redis, namespaces: ["/"]) { nodes in
            let client = try await nodes[0].client(["r"])
            try await nodes[0].cluster.waitForRooms()
            let channels = try await admin.run("PUBSUB", "SHARDCHANNELS", "socket.io#/#*").arrayValue ?? []
            let names = channels.compactMap(\.stringValue)
            let own = try #require(names.first { $0 != "socket.io#/#" && $0 != "socket.io#/#r#" })
            #expect(names.count == 3)
            var sent = 0
            for channel in ["socket.io#/#", own, "socket.io#/#r#"] {
                var texts = (1...13).map { #"{"type":\#($0),"uid":"ffffffffffffffff","nsp":"/"}"# }
                texts += (1...13).map { #"{"type":\#($0),"data":null,"uid":"ffffffffffffffff","nsp":"/"}"# }
                texts += ["{", "", "[]", "null", "\u{0}", #"{"type":3,"data":{},"uid":"ffffffffffffffff","nsp":"/"}"#]
                texts.append(#"{"type":3,"data":,"uid":"ffffffffffffffff","nsp":"/"}"#)
                texts.append(#"{"type":3,"data":{"packet":{"type":2,"data":["n",1]}},"uid":1,"nsp":"/"}"#)
                for text in texts {
                    try await admin.run(words: ["SPUBLISH", channel, text])
                    sent += 1
                }
            }
            // A broadcast on the channel of one server means nothing, as in Node.
            let broadcast =
                #"{"uid":"ffffffffffffffff","nsp":"/","type":3,"data":{"packet":{"type":2,"data":["n",1],"nsp":"/"},"#
                + #""opts":{"rooms":[],"except":[],"flags":{}}}}"#
            try await admin.run("SPUBLISH", own, broadcast)
            // Of another namespace.
            try await admin.run(
                "SPUBLISH", "socket.io#/#", broadcast.replacing(#""nsp":"/""#, with: #""nsp":"/x""#))
            try await admin.run("SPUBLISH", "socket.io#/#", broadcast.replacing(#"["n",1]"#, with: #"["n",2]"#))
            #expect(try await numbers(client, upTo: 2) == [2])
            #expect(nodes[0].cluster.statistics.invalid == sent + 1)
        }
        await admin.close()
    }

    @Test("The emitter and the observer know sharded channels")
    func tools() async throws {
        let redis = try await RedisServer.started()
        try await withSharded(2, on: redis, namespaces: ["/"]) { nodes in
            let client = try await nodes[1].client(["r"])
            let emitter = try RedisEmitter(
                redis: redis.configuration, isSharded: true, eventLoop: MultiThreadedLoop.next(), logger: silentLogger)
            // The channel of the namespace reaches every node, whatever rooms it has.
            #expect(try await emitter.to("r").emit("n", 1) == 2)
            #expect(try await emitter.in("r").socketsJoin("s") == 2)
            try await eventually("joined") { try await nodes[1].io.local.in("s").fetchSockets().count == 1 }
            #expect(try await emitter.to("s").emit("n", SocketValue.binary([1, 2])) == 2)
            #expect(try await emitter.emit("n", 3) == 2)
            #expect(try await client.events.next() == TestEvent("n", 1))
            #expect(try await client.events.next() == TestEvent("n", .binary([1, 2])))
            #expect(try await client.events.next() == TestEvent("n", 3))
            await emitter.close()
            let observation = try await ClusterObserver.observe(
                redis: redis.configuration, key: "socket.io", isSharded: true, within: .seconds(10),
                patience: .seconds(10), eventLoop: MultiThreadedLoop.next())
            #expect(observation.nodes.map(\.node.tag) == ["nod0", "nod1"])
            #expect(observation.silent == 0 && observation.others == 0)
        }
    }

    @Test("Streams and sharded publish/subscribe exclude each other")
    func configuration() {
        var configuration = RedisClusterConfiguration()
        configuration.sharded = ShardedPubSub()
        configuration.streams = RedisStreams()
        #expect(throws: ClusterError.self) { try configuration.validate() }
    }
}
