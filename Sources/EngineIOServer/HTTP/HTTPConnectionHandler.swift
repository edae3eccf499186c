// Part of socketio-server, MIT licence; see LICENSE.

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
/// Confined to its event loop.
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
    private static let highWater = 64 * 1024

    let router: HTTPRouter
    let isSecure: Bool
    let connections: HTTPConnections?
    let date: DateHeader
    let settings: HTTPLoopSettings
    let eventLoop: any EventLoop

    var context: ChannelHandlerContext?
    var phase = Phase.serving
    var current: HTTPTransaction?
    var isDraining = false
    var timer = DeadlineTimer()
    /// Answers handed to the channel and not yet written.
    var pendingWrites = 0
    var writeDeadline = NIODeadline.distantFuture
    /// Completed when an application may write on.
    var writabilityWaiters: [EventLoopPromise<Void>] = []
    /// When the rest of a head must be there, or the next request.
    var headDeadline: NIODeadline?

    private(set) var inbound = ByteBuffer()
    private var parser: RequestHeadParser
    private var isProcessing = false
    private var isReadHeldBack = false
    private var hasServed = false
    private(set) var isHeadStarted = false
    /// The client speaks TLS with a proxy that told so in its PROXY header.
    private var proxiesTLS = false
    /// The peer as text, made once: the engine wants it for every request.
    /// Behind a proxy that speaks the PROXY protocol, its client.
    private lazy var peer = context?.channel.remoteAddress?.ipAddress ?? ""

    init(router: HTTPRouter, isSecure: Bool, connections: HTTPConnections?, eventLoop: any EventLoop) {
        self.router = router
        self.isSecure = isSecure
        self.connections = connections
        self.eventLoop = eventLoop
        date = router.date(for: eventLoop)
        settings = router.settings(for: eventLoop)
        parser = RequestHeadParser(
            maximumSize: settings.maxRequestHeadSize, maximumHeaders: settings.maxHeaders)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        drop()
    }

    func channelInactive(context: ChannelHandlerContext) {
        drop()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        switch phase {
        case .serving:
            if inbound.readableBytes == 0 {
                inbound = bytes
            } else {
                inbound.discardReadBytes()
                inbound.writeBuffer(&bytes)
            }
            process()
        case .closing, .lingering, .gone:
            break
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
            if let client = header.client { peer = client }
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

    // MARK: Requests

    private func begin() {
        guard let context, headDeadline == nil else { return }
        connections?.add(context.channel)
        headDeadline = eventLoop.now + settings.headTimeout
        updateTimer()
    }

    /// Goes as far as the bytes at hand and the request in progress allow.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        while case .serving = phase, context != nil {
            if let current {
                guard advance(current) else { break }
                finish(current)
            } else {
                guard beginNext() else { break }
            }
        }
        isProcessing = false
        if inbound.readableBytes == 0, inbound.storageCapacity > 0 {
            // An idle connection keeps no buffer.
            inbound = ByteBuffer()
        }
        updateTimer()
        if isReadHeldBack, inbound.readableBytes < Self.highWater {
            isReadHeldBack = false
            context?.read()
        }
    }

    /// Starts the next request if its head is complete.
    private func beginNext() -> Bool {
        let head: RequestHead
        do throws(HTTPRequestError) {
            guard let next = try parser.parse(&inbound) else {
                if inbound.readableBytes > 0, !isHeadStarted {
                    isHeadStarted = true
                    // The first request has had its deadline since the accept.
                    if hasServed { headDeadline = eventLoop.now + settings.headTimeout }
                }
                return false
            }
            head = next
        } catch {
            fail(error)
            return false
        }
        headDeadline = nil
        isHeadStarted = false
        hasServed = true
        let transaction = HTTPTransaction(head: head)
        current = transaction
        route(transaction)
        return true
    }

    /// Feeds the body of the request in progress; true when body and answer are complete.
    private func advance(_ transaction: HTTPTransaction) -> Bool {
        while transaction.wantsBody {
            do throws(HTTPRequestError) {
                guard let event = try transaction.decoder.next(&inbound) else { return false }
                receive(event, of: transaction)
            } catch {
                fail(error)
                return false
            }
            guard current === transaction, case .serving = phase else { return false }
        }
        if case .complete = transaction.answer { return transaction.isBodyComplete }
        return false
    }

    private func finish(_ transaction: HTTPTransaction) {
        current = nil
        if !transaction.head.keepAlive || isDraining {
            closeAfterWrites(lingering: false)
        }
    }

    func makeRequest(_ head: RequestHead) -> EngineRequest {
        EngineRequest(
            method: head.method, target: head.target, headers: head.headers,
            remoteAddress: context?.channel.remoteAddress,
            clientAddress: router.trustedProxies.clientAddress(peer: peer, headers: head.headers), isSecure: isSecure,
            isClientSecure: isSecure || proxiesTLS
                || router.trustedProxies.saysSecure(peer: peer, headers: head.headers),
            isUpgrade: head.isUpgrade)
    }

    // MARK: The end

    /// Refuses what cannot be understood or comes too slowly, and closes.
    func fail(_ error: HTTPRequestError) {
        router.logger.debug("HTTP request refused", metadata: ["reason": "\(error)"])
        fail(status: error.status)
    }

    func fail(status: HTTPResponseStatus) {
        let answered = current.map { if case .pending = $0.answer { false } else { true } } ?? false
        if answered {
            abandonCurrent()
        } else if let current {
            current.status = status.code
            observe(current)
            abandonCurrent()
        } else {
            router.requestObserver?.answered(
                RequestRecord(
                    method: "", target: "", status: status.code, bytesSent: 0, duration: .zero, clientAddress: peer))
        }
        // After the beginning of an answer another one would be taken for its body.
        guard !answered else { return closeAfterWrites(lingering: true) }
        writeHead(ResponseSerializer(status: status, headers: [:], framing: .length(0)), thenClose: true)
        closeAfterWrites(lingering: true)
    }

    /// Tells whoever observes requests of this one, once.
    func observe(_ transaction: HTTPTransaction) {
        guard let since = transaction.observedSince else { return }
        transaction.observedSince = nil
        router.requestObserver?.answered(
            RequestRecord(
                method: transaction.head.method.rawValue, target: transaction.head.target, status: transaction.status,
                bytesSent: transaction.bytesSent, duration: .now() - since, clientAddress: transaction.clientAddress))
    }

    /// Tells everybody who waits for something of the request in progress that it is over.
    func abandonCurrent() {
        guard let transaction = current else { return }
        current = nil
        observe(transaction)
        transaction.answer = .complete
        let consumer = transaction.consumer
        transaction.consumer = .none
        transaction.task?.cancel()
        transaction.applicationAnswer = nil
        releaseWaiters(.failure(ApplicationResponseError.connectionClosed))
        switch consumer {
        case .collect(_, _, let done): done(.failure(.aborted))
        case .stream(let source, _): source.finish(RequestBodyError.aborted)
        case .none, .discard: break
        }
        transaction.bodySource?.finish(RequestBodyError.aborted)
        transaction.bodySource = nil
        transaction.exchange?.connectionDropped()
        transaction.exchange = nil
    }

    func releaseWaiters(_ result: Result<Void, any Error>) {
        guard !writabilityWaiters.isEmpty else { return }
        let waiters = writabilityWaiters
        writabilityWaiters = []
        for waiter in waiters { waiter.completeWith(result) }
    }

    private func drain() {
        isDraining = true
        if current == nil, case .serving = phase { closeAfterWrites(lingering: false) }
    }

    /// Leaves nothing behind: timers, waiters, registration.
    private func drop() {
        guard let context else { return }
        phase = .gone
        timer.cancel()
        inbound = ByteBuffer()
        connections?.remove(context.channel)
        abandonCurrent()
        self.context = nil
    }

    /// Gives the connection away: see `HTTPExchange.takeOver`.
    func detach(_ body: (any Channel, ByteBuffer) -> Void) -> Bool {
        guard let context, context.channel.isActive else { return false }
        let channel = context.channel
        // Without bytes, without their storage: this may be kept for as long as the session lives.
        let rest = inbound.readableBytes > 0 ? inbound : ByteBuffer()
        let owesRead = isReadHeldBack
        current = nil
        // Leaves the pipeline before this returns, since this handler has no work of its own to finish first.
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        body(channel, rest)
        if owesRead { channel.read() }
        return true
    }

    /// The time until which the connection may go on as it is; nil for no limit.
    func currentDeadline() -> NIODeadline? {
        switch phase {
        case .gone: return nil
        case .closing, .lingering: return writeDeadline
        case .serving: break
        }
        if let current {
            if let giveUp = current.giveUpDeadline { return giveUp }
            if current.wantsBody, let bodyDeadline = current.bodyDeadline { return bodyDeadline }
            return pendingWrites > 0 ? writeDeadline : nil
        }
        if pendingWrites > 0 { return writeDeadline }
        if headDeadline == nil, hasServed { headDeadline = eventLoop.now + settings.keepAliveTimeout }
        return headDeadline
    }
}
