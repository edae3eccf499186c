// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix
package import ProcessTesting
package import SocketIORedis
package import SocketIOServer
package import SocketIOTesting

package let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// One node: a server and its part in the cluster.
package struct NodeUnderTest: Sendable {
    package let name: String
    package let io: Server
    package let cluster: RedisCluster
    package let address: ServerAddress

    /// A node that a test has started itself.
    package init(name: String, io: Server, cluster: RedisCluster, address: ServerAddress) {
        (self.name, self.io, self.cluster, self.address) = (name, io, cluster, address)
    }

    package static func start(
        _ name: String, _ cluster: RedisCluster, loops: Int = 1, logger: Logger = silentLogger,
        recovery: ConnectionStateRecovery? = nil, _ setUp: (NodeUnderTest) throws -> Void = { _ in }
    ) async throws -> NodeUnderTest {
        var configuration = ServerConfiguration()
        configuration.eventLoops = loops
        configuration.logger = logger
        configuration.engine.logger = silentLogger
        configuration.engine.nodeTag = name
        configuration.adapter = cluster.adapter
        configuration.connectionStateRecovery = recovery
        let io = Server(configuration: configuration)
        guard let port = try await io.listen()?.port else { throw TestFailure("no port") }
        let node = NodeUnderTest(name: name, io: io, cluster: cluster, address: ServerAddress(port: port))
        try setUp(node)
        return node
    }

    /// A client in a namespace, in the rooms given.
    package func client(
        _ rooms: [String] = [], namespace: String = "/", transport: TestTransport = .websocket
    ) async throws -> TestSocket {
        let client = try await SocketTestClient.connect(to: address, transport: transport)
        return try await client.join(namespace, auth: ["rooms": .array(rooms.map { .string($0) })])
    }
}

/// Nodes called `nod0`, `nod1`… over one Redis, all of which know each other.
package func withNodes(
    _ count: Int, on redis: RedisServer, loops: Int = 1, namespaces: [String] = ["/", "/chat"],
    logger: Logger = silentLogger, recovery: ConnectionStateRecovery? = nil,
    via connection: (Int) -> RedisConfiguration? = { _ in nil },
    _ change: @Sendable (inout RedisClusterConfiguration) -> Void = { _ in },
    _ body: ([NodeUnderTest]) async throws -> Void
) async throws {
    var configuration = RedisClusterConfiguration()
    configuration.requestsTimeout = .seconds(5)
    change(&configuration)
    var nodes: [NodeUnderTest] = []
    do {
        for index in 0..<count {
            let cluster = try RedisCluster(
                redis: connection(index) ?? redis.configuration, configuration: configuration)
            nodes.append(
                try await NodeUnderTest.start(
                    "nod\(index)", cluster, loops: loops, logger: logger, recovery: recovery
                ) { node in
                    for name in namespaces { joinAsTold(node.io.of(name)) }
                })
        }
        for node in nodes { try await node.cluster.waitUntilUp(within: .seconds(20)) }
        try await settled(nodes, namespaces: namespaces)
        try await body(nodes)
    } catch {
        for node in nodes { await node.io.close() }
        throw error
    }
    for node in nodes { await node.io.close() }
}

/// Waits until every node knows all others in every namespace.
package func settled(_ nodes: [NodeUnderTest], namespaces: [String]) async throws {
    for name in namespaces {
        try await waitUntilServersKnowEachOther(count: nodes.count, in: nodes.map { $0.io.of(name) })
    }
}

/// Sockets join the rooms their `auth` names, and any they ask for.
package func joinAsTold(_ namespace: Namespace) {
    namespace.onConnection { socket in
        socket.join((socket.handshake.auth["rooms"]?.array ?? []).compactMap(\.string))
        socket.on("join") { (room: String) in
            socket.join(room)
            return true
        }
    }
}

/// What clients of all nodes have heard of what the first node has sent, and everything that Redis has brought of it too late
/// or twice.
///
/// Three ends are sent, each when everybody has heard the one before, by the first node, by the second, and by the first again.
/// Redis keeps the order of what it is given: behind the second end there is nothing at the first node of what that had sent,
/// its own messages included, and behind the third nothing at the others.
package func heard(_ sockets: [TestSocket], _ nodes: [NodeUnderTest]) async throws -> [[String]] {
    var all = Array(repeating: [String](), count: sockets.count)
    for (number, node) in [nodes[0], nodes[1], nodes[0]].enumerated() {
        let end = "end \(number)"
        node.io.emit(end)
        for (index, socket) in sockets.enumerated() {
            while case let event = try await socket.events.next(), event.name != end { all[index].append(event.name) }
        }
    }
    return all
}

/// A logger whose messages can be read.
package func recordingLogger() -> (Logger, Recorder<String>) {
    let lines = Recorder<String>()
    return (Logger(label: "test") { _ in RecordingLogHandler(lines: lines) }, lines)
}

private struct RecordingLogHandler: LogHandler {
    let lines: Recorder<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.append("\(event.level) \(event.message)")
    }
}

/// Collects what handlers of several threads see.
package final class Recorder<Element: Sendable>: Sendable {
    private let elements = NIOLockedValueBox<[Element]>([])

    /// Nothing, to begin with.
    package init() {}

    package var all: [Element] { elements.withLockedValue { $0 } }
    package var count: Int { elements.withLockedValue { $0.count } }

    package func append(_ element: Element) { elements.withLockedValue { $0.append(element) } }
    package func removeAll() { elements.withLockedValue { $0 = [] } }
}

/// Loops for clients of tests.
package enum MultiThreadedLoop {
    package static func next() -> any EventLoop { MultiThreadedEventLoopGroup.singleton.next() }
}
