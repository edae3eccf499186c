// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

/// What a ``ClusterTransport`` carries, and one that does not do what it should.
@Suite("Cluster transports")
struct TransportTests {
    /// Takes every question how many servers there are, and tells nothing.
    private final class SilentCount: ClusterTransport {
        private let base: LoopbackTransport
        let asked = NIOLockedValueBox(0)

        init(_ base: LoopbackTransport) { self.base = base }

        func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) { base.start(statusChanged) }
        func close() async { await base.close() }
        func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) { base.subscribe(receiver, done) }
        func unsubscribe(_ receiver: ClusterReceiver) { base.unsubscribe(receiver) }
        func publish(
            _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination,
            _ done: ClusterCallback<Void>
        ) { base.publish(message, in: namespace, to: destination, done) }
        func countServers(in namespace: String, _ done: ClusterCallback<Int>) { asked.withLockedValue { $0 += 1 } }
    }

    /// Calls everything back three times, with different results.
    private final class Stutterer: ClusterTransport {
        private let base: LoopbackTransport

        init(_ base: LoopbackTransport) { self.base = base }

        private func repeated<Value: Sendable>(_ done: ClusterCallback<Value>) -> ClusterCallback<Value> {
            ClusterCallback { result in
                done(result)
                done.fail(CancellationError())
                done(result)
            }
        }

        func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
            base.start { status in for _ in 0..<3 { statusChanged(status) } }
        }
        func close() async { await base.close() }
        func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
            base.subscribe(receiver, repeated(done))
        }
        func unsubscribe(_ receiver: ClusterReceiver) { base.unsubscribe(receiver) }
        func publish(
            _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination,
            _ done: ClusterCallback<Void>
        ) { base.publish(message, in: namespace, to: destination, repeated(done)) }
        func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
            base.countServers(in: namespace, repeated(done))
        }
    }

    /// Notes when it is closed, and what is called after that or meanwhile.
    private final class Orderly: ClusterTransport {
        private let base: LoopbackTransport
        private let isClosed = NIOLockedValueBox(false)
        /// Whether the next message holds up its caller until the transport is closed, or not in time.
        let holdsUp = NIOLockedValueBox(false)
        let isHolding = NIOLockedValueBox(false)
        let late = NIOLockedValueBox<[String]>([])

        init(_ base: LoopbackTransport) { self.base = base }

        private func note(_ name: String) {
            if isClosed.withLockedValue({ $0 }) { late.withLockedValue { $0.append(name) } }
        }

        func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
            note("start")
            base.start(statusChanged)
        }
        func close() async {
            note("close")
            isClosed.withLockedValue { $0 = true }
            await base.close()
        }
        func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
            note("subscribe")
            base.subscribe(receiver, done)
        }
        func unsubscribe(_ receiver: ClusterReceiver) {
            note("unsubscribe")
            base.unsubscribe(receiver)
        }
        func publish(
            _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination,
            _ done: ClusterCallback<Void>
        ) {
            let holds = holdsUp.withLockedValue { holds in
                defer { if namespace == "/" { holds = false } }
                return holds && namespace == "/"
            }
            if holds {
                isHolding.withLockedValue { $0 = true }
                let end = ContinuousClock.now + .milliseconds(300)
                while ContinuousClock.now < end, !isClosed.withLockedValue({ $0 }) {}
            }
            note("publish")
            base.publish(message, in: namespace, to: destination, done)
        }
        func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
            note("countServers")
            base.countServers(in: namespace, done)
        }
    }

    @Test("nothing is called after close(), nor while it runs")
    func closeIsLast() async throws {
        let transport = Orderly(LoopbackNetwork().transport())
        let (server, cluster) = try Self.server(transport)
        try await cluster.waitUntilUp(within: .seconds(10))
        transport.holdsUp.withLockedValue { $0 = true }
        let emitting = Task { server.emit("held up") }
        try await eventually("a message is being sent") { transport.isHolding.withLockedValue { $0 } }
        await cluster.close()
        await emitting.value
        #expect(transport.late.withLockedValue { $0 } == [])

        let lost = cluster.statistics.lost
        server.emit("late")
        #expect(cluster.statistics.lost == lost + 1)
        let unsent = await #expect(throws: ClusterError.self) { try await server.serverSideEmit("late") }
        #expect(unsent?.code == .closed)
        let unasked = await #expect(throws: ClusterError.self) { _ = try await server.fetchSockets() }
        #expect(unasked?.code == .unavailable)
        await server.close()
        #expect(transport.late.withLockedValue { $0 } == [])
    }

    @Test("of several calls of a callback the first one counts")
    func aTransportThatCallsTwice() async throws {
        let network = LoopbackNetwork()
        let servers = try (0..<2).map { _ in try Self.server(Stutterer(network.transport())).server }
        try await waitUntilServersKnowEachOther(count: 2, in: servers.map(\.sockets))
        for server in servers { #expect(try await server.sockets.adapter.serverCount() == 2) }
        servers[1].sockets.on("double") { (number: Int) in 2 * number }
        #expect(try await servers[0].serverSideEmitWithAck("double", 21, as: Int.self) == [42])
        #expect(try await servers[0].sockets.adapter.fetchSockets(BroadcastOptions()).isEmpty)
        for server in servers { await server.close() }
    }

    private static func server(
        _ transport: any ClusterTransport, format: ClusterWireFormat = .messagePack,
        _ change: (inout ClusterConfiguration) -> Void = { _ in }
    ) throws -> (server: Server, cluster: Cluster) {
        var settings = ClusterConfiguration()
        change(&settings)
        var configuration = ServerConfiguration()
        configuration.logger.logLevel = .critical
        let cluster = try Cluster(transport: transport, configuration: settings, format: format)
        configuration.adapter = cluster.adapter
        let server = Server(configuration: configuration)
        _ = server.sockets
        return (server, cluster)
    }

    @Test func aTransportThatDoesNotCountIsNotWaitedForLonger() async throws {
        let transport = SilentCount(LoopbackNetwork().transport())
        let (server, cluster) = try Self.server(transport) { $0.requestsTimeout = .milliseconds(100) }
        try await cluster.waitUntilUp(within: .seconds(10))
        let error = await #expect(throws: ClusterError.self) { _ = try await server.sockets.adapter.serverCount() }
        #expect(error?.code == .timeout)
        #expect(transport.asked.withLockedValue { $0 } > 0)
        await server.close()
    }

    @Test("the error about a message that is too large names the setting")
    func theLimitHasItsName() async throws {
        for (name, expected) in [(nil, "ClusterConfiguration.maxMessageBytes"), ("bus.largest", "bus.largest")] {
            let (server, cluster) = try Self.server(LoopbackNetwork().transport()) {
                $0.maxMessageBytes = 65_536
                if let name { $0.maxMessageBytesName = name }
            }
            try await cluster.waitUntilUp(within: .seconds(10))
            let error = await #expect(throws: ClusterError.self) {
                try await server.serverSideEmit("e", String(repeating: "x", count: 65_536))
            }
            #expect(error?.code == .oversized)
            #expect(error?.message.contains("(\(expected))") == true && error?.message.contains("redis") == false)
            await server.close()
        }
    }

    /// Bytes in the arguments and in the answers, which each wire format writes in its own way.
    @Test(arguments: [ClusterWireFormat.messagePack, .json])
    func bytesReachTheListenersOfOtherServersAndComeBack(format: ClusterWireFormat) async throws {
        let network = LoopbackNetwork()
        let servers = try (0..<2).map { _ in try Self.server(network.transport(), format: format).server }
        try await waitUntilServersKnowEachOther(count: 2, in: servers.map(\.sockets))
        let heard = NIOLockedValueBox<[SocketValue]>([])
        servers[1].sockets.on("bytes") { (bytes: SocketData, text: String) in
            heard.withLockedValue { $0 += [.binary(bytes), .string(text)] }
        }
        servers[1].sockets.on("reversed") { (bytes: SocketData) in SocketData(bytes.bytes.reversed()) }
        let bytes: SocketData = [0, 1, 0xFF, 0x80, 0x0A]
        try await servers[0].serverSideEmit("bytes", bytes, "caf\u{e9}")
        try await eventually("the bytes") { heard.withLockedValue { $0.count } == 2 }
        #expect(heard.withLockedValue { $0 } == [.binary(bytes), .string("caf\u{e9}")])
        let answers = try await servers[0].serverSideEmitWithAck("reversed", bytes, as: SocketData.self)
        #expect(answers == [[0x0A, 0x80, 0xFF, 1, 0]])
        for server in servers { await server.close() }
    }
}
