// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// What a WebSocket does first.
struct WebSocketStart: Sendable {
    /// The 101.
    let response: ByteBuffer
    /// What arrived after the request head.
    let early: ByteBuffer
    /// Takes the transport over, on the home loop, before anything the client sends is looked at.
    let ready: @Sendable (WebSocketTransport) -> Void
    /// Called instead when the connection turns out to be gone.
    let lost: @Sendable () -> Void
}

/// A session's WebSocket: after the upgrade the only handler in the pipeline beside TLS (design 4).
///
///     bytes ─▶ MessageAssembler ─▶ EnginePacketCodec ─▶ EngineSession        frames of a tick ─▶ one write
///
/// Normally connection and session share an event loop and everything is a direct call. A connection that could not be
/// moved to the session's loop (TLS) stays on its own and hops: inbound once per read, outbound once per tick, with at
/// most one outbound batch under way.
///
/// `@unchecked Sendable` because each field belongs to one of two loops: those under "home" to the session's, the
/// others to the connection's; calls from one to the other go through `onHome` and `onConnection`.
final class WebSocketTransport: ChannelInboundHandler, Transport, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum State {
        case open
        /// Our close frame has been sent; the rest of the input is read and dropped.
        case closing
        case closed
    }

    /// How long the peer may take to answer a close frame.
    static let closeTimeout = TimeAmount.seconds(1)
    /// Inbound bytes that may be on their way to the home loop before reading pauses.
    static let hopWindow = 256 * 1024

    let shard: Shard
    let connectionLoop: any EventLoop
    let isLocal: Bool
    private let encodesBinary: Bool

    // Connection.
    var context: ChannelHandlerContext?
    var assembler: MessageAssembler
    var state = State.open
    var hasUnflushedPongs = false
    var closeTimer: Scheduled<Void>?
    var hop: InboundHop?
    var start: WebSocketStart?

    // Home.
    var session: EngineSession?
    private(set) var isReady = true
    private var hoppedBytes = 0

    /// - Parameters:
    ///   - shard: where the session lives.
    ///   - eventLoop: the connection's loop.
    ///   - encodesBinary: the client asked for base64 (`b64`).
    ///   - start: the answer to the request, and who waits for the transport.
    init(
        shard: Shard, eventLoop: any EventLoop, limits: WebSocketLimits, encodesBinary: Bool,
        start: WebSocketStart
    ) {
        self.start = start
        self.shard = shard
        self.connectionLoop = eventLoop
        self.isLocal = shard.eventLoop === eventLoop
        self.encodesBinary = encodesBinary
        self.assembler = MessageAssembler(limits: limits)
        if !isLocal { hop = InboundHop() }
    }

    // MARK: Home

    var name: TransportName { .websocket }

    /// From now on packets go to `session`.
    func attach(to session: EngineSession) { self.session = session }

    var bufferedBytes: Int {
        if isReady { return 0 }
        return isLocal ? channelBufferedBytes : hoppedBytes
    }

    func send(listFrom first: Int32, in queue: OutboundQueue) {
        if encodesBinary {
            var messages: [OutboundMessage] = []
            queue.forEachMessage(from: first) { messages.append($0) }
            return send(messages[...])
        }
        guard isLocal else {
            var buffers: [ByteBuffer] = []
            queue.forEachBuffer(from: first) { buffers.append($0) }
            return hopOut(buffers)
        }
        guard let context else { return }
        queue.forEachBuffer(from: first) { context.write(wrapOutboundOut($0), promise: nil) }
        flush(context)
    }

    func send(_ messages: ArraySlice<OutboundMessage>) {
        var joiner = FrameJoiner()
        for message in messages { joiner.append(encodesBinary ? message.withTextOnly() : message) }
        let buffers = joiner.finish()
        guard isLocal else { return hopOut(buffers) }
        guard let context else { return }
        for buffer in buffers { context.write(wrapOutboundOut(buffer), promise: nil) }
        flush(context)
    }

    /// Answers the probe of a candidate, ahead of any session traffic.
    func sendProbeAnswer() {
        onConnection { transport in
            guard transport.state == .open, let context = transport.context else { return }
            context.writeAndFlush(transport.wrapOutboundOut(OutboundPacket.pongProbe.frame), promise: nil)
        }
    }

    /// Waits for what is on its way as well: the close frame would queue behind it, and its time-out would cut it off.
    func closeOrderly(discard: Bool, hasBacklog: Bool) -> Bool { discard || (isReady && !hasBacklog) }

    func peerSentClose() {}

    func end(isBroken: Bool) {
        session = nil
        isReady = false
        onConnection { $0.close(isBroken: isBroken) }
    }

    func hopOut(_ buffers: [ByteBuffer]) {
        isReady = false
        hoppedBytes = buffers.reduce(0) { $0 + $1.readableBytes }
        onConnection { transport in
            guard transport.state == .open, let context = transport.context else { return }
            for buffer in buffers { context.write(transport.wrapOutboundOut(buffer), promise: nil) }
            context.flush()
            if transport.channelBufferedBytes > 0 {
                transport.tellWhenDrained(context)
            } else {
                transport.onHome { $0.drained() }
            }
        }
    }

    func drained() {
        guard session != nil else { return }
        isReady = true
        hoppedBytes = 0
        session?.transportReady(self)
    }

    // MARK: Connection, outbound

    /// Flushes and finds out whether the socket has taken everything. Only when it has not, a promise is made.
    func flush(_ context: ChannelHandlerContext) {
        context.flush()
        guard channelBufferedBytes > 0 else { return }
        isReady = false
        tellWhenDrained(context)
    }

    /// What NIO still holds. An option rather than `isWritable`, which only changes at its water marks.
    private var channelBufferedBytes: Int {
        guard let context, state != .closed, context.channel.isActive else { return 0 }
        return (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// An empty write behind the others: its promise is kept when they have left.
    func tellWhenDrained(_ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenSuccess { self.onHome { $0.drained() } }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    // MARK: Between the loops

    func onConnection(_ work: @escaping @Sendable (WebSocketTransport) -> Void) {
        if isLocal { return work(self) }
        connectionLoop.execute { work(self) }
    }

    func onHome(_ work: @escaping @Sendable (WebSocketTransport) -> Void) {
        if isLocal { return work(self) }
        shard.run { work(self) }
    }
}
