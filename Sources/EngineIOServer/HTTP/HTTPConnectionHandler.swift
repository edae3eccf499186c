// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// One HTTP connection: requests in, answers out, in order.
///
/// ```
/// [TLS] ─ bytes ─▶ RequestHeadParser ─▶ HTTPRouter ─▶ client file / engine exchange / application
///                  RequestBodyDecoder ─▶ collected, streamed or thrown away
/// ```
///
/// The only HTTP handler of the pipeline. It decodes no further than the request in progress, so whatever follows the
/// head of an upgrade is still in its buffer when the connection is taken over: nothing can be lost in a decoder.
/// Confined to its event loop. What every request touches is not checked for overlapping access: those are values that call
/// nothing back, and references that are only read and replaced.
final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case serving
        /// The last answer is on its way out.
        case closing(lingers: Bool)
        /// Our side is closed; the client is given time to read, since a reset would destroy the answer.
        case lingering
        case gone
    }

    /// Bytes held back before the socket is no longer read.
    static let highWater = 64 * 1024

    let router: HTTPRouter
    let isSecure: Bool
    let connections: HTTPConnections?
    let settings: HTTPLoopSettings
    let eventLoop: any EventLoop

    @exclusivity(unchecked) var context: ChannelHandlerContext?
    @exclusivity(unchecked) var phase = Phase.serving
    @exclusivity(unchecked) var current: HTTPTransaction?
    @exclusivity(unchecked) var isDraining = false
    @exclusivity(unchecked) var timer = DeadlineTimer()
    /// Where ``Newcomers`` has this connection, while it looks after the deadline.
    @exclusivity(unchecked) var newcomerIndex: Int?
    /// Answers handed to the channel and not yet written.
    @exclusivity(unchecked) var pendingWrites = 0
    /// The tracker of the last response that has one.
    @exclusivity(unchecked) var tracker: AnswerTracker?
    /// Found with the first answer.
    @exclusivity(unchecked) var socket: (any AnswerSink)?
    /// The channel is no socket, as in tests.
    @exclusivity(unchecked) var hasNoSocket = false
    @exclusivity(unchecked) var writeDeadline = NIODeadline.distantFuture
    /// Completed when an application may write on.
    var writabilityWaiters: [EventLoopPromise<Void>] = []
    /// When the rest of a head must be there, or the next request.
    @exclusivity(unchecked) var headDeadline: NIODeadline?

    @exclusivity(unchecked) var inbound = ByteBuffer()
    /// What the channel reads into, if it shares that with others.
    private let receiveBuffer: SpareBuffer?
    @exclusivity(unchecked) var parser: RequestHeadParser
    @exclusivity(unchecked) var isProcessing = false
    @exclusivity(unchecked) var isReadHeldBack = false
    @exclusivity(unchecked) var hasServed = false
    @exclusivity(unchecked) var isHeadStarted = false
    /// The client speaks TLS with a proxy that told so in its PROXY header.
    var proxiesTLS = false
    /// Who sends all requests, unless proxies are trusted to speak for others.
    @exclusivity(unchecked) var solePeer: HTTPPeer?
    /// The peer as text, made once.
    /// Behind a proxy that speaks the PROXY protocol, its client.
    lazy var peer = remoteAddress?.numericHost ?? ""
    private(set) lazy var remoteAddress = context?.channel.remoteAddress
    /// The PROXY header of a trusted proxy names no client: the proxy does not know the client, or the connection is
    /// its own.
    var isClientUnknown = false
    /// Whether the server trusts `X-Forwarded-…` of this connection's requests. It does not when a proxy uses the PROXY
    /// protocol and names no client: such a proxy passes the client's own headers on unchanged.
    private(set) lazy var isTrustedProxy =
        !isClientUnknown && !router.trustedProxies.isEmpty && router.trustedProxies.isTrusted(peer)

    /// - Parameter receiveBuffer: what the channel reads into, if it shares that with others.
    init(
        router: HTTPRouter, isSecure: Bool, connections: HTTPConnections?, eventLoop: any EventLoop,
        receiveBuffer: SpareBuffer? = nil
    ) {
        self.receiveBuffer = receiveBuffer
        self.router = router
        self.isSecure = isSecure
        self.connections = connections
        self.eventLoop = eventLoop
        settings = router.settings(for: eventLoop.assumeIsolated())
        parser = RequestHeadParser(
            maximumSize: settings.values.maxRequestHeadSize, maximumHeaders: settings.values.maxHeaders)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
        readFirst(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        drop()
    }

    func channelInactive(context: ChannelHandlerContext) {
        drop()
        context.fireChannelInactive()
    }

    /// Reads what has come along with the connection, which mostly is a whole request: then the selector need not be asked for
    /// it, and NIO's first read, which is a short one (``SharedReceiveAllocator``), is left to a message that is short as well. What
    /// is not there yet, the end of the stream or an error, NIO finds.
    private func readFirst(_ context: ChannelHandlerContext) {
        // A PROXY header in front is for another handler.
        guard let receiveBuffer, !router.configuration.proxyProtocol, case .serving = phase, context.channel.isActive,
            let socket = DirectSocket(context.channel)
        else { return }
        self.socket = socket
        var bytes = receiveBuffer.take(minimumCapacity: SharedReceiveAllocator.capacity)
        let count = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { socket.receive(into: $0) }
        if count > 0 { received(bytes) } else { receiveBuffer.put(bytes) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { received(unwrapInboundIn(data)) }

    private func received(_ bytes: ByteBuffer) {
        defer { receiveBuffer?.put(bytes) }
        guard case .serving = phase else { return }
        if inbound.readableBytes == 0 {
            inbound = bytes
            process()
            // What has to wait gets memory of its own.
            if inbound.readableBytes > 0 { inbound = ByteBuffer(bytes: inbound.readableBytesView) }
        } else {
            inbound.discardReadBytes()
            inbound.writeImmutableBuffer(bytes)
            process()
        }
    }

    func read(context: ChannelHandlerContext) {
        if inbound.readableBytes >= Self.highWater {
            isReadHeldBack = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { releaseWaiters(.success(())) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is HTTPConnections.DrainEvent {
            drain()
        } else if let header = event as? ProxyHeader {
            if let client = header.client { peer = client } else { isClientUnknown = true }
            proxiesTLS = header.isSecure == true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or TLS gone wrong: in every case nothing more can be said to this peer.
        router.logger.debug("HTTP connection failed", metadata: ["reason": "\(error)"])
        context.close(promise: nil)
    }
}
