// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

// Request bodies: collected for the service, streamed to the application, or discarded.
extension HTTPConnectionHandler {
    /// Passes one piece of a body to its reader.
    func receive(_ event: RequestBodyDecoder.Event, of transaction: HTTPTransaction) {
        switch event {
        case .end:
            machine.bodyEnded()
            let reader = transaction.reader
            transaction.reader = .none
            switch reader {
            case .collector(let buffer, let done): done(.success(buffer))
            case .stream(let source): source.finish()
            case .none: break
            }
        case .data(let bytes):
            let step = machine.bodyReceived(
                bytes.readableBytes, after: transaction.collectedBytes,
                nextBy: eventLoop.now + settings.limits.bodyTimeout)
            switch step {
            case .deliver: deliver(bytes, transaction)
            case .refuse:
                let reader = transaction.reader
                transaction.reader = .none
                if case .collector(_, let done) = reader { done(.failure(.tooLarge)) }
            case .drop: break
            case .giveUp(let ending):
                current = nil
                perform(ending)
            }
        }
    }

    private func deliver(_ bytes: ByteBuffer, _ transaction: HTTPTransaction) {
        let reader = transaction.reader
        switch reader {
        case .collector(let buffer, let done):
            // The collector is taken out of the property first, so that the buffer is not copied when it grows.
            transaction.reader = .none
            collect(bytes, into: buffer, done, transaction)
        case .stream(let source):
            switch source.yield(ByteBuffer(bytes: bytes.readableBytesView)) {
            case .produceMore: break
            case .stopProducing: machine.bodyPaused()
            case .dropped: machine.bodyUnwanted(budget: server.configuration.discardBudget)
            }
        case .none:
            break
        }
    }

    private func collect(
        _ bytes: ByteBuffer, into buffer: consuming ByteBuffer,
        _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void, _ transaction: HTTPTransaction
    ) {
        if buffer.readableBytes == 0, transaction.decoder.remaining == 0 {
            // The whole body has come in one piece, as nearly always: it is used in the shared memory, without a copy.
            buffer = bytes
        } else {
            // The bytes are copied, the first piece included, because they are in memory that all connections read
            // into.
            buffer.writeImmutableBuffer(bytes)
        }
        transaction.reader = .collector(buffer, done)
    }

    /// Starts to collect a body; see `HTTPExchange.collectBody`.
    func collectBody(
        of transaction: HTTPTransaction, limit: Int,
        _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void
    ) {
        if machine.isBodyComplete { return done(.success(ByteBuffer())) }
        if let announced = transaction.decoder.remaining, announced > limit { return done(.failure(.tooLarge)) }
        transaction.reader = .collector(ByteBuffer(), done)
        machine.bodyWanted(.collected(limit: limit), by: eventLoop.now + settings.limits.bodyTimeout)
        sendContinue()
        process()
    }

    // MARK: Streams

    /// The body for the application. The connection reads nothing of it before the application iterates over it.
    func makeStream(_ transaction: HTTPTransaction) -> ApplicationRequestBody {
        guard !machine.isBodyComplete, let eventLoop = context?.eventLoop else {
            return ApplicationRequestBody(sequence: nil) {}
        }
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        let bound = NIOLoopBound(transaction, eventLoop: eventLoop)
        let parts = ApplicationRequestBody.Producer.makeSequence(
            backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8), finishOnDeinit: true,
            delegate: RequestBodySource { goOn in
                eventLoop.execute { handler.value.streamDemand(bound.value, goOn: goOn) }
            })
        transaction.bodySource = parts.source
        return ApplicationRequestBody(sequence: parts.sequence) {
            eventLoop.execute { handler.value.beginStream(bound.value) }
        }
    }

    private func beginStream(_ transaction: HTTPTransaction) {
        guard current === transaction, let source = transaction.bodySource else { return }
        transaction.bodySource = nil
        transaction.reader = .stream(source)
        machine.bodyWanted(.streamed, by: eventLoop.now + settings.limits.bodyTimeout)
        sendContinue()
        process()
    }

    private func streamDemand(_ transaction: HTTPTransaction, goOn: Bool) {
        guard current === transaction, case .stream = transaction.reader else { return }
        if goOn {
            machine.bodyWanted(.streamed, by: eventLoop.now + settings.limits.bodyTimeout)
        } else {
            transaction.reader = .none
            machine.bodyUnwanted(budget: server.configuration.discardBudget)
        }
        process()
    }

    private func sendContinue() {
        guard machine.takesContinue() else { return }
        write(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
    }
}
