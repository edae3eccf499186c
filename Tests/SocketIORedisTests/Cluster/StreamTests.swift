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

/// Nodes that share a stream of a real Redis.
@Suite("Streams", .enabled(if: RedisServer.isInstalled), .serialized, .timeLimit(.minutes(3)))
struct StreamTests {
    private func withStreams(
        _ count: Int, on redis: RedisServer, _ change: @escaping @Sendable (inout RedisStreams) -> Void = { _ in },
        _ body: ([NodeUnderTest]) async throws -> Void
    ) async throws {
        try await withNodes(
            count, on: redis,
            { configuration in
                var streams = RedisStreams()
                change(&streams)
                configuration.streams = streams
            }, body)
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

    @Test("Broadcasts cross in order, each once")
    func order() async throws {
        try await withStreams(3, on: try await RedisServer.started()) { nodes in
            var clients: [TestSocket] = []
            for node in nodes { clients.append(try await node.client(["r"])) }
            for number in 1...500 { nodes[0].io.to("r").emit("n", number) }
            for client in clients { #expect(try await numbers(client, upTo: 500) == Array(1...500)) }
        }
    }

    @Test("Several streams carry several namespaces", arguments: [1, 3])
    func namespaces(count: Int) async throws {
        try await withStreams(2, on: try await RedisServer.started(), { $0.count = count }) { nodes in
            let main = try await nodes[1].client()
            let chat = try await nodes[1].client(namespace: "/chat")
            nodes[0].io.emit("n", 1)
            nodes[0].io.of("/chat").emit("n", 2)
            #expect(try await numbers(main, upTo: 1) == [1])
            #expect(try await numbers(chat, upTo: 2) == [2])
        }
    }

    @Test("What is sent while Redis is away for a moment arrives once, in order, at everybody")
    func outage() async throws {
        let redis = try await RedisServer.started(["appendonly yes", "appendfsync always"])
        try await withStreams(3, on: redis) { nodes in
            var clients: [TestSocket] = []
            for node in nodes { clients.append(try await node.client()) }
            for number in 1...100 { nodes[0].io.emit("n", number) }
            redis.stop()
            for number in 101...200 { nodes[0].io.emit("n", number) }
            try await Task.sleep(for: .milliseconds(200))
            try await redis.start()
            for number in 201...300 { nodes[0].io.emit("n", number) }
            for client in clients { #expect(try await numbers(client, upTo: 300) == Array(1...300)) }
            // Nothing more comes.
            nodes[0].io.emit("n", 301)
            for client in clients { #expect(try await numbers(client, upTo: 301) == [301]) }
            #expect(nodes[0].cluster.statistics.unconfirmed == 0)
        }
    }

    @Test("A node that alone loses Redis reads on where it was")
    func reading() async throws {
        let redis = try await RedisServer.started()
        try await withStreams(2, on: redis) { nodes in
            let client = try await nodes[1].client()
            nodes[0].io.emit("n", 1)
            #expect(try await numbers(client, upTo: 1) == [1])
            let admin = try await redis.admin()
            for number in 2...50 {
                if number % 10 == 0 { try await admin.run("CLIENT", "KILL", "TYPE", "normal") }
                nodes[0].io.emit("n", number)
            }
            #expect(try await numbers(client, upTo: 50) == Array(2...50))
        }
    }

    @Test("A stream that was trimmed before it was read is noticed")
    func trimmed() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in try await trimmed(metrics) }
    }

    private func trimmed(_ metrics: CountedMetrics) async throws {
        let redis = try await RedisServer.started()
        try await withStreams(2, on: redis) { nodes in
            let client = try await nodes[1].client()
            nodes[0].io.emit("n", 1)
            #expect(try await numbers(client, upTo: 1) == [1])
            let admin = try await redis.admin()
            // In one step, so that no reader comes between.
            for command in [
                "MULTI", "XADD socket.io * uid x nsp / type 3 data {}", "XTRIM socket.io MAXLEN 0",
                "CLIENT KILL TYPE normal SKIPME yes", "EXEC",
            ] {
                try await admin.run(words: command.split(separator: " ").map(String.init))
            }
            try await eventually("the gap is counted") { nodes[1].cluster.statistics.streamGaps >= 1 }
            #expect((metrics["socketio_adapter_stream_gaps_total"] ?? 0) >= 1)
            try await eventually("up again") { nodes.allSatisfy { $0.cluster.status == .up } }
            nodes[0].io.emit("n", 2)
            #expect(try await numbers(client, upTo: 2) == [2])
        }
    }

    @Test("Entries that are none are counted, and no harm is done")
    func garbage() async throws {
        let redis = try await RedisServer.started()
        try await withStreams(1, on: redis, { $0.pageSize = 3 }) { nodes in
            let client = try await nodes[0].client()
            let admin = try await redis.admin()
            let entries: [[String]] = [
                ["a", "b"], ["nsp", "/"], ["nsp", "/", "uid", "x", "type", "99", "data", "{}"],
                ["nsp", "/", "uid", "x", "type", "3", "data", "{"], ["nsp", "/", "uid", "x", "type", "3"],
                ["nsp", "/", "uid", "x", "type", "3", "data", "!!!!"],
                ["nsp", "/", "uid", "x", "type", "-3", "data", "{}"],
                ["nsp", "/", "uid", "x", "type", "99999999999999999999", "data", "{}"],
                ["nsp", "/", "uid", "x", "type", "67", "data", #"{"echo":1e99}"#],
                ["nsp", "", "uid", "x", "type", "67", "data", #"{"echo":-1}"#],
                [
                    "nsp", "/", "uid", "x", "type", "3", "data",
                    #"{"packet":{"type":2,"data":[]},"opts":{"rooms":[],"except":[],"flags":{}}}"#,
                ],
                [
                    "nsp", "/", "uid", "x", "type", "3", "data",
                    #"{"packet":{"type":2,"data":["n",7]},"opts":{"rooms":[],"except":[],"flags":{}}}"#,
                ],
            ]
            for entry in entries { try await admin.run(words: ["XADD", "socket.io", "*"] + entry) }
            #expect(try await numbers(client, upTo: 7) == [7])
            #expect(nodes[0].cluster.statistics.invalid == 10)
        }
    }

    @Test("An entry over the limit is passed over")
    func oversized() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(
            1, on: redis,
            {
                $0.streams = RedisStreams()
                $0.maxMessageBytes = 65_536
            }
        ) { nodes in
            let client = try await nodes[0].client()
            let admin = try await redis.admin()
            for length in [65_537, 10] {
                let text = String(repeating: "x", count: length)
                try await admin.run(words: [
                    "XADD", "socket.io", "*", "uid", "x", "nsp", "/", "type", "3", "data",
                    #"{"packet":{"type":2,"data":["n",\#(length),"\#(text)"]},"opts":{"rooms":[],"except":[]}}"#,
                ])
            }
            #expect(try await numbers(client, upTo: 10) == [10])
            #expect(nodes[0].cluster.statistics.streamGaps == 1)
            // What this node has to say is not sent either.
            nodes[0].io.emit("big", String(repeating: "x", count: 70_000))
            try await eventually("refused") { nodes[0].cluster.statistics.overLimit == 1 }
        }
    }
}
