// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

@testable internal import EngineIOServer
@testable internal import RequestForwarding

/// The directory of one node of a ``Fleet``, or of none.
final class TestDirectory: ForwardingDirectory {
    /// What all nodes know, by tag.
    final class Table: Sendable {
        let nodes = NIOLockedValueBox<[String: ForwardingNode]>([:])
    }

    private let tag: String
    private let table: Table

    init(tag: String = "", table: Table = Table()) {
        self.tag = tag
        self.table = table
    }

    func owner(ofTag tag: String) -> ForwardingNode? { table.nodes.withLockedValue { $0[tag] } }

    func announce(_ node: ForwardingNode?) { table.nodes.withLockedValue { $0[tag] = node } }

    func whenConnected(_ callback: @escaping @Sendable (String?) -> Void) { callback("127.0.0.1") }
}

/// Nodes in this process that forward to each other. The first is `n000`.
struct Fleet: Sendable {
    let table: TestDirectory.Table
    let nodes: [SessionTestServer]
    let listeners: [ForwardingListener]

    static func run(
        _ count: Int = 3, loops: Int = 1, _ configure: (Int, inout EngineConfiguration) -> Void = { _, _ in },
        _ body: (Fleet) async throws -> Void
    ) async throws {
        let table = TestDirectory.Table()
        var nodes: [SessionTestServer] = []
        var listeners: [ForwardingListener] = []
        for index in 0..<count {
            let node = try await SessionTestServer(loops: loops) { configuration in
                configuration.nodeTag = "n00\(index)"
                configuration.forwarding = ForwardingConfiguration(
                    directory: TestDirectory(tag: "n00\(index)", table: table))
                configure(index, &configuration)
            }
            nodes.append(node)
            guard
                let listener = ForwardingListener(
                    engine: node.engine.context.configuration, server: node.engine, group: node.group)
            else { continue }
            try await listener.start()
            listeners.append(listener)
        }
        let fleet = Fleet(table: table, nodes: nodes, listeners: listeners)
        do {
            try await eventually("the listeners") { listeners.allSatisfy { $0.localAddress != nil } }
            try await body(fleet)
        } catch {
            try await fleet.stop()
            throw error
        }
        try await fleet.stop()
    }

    func stop() async throws {
        for listener in listeners { await listener.close() }
        for node in nodes { try await node.stop() }
    }

    /// The port where a node listens for the others.
    func internalPort(_ index: Int) -> Int { listeners[index].localAddress?.port ?? 0 }

    func metrics(_ index: Int) -> ForwardingMetrics? { nodes[index].engine.forwarder?.metrics }

    /// A key of a node, as the others know it.
    func key(_ index: Int) -> ForwardingKey? {
        table.nodes.withLockedValue { $0["n00\(index)"]?.key }
    }
}

/// A node that is none: it says what a test wants to whoever connects.
final class FalseNode: Sendable {
    private let channel: any Channel
    private let accepted = NIOLockedValueBox(0)

    private final class Speaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let answer: String
        let closes: Bool

        init(_ answer: String, closes: Bool) {
            self.answer = answer
            self.closes = closes
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let channel = context.channel
            let closes = closes
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete { _ in
                if closes { channel.close(promise: nil) }
            }
        }
    }

    /// - Parameter closes: whether the connection ends with the answer.
    init(_ answer: String, closes: Bool = false) async throws {
        let accepted = accepted
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                accepted.withLockedValue { $0 += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Speaker(answer, closes: closes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var node: ForwardingNode {
        ForwardingNode(address: "127.0.0.1:\(channel.localAddress?.port ?? 0)", key: ForwardingKey.random())
    }

    var connections: Int { accepted.withLockedValue { $0 } }

    func close() async { try? await channel.close() }
}
