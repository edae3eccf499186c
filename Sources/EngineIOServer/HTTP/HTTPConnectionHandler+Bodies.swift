// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOHTTP1

// Request bodies: collected for the engine, streamed to the application, or thrown away.
extension HTTPConnectionHandler {
    /// Passes one piece of a body to its consumer.
    func receive(_ event: RequestBodyDecoder.Event, of transaction: HTTPTransaction) {
        let consumer = transaction.consumer
        switch event {
        case .end:
            transaction.isBodyComplete = true
            transaction.consumer = .none
            switch consumer {
            case .collect(_, let buffer, let done): done(.success(buffer))
            case .stream(let source, _): source.finish()
            case .none, .discard: break
            }
        case .data(let bytes):
            switch consumer {
            case .collect(let limit, let buffer, let done):
                // Taken out first, so that the buffer is not copied when it grows.
                transaction.consumer = .none
                collect(bytes, limit: limit, into: buffer, done, transaction)
            case .stream(let source, _):
                transaction.bodyDeadline = eventLoop.now + settings.values.bodyTimeout
                switch source.yield(ByteBuffer(bytes: bytes.readableBytesView)) {
                case .produceMore: break
                case .stopProducing: transaction.consumer = .stream(source, wantsMore: false)
                case .dropped: transaction.consumer = .discard(budget: router.configuration.discardBudget)
                }
            case .discard(let budget):
                guard bytes.readableBytes <= budget else {
                    transaction.consumer = .none
                    return giveUpBody(of: transaction)
                }
                transaction.consumer = .discard(budget: budget - bytes.readableBytes)
            case .none:
                break
            }
        }
    }

    private func collect(
        _ bytes: ByteBuffer, limit: Int, into buffer: consuming ByteBuffer,
        _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void, _ transaction: HTTPTransaction
    ) {
        guard bytes.readableBytes <= limit - buffer.readableBytes else {
            transaction.consumer = .none
            return done(.failure(.tooLarge))
        }
        if buffer.readableBytes == 0, transaction.decoder.remaining == 0 {
            // All of it has come in one piece, as nearly always: it is used where it lies.
            buffer = bytes
        } else {
            // Copied, also the first piece: it lies in the memory that all connections read into.
            buffer.writeImmutableBuffer(bytes)
        }
        transaction.consumer = .collect(limit: limit, buffer, done)
    }

    /// The answer is out, and the rest of the body is too long to be worth waiting for.
    private func giveUpBody(of transaction: HTTPTransaction) {
        guard case .complete = transaction.answer else { return }
        current = nil
        closeAfterWrites(lingering: true)
    }

    /// Starts to collect; see `HTTPExchange.collectBody`.
    func collectBody(
        of transaction: HTTPTransaction, limit: Int,
        _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void
    ) {
        if transaction.isBodyComplete { return done(.success(ByteBuffer())) }
        if let announced = transaction.decoder.remaining, announced > limit { return done(.failure(.tooLarge)) }
        transaction.consumer = .collect(limit: limit, ByteBuffer(), done)
        transaction.bodyDeadline = eventLoop.now + settings.values.bodyTimeout
        sendContinue(transaction)
        process()
    }

    // MARK: Streams

    /// The body for the application; nothing is read before the application iterates over it.
    func makeStream(_ transaction: HTTPTransaction) -> ApplicationRequestBody {
        guard !transaction.isBodyComplete, let eventLoop = context?.eventLoop else {
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
        transaction.consumer = .stream(source, wantsMore: true)
        transaction.bodyDeadline = eventLoop.now + settings.values.bodyTimeout
        sendContinue(transaction)
        process()
    }

    private func streamDemand(_ transaction: HTTPTransaction, goOn: Bool) {
        guard current === transaction, case .stream(let source, _) = transaction.consumer else { return }
        if goOn {
            transaction.consumer = .stream(source, wantsMore: true)
            transaction.bodyDeadline = eventLoop.now + settings.values.bodyTimeout
        } else {
            transaction.consumer = .discard(budget: router.configuration.discardBudget)
        }
        process()
    }

    private func sendContinue(_ transaction: HTTPTransaction) {
        guard transaction.owesContinue, case .pending = transaction.answer else { return }
        transaction.owesContinue = false
        write(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
    }
}
