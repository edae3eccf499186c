// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import ProcessTesting
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Questions whose answers are larger than a message between nodes may be.
@Suite("Large answers over a real Redis", .enabled(if: RedisServer.isInstalled), .serialized)
struct LargeAnswerTests {
    private static let limit = 65_536

    private func withSmallMessages(
        _ count: Int = 2, _ change: @Sendable @escaping (inout RedisClusterConfiguration) -> Void = { _ in },
        _ body: ([NodeUnderTest]) async throws -> Void
    ) async throws {
        let redis = try await RedisServer.started()
        try await withNodes(
            count, on: redis, namespaces: ["/"],
            {
                $0.maxMessageBytes = Self.limit
                // A missing answer would be a failure long before this.
                $0.requestsTimeout = .seconds(60)
                change(&$0)
            }, body)
    }

    private func join(_ node: NodeUnderTest, _ auth: TestValue) async throws -> TestSocket {
        try await SocketTestClient.connect(to: node.address).join(auth: auth)
    }

    @Test("sockets with an auth as large as it may be are all found, with all of it", .timeLimit(.minutes(1)))
    func sockets() async throws {
        try await withSmallMessages(3) { nodes in
            // 16,384 bytes, the default limit.
            let frame = TestValue.object(["n": "00", "rooms": ["r"], "x": ""]).json.utf8.count
            let text = TestValue.string(String(repeating: "x", count: 16_384 - frame))
            for number in 0..<40 {
                let name = "\(number < 10 ? "0" : "")\(number)"
                let auth: TestValue = ["n": .string(name), "rooms": ["r"], "x": text]
                #expect(auth.json.utf8.count == 16_384)
                _ = try await join(nodes[number % 3], auth)
            }
            let found = try await nodes[0].io.fetchSockets()
            #expect(found.count == 40)
            #expect(Set(found.compactMap { $0.handshake.auth["n"]?.string }).count == 40)
            #expect(found.allSatisfy { $0.handshake.auth["x"]?.string?.utf8.count == 16_384 - frame })
            #expect(try await nodes[1].io.in("r").fetchSockets().count == 40)
            for node in nodes {
                let statistics = node.cluster.statistics
                #expect(statistics.invalid == 0 && statistics.requestTimeouts == 0 && statistics.overLimit == 0)
            }
        }
    }

    @Test("ids, rooms and counts of very many", .timeLimit(.minutes(1)))
    func names() async throws {
        try await withSmallMessages { nodes in
            let names = (0..<600).map { "\($0)-" + String(repeating: "r", count: 240) }
            let socket = try await join(nodes[1], [:])
            for name in names { _ = try await socket.emitWithAck("join", .string(name)) }
            let all = try await nodes[0].io.adapter.allRooms()
            #expect(all.count == 601)
            #expect(names.allSatisfy(all.contains) && all.contains(socket.id))
            let counts = try await nodes[0].io.countByRoom()
            #expect(names.allSatisfy { counts[$0] == 1 })
            #expect(try await nodes[0].io.count() == 1)
            #expect(nodes[1].cluster.statistics.overLimit == 0)
        }
    }

    @Test("an auth that is nested as deeply as it may be breaks no answer", .timeLimit(.minutes(1)))
    func nesting() async throws {
        try await withSmallMessages { nodes in
            func auth(depth: Int) -> TestValue {
                (2..<depth).reduce(TestValue.array([])) { value, _ in .array([value]) }
            }
            let shallow = try await join(nodes[1], ["a": auth(depth: 120)])
            let deepest = try await join(nodes[1], ["a": auth(depth: 128)])
            let found = try await nodes[0].io.fetchSockets()
            #expect(Set(found.map(\.id)) == [shallow.id, deepest.id])
            #expect(found.first { $0.id == shallow.id }?.handshake.auth["a"] != nil)
            #expect(found.first { $0.id == deepest.id }?.handshake.auth == [:])
        }
    }

    @Test("what no message has room for ends the question at once, by name", .timeLimit(.minutes(1)))
    func tooLarge() async throws {
        let long = String(repeating: "x", count: Self.limit)
        try await withSmallMessages { nodes in
            nodes[1].io.sockets.on("long") { () -> String in long }
            nodes[1].io.sockets.on("short") { () -> String in "s" }
            let asked = await #expect(throws: ClusterError.self) {
                try await nodes[0].io.serverSideEmitWithAck("long", as: String.self, timeout: .seconds(60))
            }
            #expect(asked?.code == .oversized)
            #expect(asked?.message.hasPrefix("another node could not answer: too large: ") == true)
            #expect(try await nodes[0].io.serverSideEmitWithAck("short", as: String.self) == ["s"])

            nodes[1].io.onConnection { $0.data = .string(long) }
            _ = try await join(nodes[1], [:])
            let fetched = await #expect(throws: ClusterError.self) { try await nodes[0].io.fetchSockets() }
            #expect(fetched?.code == .oversized)
        }
        try await withSmallMessages(2, { $0.onRequestTimeout = .partial }) { nodes in
            nodes[1].io.onConnection { $0.data = .string(long) }
            _ = try await join(nodes[1], [:])
            let here = try await join(nodes[0], [:])
            #expect(try await nodes[0].io.fetchSockets().map(\.id) == [here.id])
        }
    }

    @Test("an acknowledgement that is too large to be passed on counts as missing", .timeLimit(.minutes(1)))
    func acknowledgements() async throws {
        try await withSmallMessages { nodes in
            let small = try await join(nodes[1], [:])
            small.answer("e") { _ in ["s"] }
            let large = try await join(nodes[1], [:])
            large.answer("e") { _ in [.string(String(repeating: "x", count: Self.limit))] }
            let error = await #expect(throws: BroadcastAckError.self) {
                try await nodes[0].io.timeout(.seconds(60)).emitWithAck("e", as: String.self)
            }
            #expect(error?.missing == [large.id])
            #expect(try error?.responses(as: String.self) == ["s"])
            #expect(nodes[1].cluster.statistics.overLimit == 1)
        }
    }

    @Test("messages of others: at the limit and one byte over it", .timeLimit(.minutes(1)))
    func received() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(1, on: redis, namespaces: ["/"], { $0.maxMessageBytes = 65_536 }) { nodes in
            let admin = try await redis.admin()
            let adapter = try #require(nodes[0].io.adapter as? ClusterAdapter)
            try await admin.run("PUBLISH", "socket.io#/#", String(repeating: "x", count: 65_536))
            try await eventually("judged") { nodes[0].cluster.statistics.invalid == 1 }
            #expect(adapter.counters.refusals(.messageBytes) == 0)
            try await admin.run("PUBLISH", "socket.io#/#", String(repeating: "x", count: 65_537))
            try await eventually("dropped") { nodes[0].cluster.statistics.invalid == 2 }
            #expect(adapter.counters.refusals(.messageBytes) == 1)
        }
    }
}
