// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

// Answers on their way out, and the orderly end of a connection.
extension HTTPConnectionHandler {
    /// Bodies up to this size leave in the same buffer as their head.
    private static let joinedBody = 16 * 1024
    /// How long a client may take to read the last answer after our side was closed.
    private static let lingerTime = TimeAmount.seconds(2)

    /// Sends a whole answer to the request in progress.
    func answer(_ response: EngineResponse, to transaction: HTTPTransaction, preset: HTTPHeaders = [:]) {
        guard current === transaction, case .pending = transaction.answer else { return }
        let closes = prepareEnd(of: transaction, closing: response.closeConnection)
        let hasNoBody = ResponseSerializer.hasNoBody(response.status)
        var head = ResponseSerializer(
            status: response.status, presetHeaders: preset, fixedLines: response.fixedLines, headers: response.headers,
            framing: hasNoBody ? .unstated : .length(response.body.readableBytes))
        if closes { head.keepAlive = nil } else { head.keepAlive = keepAliveSeconds }
        let body = hasNoBody || transaction.head.method == .HEAD ? ByteBuffer() : response.body
        if transaction.applicationAnswer == nil { router.countRefusal(response.status) }
        writeHead(head, body: body)
        if let tracker = response.tracker { track(tracker) }
        complete(transaction, closes: closes)
    }

    /// Informs the tracker of the response just written when that has been sent.
    private func track(_ tracker: AnswerTracker) {
        // The tracker of the previous response is finished, since this response was started only after that one had
        // been sent.
        self.tracker?.probe.set(-1)
        self.tracker = tracker
        guard let context else { return tracker.end() }
        tracker.probe.set(DirectSocket(context.channel)?.descriptor ?? -1)
        if pendingWrites > 0 { tracker.probe.set(waitingIn: context.channel) } else { tracker.end() }
    }

    /// The raw refusal of protocol 1.5.1, byte for byte as Node writes it.
    func refuse(
        _ transaction: HTTPTransaction, status: HTTPResponseStatus, message: String, headers: HTTPHeaders
    ) {
        guard current === transaction, case .pending = transaction.answer else { return }
        router.countRefusal(status)
        transaction.status = status.code
        var bytes = ByteBuffer()
        bytes.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\nConnection: close\r\n")
        bytes.writeString("Content-type: text/html\r\nContent-Length: \(message.utf8.count)\r\n")
        for (name, value) in headers {
            ResponseSerializer.writeText(name, into: &bytes)
            bytes.writeStaticString(": ")
            ResponseSerializer.writeText(value, into: &bytes)
            bytes.writeStaticString("\r\n")
        }
        bytes.writeStaticString("\r\n")
        bytes.writeString(message)
        write(bytes)
        complete(transaction, closes: true)
    }

    /// Decides whether the connection ends with this answer, and what happens to the rest of the body.
    func prepareEnd(of transaction: HTTPTransaction, closing: Bool) -> Bool {
        if closing || isDraining || transaction.head.isUpgrade || !transaction.head.keepAlive { return true }
        if transaction.isBodyComplete { return false }
        // Nobody can tell whether a client that was not told to continue sends its body now or never.
        if transaction.owesContinue { return true }
        let budget = router.configuration.discardBudget
        return (transaction.decoder.remaining ?? 0) > budget
    }

    /// Marks the answer as written, as far as we are concerned.
    func complete(_ transaction: HTTPTransaction, closes: Bool) {
        observe(transaction)
        transaction.answer = .complete
        transaction.exchange = nil
        transaction.task = nil
        transaction.applicationAnswer = nil
        if case .stream(let source, _) = transaction.consumer { source.finish(RequestBodyError.aborted) }
        transaction.bodySource?.finish(RequestBodyError.aborted)
        transaction.bodySource = nil
        if closes {
            transaction.consumer = .none
            let lingering = !transaction.isBodyComplete || transaction.head.isUpgrade
            current = nil
            closeAfterWrites(lingering: lingering)
            return
        }
        if !transaction.isBodyComplete {
            transaction.consumer = .discard(budget: router.configuration.discardBudget)
            if transaction.bodyDeadline == nil {
                transaction.bodyDeadline = eventLoop.now + settings.values.bodyTimeout
            }
        }
        process()
    }

    /// Writes a head with what is to leave beside it.
    func writeHead(_ head: consuming ResponseSerializer, body: ByteBuffer = ByteBuffer(), thenClose: Bool = false) {
        head.date = settings.date.value()
        if thenClose {
            head.keepAlive = nil
            router.countRefusal(head.status)
        }
        current?.status = head.status.code
        var bytes = settings.answers.take(minimumCapacity: 1024)
        head.write(into: &bytes)
        if body.readableBytes <= Self.joinedBody {
            bytes.writeImmutableBuffer(body)
            write(bytes)
        } else {
            write(bytes)
            write(body)
        }
        settings.answers.put(bytes)
    }

    /// Writes to the socket directly while NIO holds nothing of this connection, and the part that the socket does not
    /// accept through NIO. The end of that write is awaited, so that time-outs know whether anything is still being
    /// sent.
    func write(_ bytes: ByteBuffer) {
        guard let context else { return }
        current?.bytesSent += bytes.readableBytes
        var bytes = bytes
        if pendingWrites == 0, let socket = directSocket(context) {
            bytes.moveReaderIndex(forwardBy: socket.send(bytes, isLast: false))
            if bytes.readableBytes == 0 { return }
        }
        let allowance = TimeAmount.seconds(Int64(bytes.readableBytes / 32_768))
        writeDeadline = eventLoop.now + settings.values.sendTimeout + allowance
        pendingWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        // A write fails when the channel closes, and then no further request may be begun.
        promise.futureResult.assumeIsolated().whenSuccess { [weak self] in self?.wroteOne() }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
        if pendingWrites > 0 { updateTimer() }
    }

    /// The socket of a plaintext connection. All bytes pass through `write`, so whether NIO holds some is known.
    private func directSocket(_ context: ChannelHandlerContext) -> (any AnswerSink)? {
        guard !isSecure, context.channel.isActive else { return nil }
        // Each look at it is a copy.
        if let socket { return socket }
        guard !hasNoSocket else { return nil }
        let found = DirectSocket(context.channel)
        socket = found
        hasNoSocket = found == nil
        return found
    }

    private func wroteOne() {
        pendingWrites -= 1
        if pendingWrites == 0 { tracker?.end() }
        if pendingWrites > 0 { writeDeadline = eventLoop.now + settings.values.sendTimeout }
        if case .closing(let lingers) = phase, pendingWrites == 0 {
            closeNow(lingering: lingers)
        } else {
            process()
        }
    }

    /// Ends the connection in the middle of a response, so that the client knows it is incomplete.
    func cut(_ transaction: HTTPTransaction) {
        guard current === transaction else { return }
        router.logger.debug("HTTP answer of the application is incomplete")
        abandonCurrent()
        closeAfterWrites(lingering: false)
    }

    /// Ends the connection when everything written has been sent.
    func closeAfterWrites(lingering: Bool) {
        guard case .serving = phase else { return }
        phase = .closing(lingers: lingering)
        if pendingWrites == 0 {
            closeNow(lingering: lingering)
        } else {
            updateTimer()
        }
    }

    private func closeNow(lingering: Bool) {
        guard let context else { return }
        guard lingering else {
            context.close(promise: nil)
            return
        }
        phase = .lingering
        writeDeadline = eventLoop.now + Self.lingerTime
        updateTimer()
        context.close(mode: .output, promise: nil)
    }

    // MARK: Timeouts

    func updateTimer() {
        guard context != nil, timer.move(to: currentDeadline()) else { return }
        if newcomerIndex != nil, let deadline = timer.deadline, settings.newcomers.covers(deadline) { return }
        timer.start(on: eventLoop) { [weak self] in self?.timerFired() }
    }

    private func timerFired() {
        guard timer.hasFired(now: eventLoop.now) else { return updateTimer() }
        guard case .serving = phase else {
            if pendingWrites > 0 { router.limits.count(.sendTimeout) }
            context?.close(promise: nil)
            return
        }
        if let current {
            if current.giveUpDeadline != nil {
                router.limits.count(.destroyUpgradeTimeout)
                context?.close(promise: nil)
            } else if current.wantsBody {
                router.logger.debug("HTTP request body took too long")
                router.limits.count(.bodyTimeout)
                fail(status: .requestTimeout)
            } else {
                router.limits.count(.sendTimeout)
                context?.close(promise: nil)
            }
        } else if pendingWrites > 0 {
            router.limits.count(.sendTimeout)
            context?.close(promise: nil)
        } else if isHeadStarted {
            router.logger.debug("HTTP request head took too long")
            router.limits.count(.headTimeout)
            fail(status: .requestTimeout)
        } else {
            // Between two requests, or never a first one: nobody waits for an answer.
            if !hasServed { router.limits.count(.headTimeout) }
            context?.close(promise: nil)
        }
    }

    var keepAliveSeconds: Int {
        max(1, Int(settings.values.keepAliveTimeout.nanoseconds / 1_000_000_000))
    }
}

extension EngineConfiguration {
    /// How much of an unwanted body is read to keep the connection.
    var discardBudget: Int { max(64 * 1024, min(maxHttpBufferSize, 1024 * 1024)) }
}
