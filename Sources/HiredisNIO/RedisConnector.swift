// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Where one attempt goes.
enum RedisAddress: Hashable, CustomStringConvertible {
    case tcp(RedisHost)
    case unixSocket(String)

    var description: String {
        switch self {
        case .tcp(let host): host.description
        case .unixSocket(let path): path
        }
    }
}

/// Opens connections: socket, TLS, handler.
enum RedisConnector {
    /// TLS as it is used for each connection; made once, because it reads files.
    struct TLS {
        let context: NIOSSLContext
        let settings: RedisTLS

        init?(_ settings: RedisTLS?) throws(RedisError) {
            guard let settings else { return nil }
            self.settings = settings
            context = try settings.makeContext()
        }

        func makeHandler(for address: RedisAddress) throws -> NIOSSLClientHandler {
            var name = settings.serverName
            if name == nil, case .tcp(let host) = address, !Self.isAddress(host.host) { name = host.host }
            // Without a name the certificate must be for the address of the peer.
            return try NIOSSLClientHandler(context: context, serverHostname: name)
        }

        private static func isAddress(_ host: String) -> Bool {
            (try? SocketAddress(ipAddress: host, port: 0)) != nil
        }
    }

    /// Connects, then adds the handler, which logs in by itself. A failed result means that the handler was not added.
    static func connect(
        to address: RedisAddress, tls: TLS?, timeout: TimeAmount, connection: RedisConnection
    ) -> EventLoopFuture<Void>.Isolated {
        // A name can have several addresses, each tried with a channel of its own: the handler is for the winner.
        // Nothing is read before it is in place.
        let bootstrap = ClientBootstrap(group: connection.eventLoop)
            .connectTimeout(timeout)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 8)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 4096, maximum: 131_072))
        let channel: EventLoopFuture<any Channel>
        switch address {
        case .tcp(let host):
            let bootstrap =
                bootstrap
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // An address, as sentinels name them, needs no resolver, which does one name after the other.
            if let address = try? SocketAddress(ipAddress: host.host, port: host.port) {
                channel = bootstrap.connect(to: address)
            } else {
                channel = bootstrap.connect(host: host.host, port: host.port)
            }
        case .unixSocket(let path):
            channel = bootstrap.connect(unixDomainSocketPath: path)
        }
        return channel.assumeIsolated().flatMapThrowing { channel in
            do {
                if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler(for: address)) }
                try channel.pipeline.syncOperations.addHandler(connection)
                try channel.syncOptions?.setOption(.autoRead, value: true)
            } catch {
                channel.close(promise: nil)
                throw error
            }
        }
    }

    /// The error for a failed attempt.
    static func error(_ error: any Error, address: RedisAddress) -> RedisError {
        switch error {
        case let error as RedisError: error
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            RedisError(.tls, "TLS with \(address) failed", cause: error)
        case let error as NIOConnectionError where !error.connectionErrors.isEmpty:
            RedisError(.connect, "cannot connect to \(address)", cause: error.connectionErrors[0].error)
        default: RedisError(.connect, "cannot connect to \(address)", cause: error)
        }
    }
}
