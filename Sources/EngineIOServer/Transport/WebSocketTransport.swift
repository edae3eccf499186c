// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// A session's WebSocket: after the upgrade the only handler in the pipeline beside TLS (design 4).
///
///     bytes ─▶ MessageAssembler ─▶ EnginePacketCodec ─▶ EngineSession        frames of a tick ─▶ one write
///
/// Normally connection and session share an event loop and everything is a direct call. A connection that could not be
/// moved to the session's loop (TLS) stays on its own and hops: inbound once per read, outbound once per tick, with at
/// most one outbound batch under way.
///
/// What a plaintext connection sends goes straight to its socket while NIO holds nothing for it (``DirectSocket``); as long as
/// that stays so, the shard does it without asking (``isBypassed``).
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
    let limits: WebSocketLimits
    /// Connection and session share an event loop.
    var isLocal: Bool { hop == nil }
    /// For a connection on another loop than its session.
    let hop: InboundHop?
    /// The window size agreed on; nil without compression.
    let deflateWindowBits: Int32?
    private let encodesBinary: Bool

    // Connection.
    var context: ChannelHandlerContext?
    /// Of the connection's loop, for one read and as long as that leaves something unfinished in `assembler`.
    let spareAssembler: SpareAssembler
    var assembler: SharedAssembler?
    var state = State.open {
        didSet { if state != .open { endBypass() } }
    }
    /// A read is being looked at.
    var isAssembling = false
    var hasUnflushedPongs = false
    /// Something was written through NIO since it was last seen to hold nothing.
    var mayHoldBytes = true {
        didSet { if mayHoldBytes { endBypass() } }
    }
    /// Only for plaintext connections on the home loop: what TLS has not seen must not leave.
    var socket: DirectSocket? {
        didSet { if socket == nil { endBypass() } }
    }
    /// Whether the shard sends to the socket past this transport. That ends with each of the conditions that made it
    /// possible: all of them are properties here that say so when they change.
    ///
    /// It also ends in time when the channel closes. NIO closes the descriptor and tells `channelInactive` within one
    /// call. In between it calls, in this order, those who wait for a write, `errorCaught` when the selector fails, and who
    /// has given a promise to `close`. Of the first there are none, as NIO holds no bytes (an empty write is not seen by
    /// that, but `tellWhenDrained` hears of success only); `errorCaught` comes here first, and ends this before the session
    /// hears of it; and nobody who closes a channel of sessions may send from the promise of that: `closeFuture` is the
    /// place, which comes after `channelInactive`. So no tick can end there, no session is flushed, and nothing is sent to
    /// a later connection with the same descriptor.
    private var isBypassed = false
    /// What the channel reads into, if it shares that with others.
    let receiveBuffer: SpareBuffer?
    var closeTimer: CloseTimer?
    var start: WebSocketStart?

    // Home.
    var session: EngineSession?
    private(set) var isReady = true {
        didSet { if !isReady { endBypass() } }
    }
    private var hoppedBytes = 0

    /// - Parameters:
    ///   - shard: where the session lives.
    ///   - eventLoop: the connection's loop.
    ///   - encodesBinary: the client asked for base64 (`b64`).
    ///   - deflate: what was agreed on about compression.
    ///   - assembler: of the connection's loop.
    ///   - receiveBuffer: what the channel reads into, if it shares that with others.
    ///   - start: the answer to the request, and who waits for the transport.
    init(
        shard: Shard, eventLoop: any EventLoop, limits: WebSocketLimits, encodesBinary: Bool,
        deflate: DeflateAgreement?, assembler: SpareAssembler, receiveBuffer: SpareBuffer?, start: WebSocketStart
    ) {
        self.start = start
        self.shard = shard
        self.hop = shard.eventLoop === eventLoop ? nil : InboundHop(eventLoop: eventLoop)
        self.encodesBinary = encodesBinary
        self.deflateWindowBits = deflate?.windowBits
        self.limits = limits
        self.spareAssembler = assembler
        self.receiveBuffer = receiveBuffer
    }

    // MARK: Home

    var name: TransportName { .websocket }

    /// Base64 is made for each client on its own, and compressed after that.
    var windowBits: Int32? { encodesBinary ? nil : deflateWindowBits }

    /// From now on packets go to `session`.
    func attach(to session: EngineSession) { self.session = session }

    var bufferedBytes: Int {
        if isReady { return 0 }
        return isLocal ? channelBufferedBytes : hoppedBytes
    }

    func send(listFrom first: Int32, in queue: OutboundQueue) {
        if encodesBinary {
            var messages: [OutboundMessage] = []
            queue.forEachMessage(from: first, windowBits: nil) { messages.append($0) }
            return send(messages[...])
        }
        guard isLocal else {
            var buffers: [ByteBuffer] = []
            queue.forEachBuffer(from: first, windowBits: deflateWindowBits) { buffers.append($0) }
            return hopOut(buffers)
        }
        guard let context else { return }
        var writer = BatchWriter(transport: self, context: context)
        queue.forEachBuffer(from: first, windowBits: deflateWindowBits) { writer.write($0) }
        writer.finish()
        if deflateWindowBits == nil, let descriptor = writer.freeDescriptor { beginBypass(descriptor) }
    }

    func sendRest(_ rest: ByteBuffer) {
        guard let context else { return }
        context.write(wrapOutboundOut(rest), promise: nil)
        flush(context)
        // Whatever has become of it: the next message asks first.
        mayHoldBytes = true
    }

    private func beginBypass(_ descriptor: CInt) {
        // A session that counts for an observer is asked each time, or it would miss messages.
        guard let session, session.meter == nil else { return }
        isBypassed = true
        shard.bypass(session, to: descriptor)
    }

    private func endBypass() {
        guard isBypassed else { return }
        isBypassed = false
        if let session { shard.endBypass(session) }
    }

    func send(_ messages: ArraySlice<OutboundMessage>) {
        var joiner = FrameJoiner()
        for message in messages { joiner.append(finished(message)) }
        let buffers = joiner.finish()
        guard isLocal else { return hopOut(buffers) }
        guard let context else { return }
        var writer = BatchWriter(transport: self, context: context)
        for buffer in buffers { writer.write(buffer) }
        writer.finish()
    }

    /// The message as this client wants it. What had to wait may be compressed already.
    private func finished(_ message: OutboundMessage) -> OutboundMessage {
        let plain = encodesBinary ? message.withTextOnly() : message
        guard let deflateWindowBits, let compressor = shard.compressor, message.isApplicationMessage else {
            return plain
        }
        return compressor.compressParts(of: plain, windowBits: deflateWindowBits)
    }

    /// Answers the probe of a candidate, ahead of any session traffic.
    func sendProbeAnswer() {
        onConnection { transport in
            guard transport.state == .open, let context = transport.context else { return }
            transport.mayHoldBytes = true
            context.writeAndFlush(transport.wrapOutboundOut(OutboundPacket.pongProbe.frame), promise: nil)
        }
    }

    /// Waits for what is on its way as well: the close frame would queue behind it, and its time-out would cut it off.
    func closeOrderly(discard: Bool, hasBacklog: Bool) -> Bool { discard || (isReady && !hasBacklog) }

    func peerSentClose() {}

    func end(isBroken: Bool) {
        endBypass()
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

    /// Writes the buffers of one batch: to the socket itself for as long as it takes them, the rest through NIO.
    private struct BatchWriter {
        let transport: WebSocketTransport
        let context: ChannelHandlerContext
        private let direct: DirectSocket?
        private var isBlocked = false

        init(transport: WebSocketTransport, context: ChannelHandlerContext) {
            self.transport = transport
            self.context = context
            direct = transport.directSocket(context)
        }

        mutating func write(_ buffer: ByteBuffer) {
            var buffer = buffer
            if let start = transport.start {
                // The very first message: the 101 leaves with it.
                transport.start = nil
                var joined = start.response
                joined.writeImmutableBuffer(buffer)
                buffer = joined
            }
            guard let direct, !isBlocked else {
                context.write(transport.wrapOutboundOut(buffer), promise: nil)
                return
            }
            let sent = direct.send(buffer)
            guard sent < buffer.readableBytes else { return }
            isBlocked = true
            let rest = buffer.getSlice(at: buffer.readerIndex + sent, length: buffer.readableBytes - sent)
            if let rest { context.write(transport.wrapOutboundOut(rest), promise: nil) }
        }

        func finish() {
            if isBlocked || direct == nil { transport.flush(context) }
        }

        /// The socket's, when it has taken all.
        var freeDescriptor: CInt? { isBlocked ? nil : direct?.descriptor }
    }

    /// The socket, if it may be written to past NIO now: nothing of this connection waits there.
    func directSocket(_ context: ChannelHandlerContext) -> DirectSocket? {
        guard let socket, state == .open, isReady, !hasUnflushedPongs, context.channel.isActive else { return nil }
        if mayHoldBytes {
            guard channelBufferedBytes == 0 else { return nil }
            mayHoldBytes = false
        }
        return socket
    }

    /// Flushes and finds out whether the socket has taken everything. Only when it has not, a promise is made.
    private func flush(_ context: ChannelHandlerContext) {
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
}
