// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import NIOHTTP1

// Refusals, deadlines, and the end of a connection, its take-over included.
extension HTTPConnectionHandler {
    /// Refuses what cannot be understood or comes too slowly, and closes.
    func fail(_ error: HTTPRequestError) {
        router.logger.debug("HTTP request refused", metadata: ["reason": "\(error)"])
        router.limits.count(error)
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

    /// Reports this request to the observer, once.
    func observe(_ transaction: HTTPTransaction) {
        guard let since = transaction.observedSince else { return }
        transaction.observedSince = nil
        router.requestObserver?.answered(
            RequestRecord(
                method: transaction.head.method.rawValue, target: transaction.head.target, status: transaction.status,
                bytesSent: transaction.bytesSent, duration: .now() - since, clientAddress: transaction.clientAddress))
    }

    /// Informs everything that waits for the request in progress that it is over.
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

    func drain() {
        isDraining = true
        if current == nil, case .serving = phase { closeAfterWrites(lingering: false) }
    }

    /// Leaves nothing behind: timers, waiters, registration.
    func drop() {
        guard let context else { return }
        phase = .gone
        timer.cancel()
        tracker?.probe.set(-1)
        tracker?.end()
        tracker = nil
        settings.newcomers.remove(self)
        inbound = ByteBuffer()
        socket = nil
        hasNoSocket = true
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
        if headDeadline == nil, hasServed { headDeadline = eventLoop.now + settings.values.keepAliveTimeout }
        return headDeadline
    }
}
