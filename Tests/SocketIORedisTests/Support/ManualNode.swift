// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import LoopConfinement
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// A node on an event loop whose clock the test moves, over a Redis that the test plays. It does not listen.
struct ManualNode: Sendable {
    let loop: NIOAsyncTestingEventLoop
    let io: Server
    let cluster: RedisCluster
    let transport: ScriptedTransport
    let adapter: ClusterAdapter

    /// Runs a test on a node that is up.
    ///
    /// - Parameter subscribers: how many nodes Redis says there are, this one included.
    static func run(
        subscribers: Int = 1, recovery: ConnectionStateRecovery? = nil,
        script: @escaping @Sendable (inout ScriptedTransport.State) -> Void = { _ in },
        _ change: (inout RedisClusterConfiguration) -> Void = { _ in },
        _ body: (ManualNode) async throws -> Void
    ) async throws {
        var settings = RedisClusterConfiguration()
        change(&settings)
        let loop = NIOAsyncTestingEventLoop()
        // What is due at the moment is done at once, as on any loop; only time does not pass by itself.
        let pump = Task {
            while !Task.isCancelled {
                await loop.run()
                try? await Task.sleep(for: .microseconds(500))
            }
        }
        let holder = NIOLockedValueBox<ScriptedTransport?>(nil)
        let cluster = try RedisCluster(configuration: settings) { eventLoop, _ in
            let transport = ScriptedTransport(eventLoop: eventLoop)
            transport.with {
                $0.subscribers = subscribers
                script(&$0)
            }
            holder.withLockedValue { $0 = transport }
            return transport
        }
        var configuration = ServerConfiguration()
        configuration.logger = silentLogger
        configuration.engine.logger = silentLogger
        configuration.engine.nodeTag = "nod0"
        configuration.adapter = cluster.adapter
        configuration.connectionStateRecovery = recovery
        let io = Server(configuration: configuration, eventLoopGroup: loop)
        let node = ManualNode(
            loop: loop, io: io, cluster: cluster, transport: try #require(holder.withLockedValue { $0 }),
            adapter: try #require(io.adapter as? ClusterAdapter))
        do {
            try await eventually("up") { cluster.status == .up }
            try await eventually("it has said hello") {
                node.transport.with { $0.published }.contains { $0.text.contains(#""hello":true"#) }
            }
            // Peers' counts are compared by the adapters that the directory knows, and by no other.
            try await eventually("its adapter is known") {
                await node.adapter.core.get { $0.directory.heartbeat.members["/"] != nil }
            }
            try await body(node)
        } catch {
            // Time does not pass by itself: what the node says last has to be confirmed.
            node.transport.with { $0.confirms = true }
            await io.close()
            pump.cancel()
            throw error
        }
        await io.close()
        pump.cancel()
        await loop.shutdownGracefully()
    }

    /// Lets time pass.
    func advance(_ time: TimeAmount) async { await loop.advanceTime(by: time) }

    /// Another node of this kind says hello, or anything else.
    func hear(fromPeer json: String) async throws {
        try await transport.deliver("\(cluster.configuration.key)-node#", Array(json.utf8))
    }

    /// A peer with this name, which is also its tag, and with adapters for `/`.
    func meet(_ peer: String) async throws {
        try await hear(fromPeer: #"{"type":"alive","node":"\#(peer)","tag":"\#(peer)","uids":{"/":"\#(peer)-uid"}}"#)
        try await eventually("\(peer) is known") { cluster.nodes.contains { $0.tag == peer } }
    }

    /// Whether answers of other nodes are waited for at this moment.
    func isWaiting() async throws -> Bool {
        await adapter.core.get {
            $0.requests.count > 0 || $0.directory.questions.isWaiting || $0.broadcasts.count > 0
        }
    }

    /// What has been published since `transport.forget()`, heartbeats left out.
    var questions: [Published] {
        transport.with { $0.published }.filter {
            !$0.text.contains(#""type":"alive""#) && !$0.text.contains("\"echo\"")
        }
    }
}
