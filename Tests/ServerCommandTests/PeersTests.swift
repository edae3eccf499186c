// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import SocketIOCluster
@testable internal import SocketIORedis
@testable internal import socketio_server

/// `peers` with a real Redis.
@Suite struct PeersTests {
    private struct Report: Decodable {
        struct Node: Decodable {
            let tag: String
            let id: String
            let sessions: Int
            let sockets: Int
            let heartbeatAgeMs: Int
            let version: String
            let startedAt: Int64
            let draining: Bool
        }

        let nodes: [Node]
        let silent: Int
        let otherServers: Int
    }

    private static func node(_ redis: RedisServer, _ tag: String) throws -> RunningProcess {
        try .server(
            [
                "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--adapter", "redis", "--node-tag", tag,
                "--redis-heartbeat-interval-ms", "500", "--redis-peer-timeout-ms", "60000",
            ],
            environment: ["SOCKETIO_REDIS_URL": redis.url])
    }

    private static func peers(
        _ redis: RedisServer, _ arguments: [String] = []
    ) async throws -> (code: Int32, output: String) {
        let command = try RunningProcess.server(
            ["peers"] + arguments,
            environment: ["SOCKETIO_REDIS_URL": redis.url, "SOCKETIO_REDIS_HEARTBEAT_INTERVAL_MS": "500"])
        return (try await command.exitCode(), command.output)
    }

    @Test(.timeLimit(.minutes(3))) func itListsTheNodesWithoutDisturbingThem() async throws {
        let redis = try RedisServer()
        try await redis.start()
        #expect(try await Self.peers(redis).code == 2)
        let nodes = [try Self.node(redis, "aaaa"), try Self.node(redis, "bbbb")]
        for node in nodes { _ = try await node.line { $0.contains("a node has joined") ? $0 : nil } }
        let client = try await SocketTestClient.connect(to: ServerAddress(port: try await nodes[0].port()))
        try await client.join("/", auth: ["name": "Ada"])
        // A server of another kind, as far as Redis can tell: it hears requests, and not our heartbeats.
        let stranger = try RunningProcess(
            "/usr/bin/redis-cli", ["-p", "\(redis.port)", "subscribe", "socket.io-request#/#"])
        _ = try await stranger.line { $0.contains("subscribe") ? $0 : nil }

        var report: Report?
        try await eventually("both nodes and the stranger", within: .seconds(60)) {
            let (code, output) = try await Self.peers(redis, ["--json"])
            #expect(code == 0, "\(output)")
            report = try JSONDecoder().decode(Report.self, from: Data(output.utf8))
            return report?.nodes.map(\.sessions) == [1, 0] && report?.otherServers == 1
        }
        let nodesSeen = try #require(report).nodes
        #expect(nodesSeen.map(\.tag) == ["aaaa", "bbbb"])
        #expect(nodesSeen.map(\.sockets) == [1, 0])
        #expect(nodesSeen.allSatisfy { $0.version == Version.current && !$0.draining && $0.id.count == 16 })
        #expect(nodesSeen.allSatisfy { (0...60_000).contains($0.heartbeatAgeMs) && $0.startedAt > 1_700_000_000_000 })

        let (code, table) = try await Self.peers(redis)
        #expect(code == 0)
        let lines = table.split(separator: "\n")
        #expect(lines[0].hasPrefix("TAG   ID      ADDRESS"))
        #expect(lines.contains { $0.hasPrefix("aaaa  \(nodesSeen[0].id.prefix(6))") && $0.hasSuffix("serving") })
        #expect(table.hasSuffix("nodes: 2\nother servers: 1\n"))
        // They have not noticed.
        for node in nodes { #expect(node.output.components(separatedBy: "a node has joined").count == 2) }
        #expect(try await Self.peers(redis, ["--key", "others"]).code == 2)
    }

    @Test func whatIsWrongIsSaid() async throws {
        let redis = try RedisServer()
        let unreachable = try await Self.peers(redis, ["--timeout-ms", "200"])
        #expect(unreachable.code == 1)
        #expect(unreachable.output.contains("Redis at redis://127.0.0.1:\(redis.port) could not be asked"))
        let alone = try RunningProcess.server(["peers"])
        #expect(try await alone.exitCode() == 78)
        #expect(alone.output.contains("adapter 'memory'"))
        #expect(try await Self.peers(redis, ["--timeout-ms", "0"]).code == 64)
        #expect(try await Self.peers(redis, ["--redis", "redis://:geheim@h"]).code == 64)
        let wrong = try RunningProcess.server(["peers"], environment: ["SOCKETIO_REDIS_URL": "http://ada:geheim@h"])
        #expect(try await wrong.exitCode() == 78)
        #expect(!wrong.output.contains("geheim"))
    }

    @Test func whatNodesSayCannotDriveTheTerminal() {
        let log = HeartbeatLog(channel: "socket.io-node#", secret: nil)
        log.received(
            .init(
                string:
                    #"{"type":"alive","node":"\u001b[31mabc","tag":"a\nb","address":"h:1","version":"\"","sessions":-5}"#
            ),
            at: .now())
        log.received(.init(string: "nonsense"), at: .now())
        log.received(.init(string: #"{"type":"alive","node":"x","partial":true,"uids":{}}"#), at: .now())
        let (nodes, isComplete) = log.observation(at: .now(), expecting: 2)
        #expect(!isComplete)
        let observation = ClusterObserver.Observation(nodes: nodes, silent: 1, others: 3)
        let table = PeersReport.table(observation)
        #expect(!table.contains("\u{1b}") && table.split(separator: "\n").count == 5, "\(table)")
        #expect(table.hasSuffix("nodes: 1\nnodes that said nothing: 1\nother servers: 3\n"))
        #expect(throws: Never.self) {
            let report = try JSONDecoder().decode(Report.self, from: Data(PeersReport.json(observation).utf8))
            #expect(report.nodes[0].tag == "a\nb" && report.nodes[0].sessions == 0 && report.nodes[0].version == "\"")
        }
        log.received(.init(string: #"{"type":"goodbye","node":"\u001b[31mabc"}"#), at: .now())
        #expect(log.observation(at: .now(), expecting: 0).nodes.isEmpty)
    }

    @Test func nodesTellTheVersionOfThePackage() {
        #expect(RedisCluster.version == Version.current)
    }
}
