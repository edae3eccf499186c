// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

// From the session to the connection: straight to the socket for as long as it takes everything, else through NIO.
extension WebSocketTransport {
    // MARK: On the session's loop

    func send(listFrom first: Int32, in queue: OutboundQueue) {
        if dialect.convertsBinary {
            var messages: [OutboundMessage] = []
            queue.forEachMessage(from: first, windowBits: nil) { messages.append($0) }
            return send(messages)
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

    func send(_ messages: [HeldMessage]) { send(messages.map(\.message)) }

    private func send(_ messages: [OutboundMessage]) {
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
        let plain = dialect.converted(message)
        guard let deflateWindowBits, message.isApplicationMessage else { return plain }
        return onShard { $0.compressor?.compressParts(of: plain, windowBits: deflateWindowBits) ?? plain } ?? plain
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

    // MARK: On the connection's loop

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
    var channelBufferedBytes: Int {
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
