// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// A TCP proxy with faults: passes bytes on one by one, or swallows one direction.
package final class TestProxy: Sendable {
    package struct Faults {
        package var piece = Int.max
        package var swallowsToServer = false
        package var swallowsToClient = false

        /// None.
        package init() {}
    }

    private let listener: any Channel
    private let faults: NIOLockedValueBox<Faults>
    package var port: Int { listener.localAddress?.port ?? 0 }
    package var configuration: RedisConfiguration {
        RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: port)))
    }

    package init(to target: Int) async throws {
        let faults = NIOLockedValueBox(Faults())
        self.faults = faults
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                ClientBootstrap(group: client.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { server in
                        try client.pipeline.syncOperations.addHandler(
                            Forwarder(to: server, faults: faults) { $0.swallowsToServer })
                        try server.pipeline.syncOperations.addHandler(
                            Forwarder(to: client, faults: faults) { $0.swallowsToClient })
                        try client.syncOptions?.setOption(.autoRead, value: true)
                        try server.syncOptions?.setOption(.autoRead, value: true)
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    package func set(_ change: @Sendable (inout Faults) -> Void) {
        faults.withLockedValue { change(&$0) }
    }

    package func close() async throws {
        try await listener.close()
    }

    private final class Forwarder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let peer: any Channel
        private let faults: NIOLockedValueBox<Faults>
        private let swallows: @Sendable (Faults) -> Bool

        init(
            to peer: any Channel, faults: NIOLockedValueBox<Faults>, swallows: @escaping @Sendable (Faults) -> Bool
        ) {
            self.peer = peer
            self.faults = faults
            self.swallows = swallows
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            let faults = faults.withLockedValue { $0 }
            if swallows(faults) { return }
            while let piece = bytes.readSlice(length: min(faults.piece, bytes.readableBytes)), piece.readableBytes > 0 {
                peer.writeAndFlush(piece, promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            peer.close(promise: nil)
        }
    }
}
