// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// What a WebSocket does first.
struct WebSocketStart: Sendable {
    /// The 101.
    let response: ByteBuffer
    /// What arrived after the request head.
    let early: ByteBuffer
    /// Takes the transport over, on the home loop, before anything the client sends is looked at.
    let ready: @Sendable (WebSocketTransport) -> Void
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

    private enum State {
        case open
        /// Our close frame has been sent; the rest of the input is read and dropped.
        case closing
        case closed
    }

    /// How long the peer may take to answer a close frame.
    private static let closeTimeout = TimeAmount.seconds(1)
    /// Inbound bytes that may be on their way to the home loop before reading pauses.
    private static let hopWindow = 256 * 1024

    let shard: Shard
    private let connectionLoop: any EventLoop
    let isLocal: Bool
    private let encodesBinary: Bool

    // Connection.
    private var context: ChannelHandlerContext?
    private var assembler: MessageAssembler
    private var state = State.open
    private var hasUnflushedPongs = false
    private var closeTimer: Scheduled<Void>?
    private var hop: InboundHop?
    private var start: WebSocketStart?

    // Home.
    private var session: EngineSession?
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

    private func hopOut(_ buffers: [ByteBuffer]) {
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

    private func drained() {
        guard session != nil else { return }
        isReady = true
        hoppedBytes = 0
        session?.transportReady(self)
    }

    // MARK: Connection, outbound

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
    private func tellWhenDrained(_ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenSuccess { self.onHome { $0.drained() } }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    // MARK: Connection, inbound

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    /// Writes the 101, lets the session take the transport, and looks at the bytes that came after the request.
    private func begin() {
        guard let context, let start else { return }
        self.start = nil
        context.writeAndFlush(wrapOutboundOut(start.response), promise: nil)
        onHome { start.ready($0) }
        guard start.early.readableBytes > 0 else { return }
        var bytes = start.early
        hop?.count(bytes.readableBytes)
        assembler.receive(&bytes)
        process()
        channelReadComplete(context: context)
    }

    /// Calls back, on the connection's loop, when the connection is closed.
    func whenConnectionClosed(_ done: @escaping @Sendable () -> Void) {
        onConnection { transport in
            guard let context = transport.context else { return done() }
            context.channel.closeFuture.whenComplete { _ in done() }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .open || state == .closing else { return }
        var bytes = unwrapInboundIn(data)
        hop?.count(bytes.readableBytes)
        assembler.receive(&bytes)
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasUnflushedPongs else { return }
        hasUnflushedPongs = false
        context.flush()
    }

    private func process() {
        do {
            while let event = try assembler.next(now: .now()) { handle(event) }
        } catch {
            failed(error)
        }
        if hop != nil { hopIn() }
    }

    private func handle(_ event: WebSocketEvent) {
        switch event {
        case .message(.text(let bytes)):
            do {
                deliver(try EnginePacketCodec.decodeText(bytes))
            } catch {
                report(.invalid(error))
            }
        case .message(let message):
            deliver(.message(message))
        case .ping(let payload):
            guard state == .open, let context else { return }
            context.write(wrapOutboundOut(ServerFrame.pong(payload)), promise: nil)
            hasUnflushedPongs = true
        case .pong:
            break
        case .close(let code, _):
            if state == .open {
                // First, because the session's end would say goodbye in other words.
                sayGoodbye(code: code, thenFinish: true)
                report(.closed(code.map { "close code \($0)" }))
            } else {
                closeChannel()
            }
        }
    }

    private func deliver(_ packet: EnginePacket) {
        guard state == .open else { return }
        if isLocal { session?.received(packet, from: self) } else { hop?.events.append(.packet(packet)) }
    }

    private func report(_ event: InboundHop.Event) {
        if isLocal { tellSession(event) } else { hop?.events.append(event) }
    }

    private func tellSession(_ event: InboundHop.Event) {
        guard let session else { return }
        switch event {
        case .packet(let packet): session.received(packet, from: self)
        case .invalid(let error): session.receivedInvalid(error, from: self)
        case .closed(let detail): session.transportClosed(self, detail: detail)
        case .failed(let detail): session.transportFailed(self, detail: detail)
        }
    }

    private func failed(_ error: WebSocketProtocolError) {
        if state == .open { sayGoodbye(code: error.closeCode, thenFinish: true) }
        report(.failed(error.description))
    }

    /// Sends what one read has brought to the session's loop, and pauses reading while too much is on its way.
    private func hopIn() {
        guard let batch = hop?.takeBatch(window: Self.hopWindow) else { return }
        if batch.pausesReading { setAutoRead(false) }
        shard.run { [self] in
            for event in batch.events { tellSession(event) }
            if batch.pausesReading {
                onConnection { transport in
                    transport.hop?.acknowledged()
                    transport.setAutoRead(true)
                }
            }
        }
    }

    private func setAutoRead(_ value: Bool) {
        guard let context, context.channel.isActive else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: value)
    }

    // MARK: Connection, closing

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            report(.closed("end of stream"))
            if hop != nil { hopIn() }
            closeChannel()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset is an abnormal closure by the peer like any other; other errors are faults of the connection.
        let isPeerClosure = (error as? IOError).map { $0.errnoCode == ECONNRESET || $0.errnoCode == EPIPE } ?? false
        report(isPeerClosure ? .closed("connection reset") : .failed("socket error"))
        if hop != nil { hopIn() }
        closeChannel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closed
        closeTimer?.cancel()
        closeTimer = nil
        report(.closed("connection ended"))
        if hop != nil { hopIn() }
        context.fireChannelInactive()
    }

    private func close(isBroken: Bool) {
        guard state == .open else { return }
        if isBroken { closeChannel() } else { sayGoodbye(code: nil, thenFinish: false) }
    }

    /// Sends our close frame and gives the peer a moment.
    /// - Parameter thenFinish: the peer's frame has come already, or its input cannot be read any more: end our side of
    ///   the stream as well. What still arrives is read and dropped, lest a reset destroys the frame on its way.
    private func sayGoodbye(code: UInt16?, thenFinish: Bool) {
        guard let context, context.channel.isActive else { return }
        state = .closing
        closeTimer = context.eventLoop.scheduleTask(in: Self.closeTimeout) { self.closeChannel() }
        let frame = wrapOutboundOut(ServerFrame.close(code: code))
        guard thenFinish else { return context.writeAndFlush(frame, promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        promise.futureResult.whenSuccess { channel.close(mode: .output, promise: nil) }
        context.writeAndFlush(frame, promise: promise)
    }

    private func closeChannel() {
        guard state != .closed else { return }
        state = .closed
        closeTimer?.cancel()
        closeTimer = nil
        context?.close(promise: nil)
    }

    // MARK: Between the loops

    private func onConnection(_ work: @escaping @Sendable (WebSocketTransport) -> Void) {
        if isLocal { return work(self) }
        connectionLoop.execute { work(self) }
    }

    private func onHome(_ work: @escaping @Sendable (WebSocketTransport) -> Void) {
        if isLocal { return work(self) }
        shard.run { work(self) }
    }
}
