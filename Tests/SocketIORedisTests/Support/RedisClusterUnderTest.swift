// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import ProcessTesting
import SocketIOTesting

/// A real Redis Cluster on this machine: three primaries, each with a replica.
final class RedisClusterUnderTest: Sendable {
    /// The primaries first, in the order of their slots, then the replicas in the same order.
    let servers: [RedisServer]
    private let admins: [RedisAdmin]

    private static let primaries = 3
    private static let slots = 16_384

    static func started(_ settings: [String] = []) async throws -> RedisClusterUnderTest {
        var servers: [RedisServer] = []
        var admins: [RedisAdmin] = []
        var busPorts: [Int] = []
        for _ in 0..<2 * primaries {
            let busPort = try RedisServer.freePort()
            let lines = [
                "cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 1000",
                "cluster-port \(busPort)", "cluster-replica-validity-factor 0", "repl-diskless-sync-delay 0",
            ]
            let server = try await RedisServer.started(lines + settings)
            servers.append(server)
            busPorts.append(busPort)
            admins.append(try await server.admin())
        }
        let cluster = RedisClusterUnderTest(servers, admins)
        for (index, admin) in admins.enumerated() { try await admin.run("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)") }
        for index in 0..<primaries {
            let (first, last) = (slots * index / primaries, slots * (index + 1) / primaries - 1)
            try await admins[index].run("CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(last)")
        }
        for index in 1..<servers.count {
            try await admins[0].run("CLUSTER", "MEET", "127.0.0.1", "\(servers[index].port)", "\(busPorts[index])")
        }
        try await eventually("all servers know each other", within: .seconds(30)) {
            for admin in admins where try await cluster.known(by: admin) != servers.count { return false }
            return true
        }
        for index in 0..<primaries {
            let id = try await cluster.id(of: index)
            try await eventually("a replica has its primary", within: .seconds(30)) {
                (try? await admins[primaries + index].run("CLUSTER", "REPLICATE", id)) != nil
            }
        }
        try await eventually("the cluster is ok", within: .seconds(30)) {
            for index in servers.indices where try await !cluster.isOK(index) { return false }
            for index in primaries..<servers.count {
                let role = try await admins[index].run("ROLE").arrayValue
                guard role?.first?.stringValue == "slave", role?[3].stringValue == "connected" else { return false }
            }
            return true
        }
        return cluster
    }

    private init(_ servers: [RedisServer], _ admins: [RedisAdmin]) {
        self.servers = servers
        self.admins = admins
    }

    /// Ends all servers.
    func stop() async {
        for admin in admins { await admin.close() }
        for server in servers { server.stop() }
    }

    /// The configuration of a node, which is told two of the servers.
    var configuration: RedisConfiguration {
        RedisConfiguration(
            endpoint: .cluster(servers.prefix(2).map { RedisHost(host: "127.0.0.1", port: $0.port) }))
    }

    // MARK: Asking

    func admin(_ index: Int) -> RedisAdmin { admins[index] }

    func id(of index: Int) async throws -> String {
        try await admins[index].run("CLUSTER", "MYID").stringValue ?? ""
    }

    private func info(_ admin: RedisAdmin) async throws -> String {
        try await admin.run("CLUSTER", "INFO").stringValue ?? ""
    }

    private func known(by admin: RedisAdmin) async throws -> Int {
        let text = try await info(admin)
        guard let line = text.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("cluster_known_nodes:") })
        else { return 0 }
        return Int(line.dropFirst("cluster_known_nodes:".count)) ?? 0
    }

    /// Whether a server says that the cluster serves all slots.
    func isOK(_ index: Int) async throws -> Bool { try await info(admins[index]).contains("cluster_state:ok") }

    /// The place in `servers` of the primary of a slot, as a server knows it.
    func owner(of slot: Int, askedAt index: Int = 0) async throws -> Int? {
        let map = try RedisSlotMap(
            try await admins[index].run("CLUSTER", "SLOTS"), asked: RedisHost(host: "127.0.0.1", port: 1))
        let port = map.owner(of: slot)?.port
        return servers.firstIndex { $0.port == port }
    }

    // MARK: Changing

    /// Moves a slot with its keys, as `redis-cli --cluster reshard` does.
    func moveKeys(_ slot: Int, from source: Int, to target: Int) async throws {
        let (sourceID, targetID) = (try await id(of: source), try await id(of: target))
        try await admins[target].run("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
        try await admins[source].run("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
        while true {
            let keys = try await admins[source].run("CLUSTER", "GETKEYSINSLOT", "\(slot)", "100").arrayValue ?? []
            guard !keys.isEmpty else { break }
            try await admins[source].run(
                words: ["MIGRATE", "127.0.0.1", "\(servers[target].port)", "", "0", "5000", "KEYS"]
                    + keys.compactMap(\.stringValue))
        }
        try await give(slot, from: source, to: target, targetID)
    }

    /// Moves a slot without keys, as `redis-cli --cluster reshard` does.
    func move(_ slot: Int, from source: Int, to target: Int) async throws {
        let (sourceID, targetID) = (try await id(of: source), try await id(of: target))
        try await admins[target].run("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
        try await admins[source].run("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
        try await give(slot, from: source, to: target, targetID)
    }

    /// The servers must agree before the slot, or another one, moves on: the target gets an epoch of its own only if it knows of
    /// those of the others, and without it loses the slot to a source that has a later one. Then each names the other as the
    /// owner, for good.
    private func give(_ slot: Int, from source: Int, to target: Int, _ targetID: String) async throws {
        try await admins[target].run("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID)
        try await admins[source].run("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID)
        try await eventually("all servers know that the slot has moved", within: .seconds(30)) {
            for index in servers.indices where try await owner(of: slot, askedAt: index) != target { return false }
            return true
        }
    }
}
