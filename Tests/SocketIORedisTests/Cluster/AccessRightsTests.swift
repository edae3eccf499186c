// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import HiredisNIO
import ProcessTesting
import SocketIOCore
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// The rights of Redis users that docs/cluster.md lists, word for word: each list is enough, and with any right less
/// something is refused. `CLIENT`, `CONFIG`, `INFO` and `ROLE`, which managed services often do not permit, are not needed.
@Suite("Rights of Redis users", .enabled(if: RedisServer.isInstalled), .serialized, .timeLimit(.minutes(3)))
struct AccessRightsTests {
    /// Rights without which only something else is missing: names of connections, causes of cuts, the role.
    private static let optional = ["+client|setname", "+info", "+role", "+cluster|info"]

    /// The rights in the line of the manual for this user.
    private func rights(of user: String, _ beginning: String = "on >PASSWORD ") throws -> [String] {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let manual = try String(contentsOf: root.appendingPathComponent("docs/cluster.md"), encoding: .utf8)
        let start = "ACL SETUSER \(user) \(beginning)"
        let line = try #require(manual.split(separator: "\n").first { $0.hasPrefix(start) }, "\(user)")
        return line.dropFirst(start.count).split(separator: " ").map(String.init)
    }

    private func configuration(_ name: String) -> RedisClusterConfiguration {
        var configuration = RedisClusterConfiguration()
        configuration.requestsTimeout = .seconds(2)
        if name == "socketio-sharded" { configuration.sharded = ShardedPubSub(subscriptionMode: .dynamicPrivate) }
        if name == "socketio-streams" { configuration.streams = RedisStreams() }
        return configuration
    }

    private func withUser(
        _ rights: [String], _ body: (RedisServer, RedisConfiguration, RedisAdmin) async throws -> Void
    ) async throws {
        let redis = try await RedisServer.started(["user default on >admin ~* &* +@all"])
        var owner = redis.configuration
        owner.password = "admin"
        let admin = try await RedisAdmin(owner)
        try await admin.run(words: ["ACL", "SETUSER", "io", "on", ">s3cret"] + rights)
        var configuration = redis.configuration
        (configuration.username, configuration.password) = ("io", "s3cret")
        try await body(redis, configuration, admin)
        await admin.close()
    }

    /// What Redis has refused, as `command` or `command|subcommand`, or the channel.
    private func refusals(_ admin: RedisAdmin) async throws -> [String] {
        let entries = try await admin.run("ACL", "LOG").arrayValue ?? []
        return entries.compactMap { entry in
            let fields = entry.arrayValue ?? []
            guard let index = fields.firstIndex(where: { $0.stringValue == "object" }), index + 1 < fields.count else {
                return nil
            }
            return fields[index + 1].stringValue?.lowercased()
        }
    }

    @Test("are enough without those that are optional", arguments: ["socketio", "socketio-sharded"])
    func enough(user: String) async throws {
        let rights = try rights(of: user).filter { !Self.optional.contains($0) }
        let settings = configuration(user)
        try await withUser(rights) { redis, connection, admin in
            try await withNodes(2, on: redis, namespaces: ["/"], via: { _ in connection }, { $0 = settings }) { nodes in
                let client = try await nodes[1].client(["r"])
                for node in nodes { try await node.cluster.waitForRooms() }
                nodes[0].io.emit("all")
                nodes[0].io.to("r").emit("room")
                nodes[0].io.to(client.id).emit("one")
                for name in ["all", "room", "one"] { #expect(try await client.events.next().name == name) }
                #expect(try await nodes[0].io.fetchSockets().map(\.id) == [client.id])
                #expect(try await nodes[0].io.adapter.serverCount() == 2)
                nodes[0].io.in("r").socketsJoin("s")
                try await eventually("joined") { try await nodes[0].io.in("s").count() == 1 }
                nodes[0].io.in("s").socketsLeave("s")
                try await eventually("left") { try await nodes[0].io.in("s").count() == 0 }
                #expect(nodes.allSatisfy { $0.cluster.status == .up && $0.cluster.statistics.refused == 0 })
            }
            // What Redis noted is what can be done without.
            let refused = Set(try await refusals(admin))
            #expect(refused.isSubset(of: ["client|setname", "info", "role"]), "\(refused)")
        }
    }

    // MARK: Durable rooms

    /// What durable rooms need in addition.
    private func durableRights() throws -> [String] {
        ["~socket.io-room:*"] + (try rights(of: "socketio", "~socket.io-room:* "))
    }

    /// Keeps, drops, and reads events in all ways. Returns what the calls threw.
    private func useHistories(
        _ connection: RedisConfiguration, _ settings: RedisClusterConfiguration
    ) async throws -> [any Error] {
        let cluster = try RedisCluster(redis: connection, configuration: settings)
        var configuration = ServerConfiguration()
        configuration.logger = silentLogger
        configuration.engine.logger = silentLogger
        configuration.durableRooms = DurableRooms()
        configuration.durableRooms?.limits.maxEvents = 2
        configuration.adapter = cluster.adapter
        let io = Server(configuration: configuration)
        let (failures, replayed) = (Recorder<any Error>(), Recorder<Void>())
        io.onConnection { socket async throws in
            do { try await socket.replay("r", since: .beginning) } catch { failures.append(error) }
            replayed.append(())
        }
        let port = try #require(try await io.listen()?.port)
        _ = try await cluster.waitUntilUpOrDegraded()
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        try await eventually("the replay has ended") { !replayed.all.isEmpty }
        for number in 1...4 {
            do { try await io.to("r").durable.emit("n", number) } catch { failures.append(error) }
        }
        do {
            _ = try await io.history(of: "r")
            _ = try await io.history(of: "r", after: try #require(RoomPosition("abc123-1")))
        } catch {
            failures.append(error)
        }
        if failures.all.isEmpty {
            for number in 1...4 { #expect(try await client.next("n").arguments.first == .number(Double(number))) }
        }
        try await client.disconnect()
        await io.close()
        return failures.all
    }

    @Test(
        "are enough for durable rooms, with those listed for them",
        arguments: ["socketio", "socketio-sharded"])
    func enoughForDurableRooms(user: String) async throws {
        let rights = try rights(of: user) + durableRights()
        try await withUser(rights.filter { !Self.optional.contains($0) }) { _, connection, admin in
            let failures = try await useHistories(connection, configuration(user))
            #expect(failures.isEmpty)
            let refused = Set(try await refusals(admin))
            #expect(refused.isSubset(of: ["client|setname", "info", "role"]), "\(refused)")
        }
    }

    @Test("those for durable rooms are all needed", arguments: ["socketio", "socketio-sharded"])
    func neededForDurableRooms(user: String) async throws {
        let base = try rights(of: user)
        let all = try durableRights()
        #expect(all.count > 10)
        for right in all {
            try await withUser(base + all.filter { $0 != right }) { _, connection, admin in
                let failures = try await useHistories(connection, configuration(user))
                #expect(!failures.isEmpty, "\(right) is not needed")
                let refused = try await refusals(admin)
                let name = right.dropFirst()
                #expect(
                    refused.contains { right.hasPrefix("+") ? $0 == name : $0.hasPrefix("socket.io-room:{") },
                    "without \(right): \(refused)")
            }
        }
    }

    @Test("are all needed", arguments: ["socketio", "socketio-sharded"])
    func needed(user: String) async throws {
        let all = try rights(of: user)
        let settings = configuration(user)
        for right in all where right.hasPrefix("+") && !Self.optional.contains(right) {
            try await withUser(all.filter { $0 != right }) { redis, connection, admin in
                let cluster = try RedisCluster(redis: connection, configuration: settings)
                let node = try await NodeUnderTest.start("nod0", cluster) { joinAsTold($0.io.sockets) }
                _ = try await cluster.waitUntilUpOrDegraded()
                let client = try await node.client(["r"])
                node.io.emit("all")
                _ = try? await node.io.adapter.serverCount()
                try await client.disconnect()
                try await eventually("the room is left") { try await node.io.local.count() == 0 }
                await node.io.close()
                try await eventually("\(right) is asked for") {
                    try await refusals(admin).contains(String(right.dropFirst()))
                }
            }
        }
    }
}

extension RedisCluster {
    /// Waits until there is a connection, perhaps without everything that is needed.
    fileprivate func waitUntilUpOrDegraded() async throws -> ClusterStatus {
        try await eventually("a connection, not \(status)") {
            switch status {
            case .up, .degraded: true
            case .connecting, .down, .closed: false
            }
        }
        return status
    }
}
