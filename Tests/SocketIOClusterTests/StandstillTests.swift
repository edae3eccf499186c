// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

/// A process that is stopped for longer than `peerTimeout`, such as by a pause of its machine, has heard nobody meanwhile.
@Suite("A suspended server")
struct StandstillTests {
    /// Keeps its server's thread busy for a while when it publishes the next question.
    private final class Sleeper: ClusterTransport {
        private let base: LoopbackTransport
        let sleeps = NIOLockedValueBox(false)
        let hasSlept = NIOLockedValueBox(false)
        /// Messages since then.
        let published = NIOLockedValueBox(0)

        init(_ base: LoopbackTransport) { self.base = base }

        func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) { base.start(statusChanged) }
        func close() async { await base.close() }
        func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) { base.subscribe(receiver, done) }
        func unsubscribe(_ receiver: ClusterReceiver) { base.unsubscribe(receiver) }
        func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
            base.countServers(in: namespace, done)
        }
        func publish(
            _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination,
            _ done: ClusterCallback<Void>
        ) {
            base.publish(message, in: namespace, to: destination, done)
            let isTime = sleeps.withLockedValue { sleeps in
                // Not after a heartbeat, which has a namespace of its own: the next one would be later.
                guard sleeps, namespace == "/" else { return false }
                sleeps = false
                return true
            }
            if isTime {
                Thread.sleep(forTimeInterval: 6)
                published.withLockedValue { $0 = 0 }
                hasSlept.withLockedValue { $0 = true }
            } else {
                published.withLockedValue { $0 += 1 }
            }
        }
    }

    @Test("still gets the answers of the others")
    func answersAreWaitedFor() async throws {
        let network = LoopbackNetwork()
        let sleeper = Sleeper(network.transport())
        let transports: [any ClusterTransport] = [sleeper, network.transport()]
        let servers = try transports.map { transport in
            var settings = ClusterConfiguration()
            settings.heartbeatInterval = .milliseconds(100)
            settings.peerTimeout = .seconds(4)
            var configuration = ServerConfiguration()
            configuration.logger.logLevel = .critical
            configuration.adapter = try Cluster(transport: transport, configuration: settings).adapter
            return Server(configuration: configuration)
        }
        try await waitUntilServersKnowEachOther(count: 2, in: servers.map(\.sockets))
        let (asked, mayAnswer) = (NIOLockedValueBox(false), NIOLockedValueBox(false))
        servers[1].sockets.on("double") { (number: Int) in
            asked.withLockedValue { $0 = true }
            try await eventually("the other server goes on", within: .seconds(60)) { mayAnswer.withLockedValue { $0 } }
            return 2 * number
        }
        let io = servers[0]
        let asking = Task { try await io.serverSideEmitWithAck("double", 21, as: Int.self, timeout: .seconds(90)) }
        try await eventually("the question has arrived") { asked.withLockedValue { $0 } }
        sleeper.sleeps.withLockedValue { $0 = true }
        let sleeping = Task { try await io.fetchSockets().count }
        try await eventually("it has slept", within: .seconds(60)) { sleeper.hasSlept.withLockedValue { $0 } }
        try await eventually("it has looked for silent servers", within: .seconds(60)) {
            sleeper.published.withLockedValue { $0 } > 2
        }
        mayAnswer.withLockedValue { $0 = true }
        #expect(try await asking.value == [42])
        #expect(try await sleeping.value == 0)
        for server in servers { await server.close() }
    }
}
