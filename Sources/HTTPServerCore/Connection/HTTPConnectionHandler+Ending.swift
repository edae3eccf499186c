// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import NIOHTTP1

// Refusals, deadlines, and the end of a connection, including its take-over.
extension HTTPConnectionHandler {
    /// Refuses a request that cannot be understood or arrives too slowly, and closes the connection.
    func fail(_ error: HTTPRequestError) {
        server.configuration.logger.debug("HTTP request refused", metadata: ["reason": "\(error)"])
        if let limit = error.limit { exceeded(limit) }
        fail(status: error.status)
    }

    func fail(status: HTTPResponseStatus) {
        // Once an answer has begun, the client would take another one for its body.
        let mayAnswer = current == nil || machine.awaitsAnswer
        if let current {
            if mayAnswer { current.status = status.code }
            abandonCurrent()
        } else if server.isObserved {
            server.service.answered(
                HTTPRequestRecord(
                    method: "", target: "", status: status.code, bytesSent: 0, duration: .zero, clientAddress: peer))
        }
        if mayAnswer {
            writeHead(ResponseSerializer(status: status, headers: [:], framing: .length(0)), thenClose: true)
        }
        perform(machine.end(lingering: true))
    }

    /// Reports this request to the observer, once.
    func observe(_ transaction: HTTPTransaction) {
        guard let since = transaction.observedSince else { return }
        transaction.observedSince = nil
        server.service.answered(
            HTTPRequestRecord(
                method: transaction.head.method.rawValue, target: transaction.head.target, status: transaction.status,
                bytesSent: transaction.bytesSent, duration: .now() - since, clientAddress: transaction.clientAddress))
    }

    /// Tells everything that waits for the request in progress that the request is over.
    func abandonCurrent() {
        guard let transaction = current else { return }
        current = nil
        machine.requestAbandoned()
        observe(transaction)
        let reader = transaction.reader
        transaction.reader = .none
        transaction.task?.cancel()
        transaction.applicationAnswer = nil
        releaseWaiters(.failure(ApplicationResponseError.connectionClosed))
        switch reader {
        case .collector(_, let done): done(.failure(.aborted))
        case .stream(let source): source.finish(RequestBodyError.aborted)
        case .none: break
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
        perform(machine.drain())
    }

    /// Releases everything that belongs to the connection: timers, waiters, registration.
    func drop() {
        guard let context else { return }
        machine.dropped()
        timer.cancel()
        tracker?.probe.set(-1)
        tracker?.end()
        tracker = nil
        settings.acceptDeadline.remove(self)
        inbound = ByteBuffer()
        socket = nil
        hasNoSocket = true
        connections?.remove(context.channel)
        abandonCurrent()
        self.context = nil
    }

    /// Gives the connection to the caller: see `HTTPExchange.takeOver`.
    func detach(_ body: (any Channel, ByteBuffer) -> Void) -> Bool {
        guard let context, context.channel.isActive else { return false }
        let channel = context.channel
        // An empty buffer is replaced by one without storage: the new owner may keep it for as long as the session
        // lives.
        let rest = inbound.readableBytes > 0 ? inbound : ByteBuffer()
        let owesRead = machine.owesRead
        current = nil
        machine.dropped()
        // Leaves the pipeline before this returns, since this handler has no work of its own to finish first.
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        body(channel, rest)
        if owesRead { channel.read() }
        return true
    }

    /// Performs what the machine has decided about the end of the connection.
    func perform(_ ending: HTTPConnectionStateMachine.Ending) {
        switch ending {
        case .none: break
        case .afterWrites: updateTimer()
        case .close: context?.close(promise: nil)
        case .closeOutput:
            guard let context else { return }
            machine.outputClosed(now: eventLoop.now)
            updateTimer()
            context.close(mode: .output, promise: nil)
        }
    }
}
