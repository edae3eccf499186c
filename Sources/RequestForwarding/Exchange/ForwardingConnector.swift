// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import HTTPServerCore
internal import NIOCore
internal import NIOPosix

/// Connects to other nodes.
enum ForwardingConnector {
    /// A connection on `eventLoop`; none when the process has only its last descriptors left.
    ///
    /// - Parameter initialize: adds the handlers; on the event loop.
    static func connect(
        to address: ForwardingAddress, on eventLoop: any EventLoop, timeout: TimeAmount,
        initialize: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 512, maximum: 65_536)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let socket = DirectSocket(channel), DescriptorLimit.isReserved(Int(socket.descriptor)) {
                        throw IOError(errnoCode: EMFILE, reason: "connecting to another node")
                    }
                    try initialize(channel)
                }
            }
        // A numeric address needs nobody to look it up.
        if let numeric = try? SocketAddress(ipAddress: address.host, port: address.port) {
            return bootstrap.connect(to: numeric)
        }
        return bootstrap.connect(host: address.host, port: address.port)
    }
}

extension ForwardingFailure {
    /// Why no connection was made.
    init(connecting error: any Error) {
        // By name, several addresses may have been tried.
        let tried = (error as? NIOConnectionError)?.connectionErrors.map(\.error) ?? [error]
        let isShort = tried.contains { failure in
            let code = (failure as? IOError)?.errnoCode
            return code == EMFILE || code == ENFILE
        }
        self = isShort ? .overloaded : .unreachable
    }
}
