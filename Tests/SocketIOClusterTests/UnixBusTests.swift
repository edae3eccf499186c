// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import SocketIOCluster
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing
internal import UnixBus

/// The transport of docs/adapters.md, which is built with what other packages see, keeps the contract and comes to an end.
@Suite("Unix bus", .serialized)
struct UnixBusTests {
    /// A path that no other test has.
    private let path = "/tmp/unix-bus-\(UUID().uuidString.prefix(8)).sock"
    private static let away = ClusterStatus.down("the hub cannot be reached")

    @Test("the adapter contract is kept", arguments: AdapterContract.checks(for: 3, canKill: true))
    func contract(check: AdapterContract.Check) async throws {
        let hub = UnixHub()
        try await hub.listen(path: path)
        defer { unlink(path) }
        let transports = NIOLockedValueBox<[UnixTransport]>([])
        let path = path
        var adapter = AdapterUnderTest(servers: 3) { _, configuration in
            let transport = UnixTransport(path: path)
            transports.withLockedValue { $0.append(transport) }
            configuration.adapter = try Self.cluster(transport).adapter
        }
        // Without the goodbye that a cluster says when it is closed.
        adapter.kill = { number in await transports.withLockedValue { $0[number] }.close() }
        try await check.run(adapter)
        try await eventually("no server is connected any more") { hub.connectionCount == 0 }
        await hub.close()
    }

    @Test("a transport that is closed while it connects leaves no connection")
    func closedWhileConnecting() async throws {
        let hub = UnixHub()
        try await hub.listen(path: path)
        defer { unlink(path) }
        let isUp = NIOLockedValueBox(false)
        for round in 0..<200 {
            let transport = UnixTransport(path: path)
            let isClosed = NIOLockedValueBox(false)
            transport.start { status in
                if status == .up, isClosed.withLockedValue({ $0 }) { isUp.withLockedValue { $0 = true } }
            }
            // At different moments of the connecting.
            for _ in 0..<round % 10 { await Task.yield() }
            await transport.close()
            isClosed.withLockedValue { $0 = true }
        }
        // All have connected before this one, whose frame the hub has read when it tells the count.
        let last = UnixTransport(path: path)
        let cluster = try Self.cluster(last)
        let server = try Self.server(cluster)
        try await cluster.waitUntilUp(within: .seconds(30))
        try await eventually("one connection is left", within: .seconds(5)) { hub.connectionCount == 1 }
        #expect(!isUp.withLockedValue { $0 }, "a closed transport has told that it is up")
        await server.close()
        await hub.close()
    }

    @Test("subscriptions that wait fail when the transport closes, and later ones at once")
    func waitingSubscriptions() async throws {
        let tap = Tap(UnixTransport(path: path))
        let server = try Self.server(try Self.cluster(tap))
        try await eventually("the server has subscribed") { tap.receivers.withLockedValue { $0.count } > 0 }
        #expect(tap.results.withLockedValue { $0.isEmpty })
        await tap.close()
        let asked = tap.receivers.withLockedValue { $0 }
        try await eventually("all are told") { tap.results.withLockedValue { $0.count } >= asked.count }
        tap.subscribe(asked[0], ClusterCallback { _ in })
        let results = tap.results.withLockedValue { $0 }
        #expect(results.count > asked.count)
        #expect(Set(results) == ["the hub cannot be reached"])
        await server.close()
    }

    @Test("the status tells that the hub is away, in plain words, and servers find each other when it is back")
    func hubGoesAndComes() async throws {
        defer { unlink(path) }
        let clusters = try (0..<2).map { _ in try Self.cluster(UnixTransport(path: path)) }
        let servers = try clusters.map { try Self.server($0) }
        for _ in 0..<2 {
            for cluster in clusters {
                try await eventually("the hub is away, not \(cluster.status)") { cluster.status == Self.away }
            }
            let hub = UnixHub()
            try await hub.listen(path: path)
            try await waitUntilServersKnowEachOther(count: 2, in: servers.map(\.sockets))
            try await eventually("both are connected") { hub.connectionCount == 2 }
            await hub.close()
            #expect(hub.connectionCount == 0)
        }
        for cluster in clusters {
            try await eventually("the hub is away, not \(cluster.status)") { cluster.status == Self.away }
        }
        for server in servers { await server.close() }
    }

    @Test("what waits for a hub that does not read is bounded, and the rest is reported as not sent")
    func slowHub() async throws {
        let accepted = NIOLockedValueBox<(any Channel)?>(nil)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                accepted.withLockedValue { $0 = channel }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(unixDomainSocketPath: path).get()
        defer { unlink(path) }
        let transport = UnixTransport(path: path, maximumWaitingBytes: 1 << 20)
        let isUp = NIOLockedValueBox(false)
        transport.start { status in isUp.withLockedValue { $0 = status == .up } }
        try await eventually("the transport is connected") {
            isUp.withLockedValue { $0 } && accepted.withLockedValue { $0 != nil }
        }
        let results = NIOLockedValueBox<[String]>([])
        func publish() {
            let done = ClusterCallback<Void> { result in
                var text = "sent"
                if case .failure(let error) = result { text = "\(error)" }
                results.withLockedValue { $0.append(text) }
            }
            transport.publish(ByteBuffer(repeating: 0, count: 65_536), in: "/", to: .everyone, done)
        }
        for _ in 0..<200 { publish() }
        // 1 MiB waits, and the system's buffers hold less than three.
        let unsent = results.withLockedValue { $0 }.filter { $0 != "sent" }
        #expect(unsent.count > 128)
        #expect(Set(unsent) == ["the hub does not read fast enough"])

        let hub = try #require(accepted.withLockedValue { $0 })
        try await hub.setOption(.autoRead, value: true).get()
        try await eventually("everything that waited has been sent") { results.withLockedValue { $0.count } == 200 }
        publish()
        try await eventually("the next one, too") { results.withLockedValue { $0.count } == 201 }
        #expect(results.withLockedValue { $0.last } == "sent")
        await transport.close()
        try await listener.close()
    }

    /// Writes down what becomes of subscriptions.
    private final class Tap: ClusterTransport {
        private let base: UnixTransport
        let receivers = NIOLockedValueBox<[ClusterReceiver]>([])
        /// The errors; empty for success.
        let results = NIOLockedValueBox<[String]>([])

        init(_ base: UnixTransport) { self.base = base }

        func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) { base.start(statusChanged) }
        func close() async { await base.close() }
        func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
            receivers.withLockedValue { $0.append(receiver) }
            base.subscribe(
                receiver,
                ClusterCallback { [results] result in
                    var text = ""
                    if case .failure(let error) = result { text = "\(error)" }
                    results.withLockedValue { $0.append(text) }
                    done(result)
                })
        }
        func unsubscribe(_ receiver: ClusterReceiver) { base.unsubscribe(receiver) }
        func publish(
            _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination,
            _ done: ClusterCallback<Void>
        ) { base.publish(message, in: namespace, to: destination, done) }
        func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
            base.countServers(in: namespace, done)
        }
    }

    private static func cluster(_ transport: any ClusterTransport) throws -> Cluster {
        var settings = ClusterConfiguration()
        settings.heartbeatInterval = .milliseconds(200)
        settings.peerTimeout = .seconds(3)
        return try Cluster(transport: transport, configuration: settings)
    }

    private static func server(_ cluster: Cluster) throws -> Server {
        var configuration = ServerConfiguration()
        configuration.logger.logLevel = .critical
        configuration.adapter = cluster.adapter
        let server = Server(configuration: configuration)
        _ = server.sockets
        return server
    }
}
