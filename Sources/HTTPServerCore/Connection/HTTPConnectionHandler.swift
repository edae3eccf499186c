// Part of socketio-server, MIT licence; see LICENSE.

internal import FailureText
internal import Logging
package import NIOCore

/// One HTTP connection: requests in, answers out, in order. Performs what ``HTTPConnectionStateMachine`` decides.
///
/// ```
/// [TLS] ─ bytes ─▶ RequestHeadParser ─▶ HTTPService, which gets an HTTPExchange
///                  RequestBodyDecoder ─▶ collected, streamed or thrown away
/// ```
///
/// This is the only HTTP handler of the pipeline. It decodes no further than the request in progress, so the bytes
/// after the head of an upgrade are still in its buffer when the connection is taken over: no decoder can lose them.
/// Confined to its event loop. The properties that every request uses are not checked for overlapping access: they are
/// values that call nothing back, and references that are only read and replaced.
package final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    let server: HTTPServer
    let isSecure: Bool
    let connections: HTTPConnections?
    let settings: HTTPLoopSettings
    let eventLoop: any EventLoop

    @exclusivity(unchecked) var context: ChannelHandlerContext?
    @exclusivity(unchecked) var machine = HTTPConnectionStateMachine()
    /// The request in progress; the machine has one at the same time.
    @exclusivity(unchecked) var current: HTTPTransaction?
    @exclusivity(unchecked) var timer = DeadlineTimer()
    /// The index of this connection in ``SharedAcceptDeadline``, while that watches its deadline.
    @exclusivity(unchecked) var acceptDeadlineIndex: Int?
    /// The tracker of the last response that has one.
    @exclusivity(unchecked) var tracker: AnswerTracker?
    /// The socket for direct writes, found with the first answer.
    @exclusivity(unchecked) var socket: (any ResponseSocket)?
    /// The channel is not a socket, as in tests.
    @exclusivity(unchecked) var hasNoSocket = false
    /// Completed when an application may continue to write.
    var writabilityWaiters: [EventLoopPromise<Void>] = []

    @exclusivity(unchecked) var inbound = ByteBuffer()
    /// The buffer that the channel reads into, if several channels share it.
    private let receiveBuffer: ReceiveBufferPool?
    @exclusivity(unchecked) var parser: RequestHeadParser
    @exclusivity(unchecked) var isProcessing = false
    /// The client uses TLS to a proxy, which said so in its PROXY header.
    var proxiesTLS = false
    /// The peer of all requests, unless proxies are trusted to name other clients.
    @exclusivity(unchecked) var solePeer: HTTPPeer?
    /// The peer's address as text, made once. Behind a proxy that uses the PROXY protocol it is the address of the
    /// proxy's client.
    lazy var peer = remoteAddress?.numericHost ?? ""
    private(set) lazy var remoteAddress = context?.channel.remoteAddress
    /// The PROXY header of a trusted proxy names no client: the proxy does not know the client, or the connection is
    /// its own.
    var isClientUnknown = false
    /// Whether the server trusts `X-Forwarded-…` of this connection's requests. It does not when a proxy uses the PROXY
    /// protocol and names no client: such a proxy passes the client's own headers on unchanged.
    private(set) lazy var isTrustedProxy =
        !isClientUnknown && !server.configuration.trustedProxies.isEmpty
        && server.configuration.trustedProxies.isTrusted(peer)

    /// - Parameter receiveBuffer: the buffer that the channel reads into, if several channels share it.
    package init(
        server: HTTPServer, isSecure: Bool, connections: HTTPConnections?, eventLoop: any EventLoop,
        receiveBuffer: ReceiveBufferPool? = nil
    ) {
        self.receiveBuffer = receiveBuffer
        self.server = server
        self.isSecure = isSecure
        self.connections = connections
        self.eventLoop = eventLoop
        settings = server.settings.settings(for: eventLoop.assumeIsolated())
        parser = RequestHeadParser(
            maximumSize: settings.limits.maxRequestHeadSize, maximumHeaders: settings.limits.maxHeaders)
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    package func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
        readFirst(context)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        drop()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        drop()
        context.fireChannelInactive()
    }

    /// Reads the data that has already arrived with the connection, usually a whole request. The selector then need not
    /// be asked for it, and NIO's first read, which is short (``SharedReceiveAllocator``), is used for a later message
    /// that is short, too. NIO's own read finds data that arrives later, the end of the stream and errors.
    private func readFirst(_ context: ChannelHandlerContext) {
        // Another handler reads the PROXY header at the front.
        guard let receiveBuffer, !server.configuration.proxyProtocol, machine.isServing, context.channel.isActive,
            let socket = DirectSocket(context.channel)
        else { return }
        self.socket = socket
        var bytes = receiveBuffer.take(minimumCapacity: SharedReceiveAllocator.capacity)
        let count = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { socket.receive(into: $0) }
        if count > 0 { received(bytes) } else { receiveBuffer.put(bytes) }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) { received(unwrapInboundIn(data)) }

    private func received(_ bytes: ByteBuffer) {
        defer { receiveBuffer?.put(bytes) }
        guard machine.isServing else { return }
        if inbound.readableBytes == 0 {
            inbound = bytes
            process()
            // Bytes that have to wait are copied to memory of their own.
            if inbound.readableBytes > 0 { inbound = ByteBuffer(bytes: inbound.readableBytesView) }
        } else {
            inbound.discardReadBytes()
            inbound.writeImmutableBuffer(bytes)
            process()
        }
    }

    package func read(context: ChannelHandlerContext) {
        if machine.mayRead(holding: inbound.readableBytes) { context.read() }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { releaseWaiters(.success(())) }
        context.fireChannelWritabilityChanged()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is HTTPConnections.DrainEvent {
            drain()
        } else if let header = event as? ProxyHeader {
            if let client = header.client { peer = client } else { isClientUnknown = true }
            proxiesTLS = header.isSecure == true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The connection was reset, or TLS failed: in either case nothing more can be sent to this peer.
        server.configuration.logger.debug("HTTP connection failed", metadata: ["reason": "\(failureText(error))"])
        context.close(promise: nil)
    }
}
