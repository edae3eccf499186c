// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
package import HiredisNIO
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix

/// A TCP link with faults between a node and Redis: bytes late, in small pieces, not at all in one direction or both (they
/// arrive when the link heals, as TCP does it), connections reset.
package final class FaultyLink: Sendable {
    package struct Faults {
        /// How late bytes are, in each direction.
        package var delay = TimeAmount.zero
        /// Bytes are passed on in pieces of so many.
        package var piece = Int.max
        /// Nothing arrives; nothing is read either, so that the sender's buffers fill.
        package var holdsToServer = false
        package var holdsToClient = false
        /// Each connection is reset by the first bytes after so many milliseconds of its life, which chance decides.
        package var lives: ClosedRange<Int64>?

        /// None.
        package init() {}
    }

    private let listener: any Channel
    private let faults = NIOLockedValueBox(Faults())
    private let ends = NIOLockedValueBox<[ObjectIdentifier: End]>([:])

    package var port: Int { listener.localAddress?.port ?? 0 }
    package var configuration: RedisConfiguration {
        RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: port)))
    }

    package init(to target: Int) async throws {
        let (faults, ends) = (faults, ends)
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { client in
                ClientBootstrap(group: client.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { server in
                        for end in [
                            End(client, to: server, faults: faults, ends: ends) { $0.holdsToServer },
                            End(server, to: client, faults: faults, ends: ends) { $0.holdsToClient },
                        ] {
                            try end.channel.pipeline.syncOperations.addHandler(end)
                            ends.withLockedValue { $0[ObjectIdentifier(end)] = end }
                            end.follow()
                        }
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    package func set(_ change: @Sendable (inout Faults) -> Void) {
        faults.withLockedValue { change(&$0) }
        for end in ends.withLockedValue({ Array($0.values) }) { end.channel.eventLoop.execute { end.follow() } }
    }

    /// Resets all connections.
    package func reset() {
        for end in ends.withLockedValue({ Array($0.values) }) { end.channel.eventLoop.execute { end.reset() } }
    }

    package func close() async throws {
        try await listener.close()
        reset()
    }

    /// One end of a connection. Confined to its channel's event loop, hence `@unchecked Sendable`.
    private final class End: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        let channel: any Channel
        private let peer: any Channel
        private let faults: NIOLockedValueBox<Faults>
        private let ends: NIOLockedValueBox<[ObjectIdentifier: End]>
        private let holds: @Sendable (Faults) -> Bool

        init(
            _ channel: any Channel, to peer: any Channel, faults: NIOLockedValueBox<Faults>,
            ends: NIOLockedValueBox<[ObjectIdentifier: End]>, holds: @escaping @Sendable (Faults) -> Bool
        ) {
            (self.channel, self.peer, self.faults, self.ends, self.holds) = (channel, peer, faults, ends, holds)
        }

        /// Whether the end of the connection is still to be told to the other side.
        private var owesEnd = false
        private let began = NIODeadline.now()
        private let share = Double.random(in: 0..<1)

        /// Whether the time that chance has given the connection is over.
        private func isDue(_ lives: ClosedRange<Int64>) -> Bool {
            let milliseconds = Double(lives.lowerBound) + share * Double(lives.upperBound - lives.lowerBound)
            return NIODeadline.now() >= began + .microseconds(Int64(milliseconds * 1000))
        }

        /// Reads, or does not.
        func follow() {
            if owesEnd, !holds(faults.withLockedValue { $0 }) { end() }
            try? channel.syncOptions?.setOption(.autoRead, value: !holds(faults.withLockedValue { $0 }))
        }

        func reset() {
            for channel in [channel, peer] where channel.isActive {
                _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                channel.close(promise: nil)
            }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            let faults = faults.withLockedValue { $0 }
            if let lives = faults.lives, isDue(lives) { return reset() }
            guard faults.delay > .zero else { return pass(bytes, faults.piece) }
            channel.eventLoop.scheduleTask(in: faults.delay) { self.pass(bytes, faults.piece) }
        }

        private func pass(_ bytes: ByteBuffer, _ piece: Int) {
            var bytes = bytes
            while bytes.readableBytes > 0, let part = bytes.readSlice(length: min(piece, bytes.readableBytes)) {
                peer.writeAndFlush(part, promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            // The end of a connection is on the way like everything else.
            if holds(faults.withLockedValue { $0 }) { owesEnd = true } else { end() }
        }

        private func end() {
            owesEnd = false
            ends.withLockedValue { _ = $0.removeValue(forKey: ObjectIdentifier(self)) }
            let delay = faults.withLockedValue { $0.delay }
            channel.eventLoop.scheduleTask(in: delay) { self.peer.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            reset()
        }
    }
}
