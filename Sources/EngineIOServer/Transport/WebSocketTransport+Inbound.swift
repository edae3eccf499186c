// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore

// From the connection to the session. Everything here runs on the connection's loop.
extension WebSocketTransport {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if let hop { hop.note(DirectSocket(context.channel)) }
        if isLocal, start?.isPlaintext == true { socket = DirectSocket(context.channel) }
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        socket = nil
        hop?.note(nil)
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    /// Writes the 101, lets the session take the transport, and looks at the bytes that came after the request.
    ///
    /// The 101 leaves together with what the session says first.
    func begin() {
        guard let context, let start else { return }
        guard state == .open else {
            self.start = nil
            return start.lost()
        }
        if !isLocal { writeResponse(context) }
        shard.run { [self] shard in start.ready(shard, self) }
        writeResponse(context)
        context.flush()
        guard start.early.readableBytes > 0 else { return }
        process(start.early)
        channelReadComplete(context: context)
    }

    /// Hands the 101 to NIO, unless it has left with a message of the session. Everything that writes past `BatchWriter`
    /// while the session takes the transport has to do this first.
    func writeResponse(_ context: ChannelHandlerContext) {
        guard let start else { return }
        self.start = nil
        mayHoldBytes = true
        context.write(wrapOutboundOut(start.response), promise: nil)
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
        let read = unwrapInboundIn(data)
        guard isLocal else { return process(read) }
        shard.home.catchUp()
        if held != nil {
            keepUnasked(read)
        } else {
            process(read)
            // What NIO does after every read, but from here: its own request begins at the other end of the pipeline.
            if held == nil { context.read() }
        }
        receiveBuffer?.put(read)
    }

    /// NIO asks to read more. A connection on the session's loop does so only when all earlier input has been handled.
    func read(context: ChannelHandlerContext) {
        guard isLocal, held != nil else { return context.read() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasUnflushedPongs else { return }
        hasUnflushedPongs = false
        context.flush()
    }

    /// Handles bytes of the connection: one slice of them on the session's loop, all of them on another loop.
    /// - Parameter isKept: whether they are in memory of this connection, not in the shared read buffer.
    func process(_ bytes: ByteBuffer, isKept: Bool = false) {
        hop?.count(bytes.readableBytes)
        var taken = 0
        var slice = InputSlice()
        while assembler?.assembler.isBetweenMessages ?? true,
            let message = assemblerPool.wholeMessage(in: bytes, at: &taken, limit: limits.maximumMessageSize)
        {
            handle(message)
            if mustStop(&slice), taken < bytes.readableBytes { return keep(bytes, from: taken, isKept: isKept) }
        }
        if taken < bytes.readableBytes || assembler != nil { assemble(bytes, from: taken, &slice, isKept: isKept) }
        if hop != nil { hopIn() }
    }

    /// Returns whether the rest of the bytes has to wait.
    private func mustStop(_ slice: inout InputSlice) -> Bool {
        isLocal && (held != nil || slice.isOver(now: .now()))
    }

    /// Takes what is no whole message, and lets go of the assembler as soon as it is at rest.
    private func assemble(_ bytes: ByteBuffer, from start: Int, _ slice: inout InputSlice, isKept: Bool) {
        let isOutermost = !isAssembling
        isAssembling = true
        let shared = assembler ?? assemblerPool.take(limits: limits, isCompressionAgreed: deflateWindowBits != nil)
        assembler = shared
        var rest = bytes
        rest.moveReaderIndex(forwardBy: start)
        shared.assembler.receive(&rest)
        do {
            while let event = try shared.assembler.next(now: .now()) {
                handle(event)
                guard mustStop(&slice), let rest = shared.assembler.takeRest() else { continue }
                keep(rest, from: 0, isKept: isKept)
                break
            }
        } catch {
            failed(error)
        }
        guard isOutermost else { return }
        isAssembling = false
        if shared.assembler.isIdle(now: .now()) {
            assembler = nil
            assemblerPool.put(shared)
        }
    }

    private func handle(_ whole: consuming WholeMessage) {
        guard whole.isText else { return handle(binary: whole.bytes) }
        // Nearly every text is an application's, and no packet is made for it.
        guard whole.lead == EnginePacketCodec.messageType else { return handle(text: whole.bytes) }
        var text = whole.bytes
        text.moveReaderIndex(forwardBy: 1)
        deliver(.text(text))
    }

    private func handle(text bytes: consuming ByteBuffer) {
        do {
            deliver(
                dialect.isRevision3
                    ? try Revision3Codec.decodeText(bytes) : try EnginePacketCodec.decodeText(bytes))
        } catch {
            report(.invalid(error))
        }
    }

    private func handle(binary bytes: consuming ByteBuffer) {
        guard dialect.isRevision3 else { return deliver(.binary(bytes)) }
        do {
            deliver(try Revision3Codec.decodeBinary(bytes))
        } catch {
            report(.invalid(error))
        }
    }

    private func handle(_ event: WebSocketEvent) {
        switch event {
        case .message(let message):
            // A compressed message may be a thousand times what was read.
            if let hop, deflateWindowBits != nil { hop.count(message.byteCount) }
            switch message {
            case .text(let bytes): handle(text: bytes)
            case .binary(let bytes): handle(binary: bytes)
            }
        case .ping(let payload):
            guard state == .open, let context else { return }
            context.write(wrapOutboundOut(ServerFrame.pong(payload)), promise: nil)
            hasUnflushedPongs = true
            mayHoldBytes = true
        case .pong:
            break
        case .close(let code, _):
            guard state == .open else { return closeChannel() }
            // First, because the session's end would say goodbye in other words.
            let hasLeft = answerGoodbye(code: code)
            report(.closed(code.map { "close code \($0)" }))
            if hasLeft { closeChannel() }
        }
    }

    private func deliver(_ message: consuming EngineMessage) {
        guard state == .open || isFinishing else { return }
        if isLocal { session?.received(message, from: self) } else { hop?.events.append(.packet(.message(message))) }
    }

    private func deliver(_ packet: consuming EnginePacket) {
        guard state == .open || isFinishing else { return }
        if isLocal { session?.received(packet, from: self) } else { hop?.events.append(.packet(packet)) }
    }

    func report(_ event: InboundHop.Event) {
        if isLocal { tellSession(event) } else { hop?.events.append(event) }
    }

    func tellSession(_ event: InboundHop.Event) {
        guard let session else { return }
        switch event {
        case .packet(let packet): session.received(packet, from: self)
        case .invalid(let error): session.receivedInvalid(error, from: self)
        case .closed(let detail): session.transportClosed(self, detail: detail)
        case .failed(let detail): session.transportFailed(self, detail: detail)
        case .broken(let error):
            if let limit = LimitMetrics.Limit(error) {
                session.context.exceeded(limit, by: session.remoteAddress, sid: session.id, on: session.eventLoop)
            }
            session.transportFailed(self, detail: error.description)
        }
    }

    func failed(_ error: WebSocketProtocolError) {
        if state == .open { sayGoodbye(code: error.closeCode, thenFinish: true) }
        report(.broken(error))
    }

    /// Sends what one read has brought to the session's loop, and pauses reading while too much is on its way.
    func hopIn() {
        guard let batch = hop?.takeBatch(window: Self.hopWindow) else { return }
        if batch.pausesReading { setAutoRead(false) }
        shard.home.run { [self] in receive(batch) }
    }

    func setAutoRead(_ value: Bool) {
        guard let context, context.channel.isActive else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: value)
    }
}
