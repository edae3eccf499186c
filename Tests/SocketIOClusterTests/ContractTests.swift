// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOCluster
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

/// The adapter contract on what needs no other process.
@Suite("Adapter contract", .serialized)
struct ContractTests {
    @Test("in memory", arguments: AdapterContract.checks(for: 1))
    func memory(check: AdapterContract.Check) async throws {
        try await check.run(AdapterUnderTest(servers: 1) { _, _ in })
    }

    @Test("LoopbackTransport, MessagePack", arguments: AdapterContract.checks(for: 3, canKill: true))
    func loopback(check: AdapterContract.Check) async throws {
        try await check.run(loopback(servers: 3, format: .messagePack))
    }

    @Test("LoopbackTransport, JSON", arguments: AdapterContract.checks(for: 2))
    func json(check: AdapterContract.Check) async throws {
        try await check.run(loopback(servers: 2, format: .json))
    }

    @Test(
        "messages overtake each other and come twice",
        arguments: AdapterContract.checks(for: 3, under: [.reordering, .duplication], canKill: true))
    func disorder(check: AdapterContract.Check) async throws {
        try await check.run(
            loopback(servers: 3, format: .messagePack) { faults in
                faults.delay = .milliseconds(1)
                faults.jitter = .milliseconds(10)
                faults.duplication = 0.3
                faults.reordering = 0.1
            })
    }

    @Test("messages come twice", arguments: AdapterContract.checks(for: 3, under: [.duplication]))
    func duplicates(check: AdapterContract.Check) async throws {
        try await check.run(loopback(servers: 3, format: .messagePack) { $0.duplication = 1 })
    }

    @Test("messages are lost", arguments: AdapterContract.checks(for: 3, under: [.loss]))
    func loss(check: AdapterContract.Check) async throws {
        try await check.run(loopback(servers: 3, format: .messagePack) { $0.loss = 0.2 })
    }

    @Test("a server is counted and never answers", arguments: AdapterContract.checks(for: 2, under: [.silentServer]))
    func silentServer(check: AdapterContract.Check) async throws {
        try await check.run(loopback(servers: 2, format: .messagePack) { $0.silentServers = 1 })
    }

    /// Servers in a network whose faults begin when all know each other.
    private func loopback(
        servers: Int, format: ClusterWireFormat,
        _ change: @escaping @Sendable (inout LoopbackNetwork.Faults) -> Void = { _ in }
    ) -> AdapterUnderTest {
        let network = LoopbackNetwork(seed: 7)
        let transports = NIOLockedValueBox<[LoopbackTransport]>([])
        var adapter = AdapterUnderTest(servers: servers) { number, configuration in
            var settings = ClusterConfiguration()
            settings.heartbeatInterval = .milliseconds(200)
            settings.peerTimeout = .seconds(3)
            let transport = network.transport()
            transports.withLockedValue { $0.append(transport) }
            configuration.engine.nodeTag = "nod\(number)"
            configuration.adapter = try Cluster(transport: transport, configuration: settings, format: format).adapter
        }
        let ready = adapter.waitUntilReady
        adapter.waitUntilReady = { namespaces in
            try await ready(namespaces)
            guard namespaces.allSatisfy({ $0.name == "/other" }) else { return }
            var faults = LoopbackNetwork.Faults()
            change(&faults)
            network.faults = faults
        }
        adapter.kill = { number in transports.withLockedValue { $0[number] }.die() }
        return adapter
    }
}

struct TestFailure: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
