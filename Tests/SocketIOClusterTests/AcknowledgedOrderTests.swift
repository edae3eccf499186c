// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

/// A broadcast with acknowledgements leaves when it is sent, and not when the number of servers is known.
@Suite("Order of acknowledged broadcasts", .timeLimit(.minutes(2)))
struct AcknowledgedOrderTests {
    /// Keeps the answers to questions how many servers there are, while it is told to.
    private final class LateCount: ClusterTransport {
        private let base: LoopbackTransport
        private let kept = NIOLockedValueBox<[@Sendable () -> Void]?>(nil)

        init(_ base: LoopbackTransport) { self.base = base }

        func keepAnswers() { kept.withLockedValue { $0 = [] } }

        func answer() {
            let answers = kept.withLockedValue { kept in
                defer { kept = nil }
                return kept ?? []
            }
            for answer in answers { answer() }
        }

        func set(_ status: ClusterStatus) { base.set(status) }
        func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) { base.start(statusChanged) }
        func close() async { await base.close() }
        func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) { base.subscribe(receiver, done) }
        func unsubscribe(_ receiver: ClusterReceiver) { base.unsubscribe(receiver) }
        func publish(
            _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination,
            _ done: ClusterCallback<Void>
        ) { base.publish(message, in: namespace, to: destination, done) }
        func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
            let answer: @Sendable () -> Void = { [base] in base.countServers(in: namespace, done) }
            let isKept = kept.withLockedValue { kept in
                kept?.append(answer)
                return kept != nil
            }
            if !isKept { answer() }
        }
    }

    /// Two servers with one client each.
    private func withServers(
        _ body: (Server, LateCount, [TestSocket]) async throws -> Void
    ) async throws {
        let network = LoopbackNetwork()
        let late = LateCount(network.transport())
        let transports: [any ClusterTransport] = [late, network.transport()]
        var servers: [Server] = []
        var sockets: [TestSocket] = []
        for transport in transports {
            var configuration = ServerConfiguration()
            configuration.logger.logLevel = .critical
            configuration.adapter = try Cluster(transport: transport).adapter
            let server = Server(configuration: configuration)
            let port = try #require(try await server.listen()?.port)
            servers.append(server)
            sockets.append(try await SocketTestClient.connect(to: ServerAddress(port: port)).join())
        }
        try await waitUntilServersKnowEachOther(count: 2, in: servers.map(\.sockets))
        try await body(servers[0], late, sockets)
        late.answer()
        for server in servers { await server.close() }
    }

    @Test("later events of the caller do not overtake it, and the answers are complete")
    func order() async throws {
        try await withServers { io, transport, sockets in
            for socket in sockets { socket.answer("asked") { $0 } }
            transport.keepAnswers()
            let results = NIOLockedValueBox<[Int]>([])
            for number in 0..<50 {
                io.timeout(.seconds(60)).emit("asked", number) { result in
                    let count = (try? result.get().count) ?? -1
                    results.withLockedValue { $0.append(count) }
                }
                io.emit("told", number)
            }
            for socket in sockets {
                for number in 0..<50 {
                    for name in ["asked", "told"] {
                        let event = try await socket.events.next()
                        #expect(event.name == name && event.arguments == [.number(Double(number))])
                    }
                }
            }
            // All have answered, but it is not known whether these are all servers.
            #expect(results.withLockedValue { $0.isEmpty })
            transport.answer()
            try await eventually("all answers are there") { results.withLockedValue { $0.count } == 50 }
            #expect(results.withLockedValue { $0 } == Array(repeating: 2, count: 50))
        }
    }

    @Test("nobody gets the event when the others cannot be reached")
    func down() async throws {
        try await withServers { io, transport, sockets in
            transport.set(.down("away"))
            let error = await #expect(throws: ClusterError.self) { _ = try await io.emitWithAck("asked") }
            #expect(error?.code == .unavailable)
            io.emit("told")
            let event = try await sockets[0].events.next()
            #expect(event.name == "told")
            transport.set(.up)
        }
    }

    @Test("without the number of servers the answers that are there are returned at the time-out")
    func noCount() async throws {
        try await withServers { io, transport, sockets in
            for socket in sockets { socket.answer("asked") { _ in [1] } }
            transport.keepAnswers()
            let answers = try await io.timeout(.seconds(1)).emitWithAnswers("asked")
            #expect(answers.isTimedOut && !answers.isComplete)
            #expect(answers.answers.count == 2 && answers.silentServers == 1)
        }
    }
}
