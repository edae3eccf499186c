// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix
package import NIOSSL

/// A listening socket and the connections it has accepted.
package final class HTTPListener: Sendable {
    /// Where to listen.
    package enum Address: Sendable, Equatable {
        /// A TCP socket. Port 0 takes any free port; see `localAddress`.
        case tcp(host: String, port: Int)
        /// A Unix domain socket. A file left behind by an earlier run is replaced.
        case unix(path: String)
    }

    let channel: any Channel
    let handover: ConnectionHandover
    private let connections: HTTPConnections
    private let descriptors: DescriptorWatch
    /// The TLS context for connections accepted from now on; nil on a listener without TLS.
    private let tls: NIOLockedValueBox<NIOSSLContext?>

    private init(
        channel: any Channel, handover: ConnectionHandover, connections: HTTPConnections, descriptors: DescriptorWatch,
        tls: NIOLockedValueBox<NIOSSLContext?>
    ) {
        self.channel = channel
        self.handover = handover
        self.tls = tls
        self.connections = connections
        self.descriptors = descriptors
    }

    /// Listens at `address`; the configuration's `tls` decides whether connections are encrypted.
    ///
    /// - Parameters:
    ///   - group: The event loops that serve the connections.
    ///   - isOnlyIPv6: Whether `::` leaves clients of IPv4 to another listener (``ListenHost``).
    ///   - acceptor: The event loop that accepts connections, if it is not in `group`. With a loop that does nothing
    ///     else, a handler that blocks its own loop does not delay connections to the others.
    /// - Throws: ``ListenError`` when the server cannot listen on the address; `NIOSSLError` for a certificate or key
    ///   that cannot be used.
    package static func bind(
        to address: Address, isOnlyIPv6: Bool = false, group: any EventLoopGroup,
        acceptor: (any EventLoopGroup)? = nil, server: HTTPServer
    ) async throws -> HTTPListener {
        let connections = HTTPConnections()
        let configuration = server.configuration
        let tls = NIOLockedValueBox(try configuration.tls.map { try context($0) })
        let descriptors = DescriptorWatch { server.service.refusedForDescriptors($0, limit: $1, on: $2) }
        let setUp: @Sendable (any Channel) throws -> Void = { channel in
            try Self.setUp(channel, server: server, connections: connections, tls: tls.withLockedValue { $0 })
        }
        let handover = ConnectionHandover(group)
        var bootstrap = ServerBootstrap(group: acceptor ?? group, childGroup: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        DescriptorGuard(
                            watch: descriptors, leavesHeadroom: configuration.leavesDescriptors,
                            speaksTLS: configuration.tls != nil))
                    try channel.pipeline.syncOperations.addHandler(Acceptor(handover, setUp))
                }
            }
            .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try setUp(channel) } }
        let channel: any Channel
        do {
            switch address {
            case .tcp(let written, let port):
                let host = ListenHost.bare(written)
                // Accepted sockets inherit the option on Linux, which saves a system call for each of them.
                bootstrap = bootstrap.serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                if isOnlyIPv6 {
                    bootstrap = bootstrap.serverChannelOption(
                        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
                }
                channel = try await bootstrap.bind(host: host, port: port).get()
            case .unix(let path):
                channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            }
        } catch {
            throw ListenError(error, address)
        }
        try await channel.eventLoop.submit { try Acceptor.bypassBootstrap(of: channel) }.get()
        return HTTPListener(
            channel: channel, handover: handover, connections: connections, descriptors: descriptors, tls: tls)
    }

    /// Gives an accepted connection its handlers. On its event loop.
    private static func setUp(
        _ channel: any Channel, server: HTTPServer, connections: HTTPConnections, tls: NIOSSLContext?
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        // It stands before TLS, because the PROXY header comes before the encrypted data.
        if server.configuration.proxyProtocol { try pipeline.addHandler(ProxyProtocolHandler(server: server)) }
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let receiveBuffer = tls == nil ? server.service.receiveBuffer(for: channel.eventLoop.assumeIsolated()) : nil
        if let receiveBuffer {
            try SharedReceiveAllocator.install(receiveBuffer, on: channel)
        } else {
            try channel.syncOptions?.setOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 512, maximum: 65_536))
        }
        try pipeline.addHandler(
            HTTPConnectionHandler(
                server: server, isSecure: tls != nil, connections: connections, eventLoop: channel.eventLoop,
                receiveBuffer: receiveBuffer))
    }

    /// Replaces the certificate for connections accepted from now on; existing connections keep theirs. A listener
    /// without TLS stays without.
    package func reload(tls configuration: TLSConfiguration) throws {
        let context = try Self.context(configuration)
        tls.withLockedValue { current in
            if current != nil { current = context }
        }
    }

    /// Versions before 1.2 must not be used any more (RFC 8996), but NIOSSL's default is 1.0.
    private static func context(_ configuration: TLSConfiguration) throws -> NIOSSLContext {
        var configuration = configuration
        switch configuration.minimumTLSVersion {
        case .tlsv1, .tlsv11: configuration.minimumTLSVersion = .tlsv12
        case .tlsv12, .tlsv13: break
        }
        return try NIOSSLContext(configuration: configuration)
    }

    /// Where the socket listens; nil once it is closed.
    package var localAddress: SocketAddress? { channel.localAddress }

    /// The port of a TCP listener.
    package var port: Int? { channel.localAddress?.port }

    /// How many connections speak HTTP at the moment; connections that were taken over do not count.
    package var connectionCount: Int { connections.count }

    /// Whether the listener refuses connections, or did so within the last seconds, because descriptors are short.
    package var isShortOfDescriptors: Bool { descriptors.isShort() }

    /// Closes the listening socket; existing connections continue. Calling it again does nothing.
    package func stopAccepting() async {
        // This fails only when the socket is closed already, which is the desired state.
        try? await channel.close()
    }

    /// Stops accepting, ends idle connections, and gives the others `gracePeriod` to finish their request.
    ///
    /// Close the service first: it answers the requests that it holds. It also closes the connections that it has taken
    /// over.
    package func close(gracePeriod: TimeAmount = .seconds(1)) async {
        await stopAccepting()
        await connections.drain(gracePeriod: gracePeriod, on: channel.eventLoop)
    }
}
