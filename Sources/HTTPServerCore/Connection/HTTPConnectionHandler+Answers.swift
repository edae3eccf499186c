// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import NIOHTTP1

// Sending answers, and ending a connection in an orderly way.
extension HTTPConnectionHandler {
    /// Bodies up to this size leave in the same buffer as their head.
    private static let joinedBody = 16 * 1024

    /// Sends a whole answer to the request in progress.
    func answer(_ response: HTTPServerResponse, to transaction: HTTPTransaction, preset: HTTPHeaders = [:]) {
        guard current === transaction, machine.awaitsAnswer else { return }
        let closes = prepareEnd(of: transaction, closing: response.closeConnection)
        let hasNoBody = ResponseSerializer.hasNoBody(response.status)
        var head = ResponseSerializer(
            status: response.status, presetHeaders: preset, fixedLines: response.fixedLines, headers: response.headers,
            framing: hasNoBody ? .unstated : .length(response.body.readableBytes))
        if closes { head.keepAlive = nil } else { head.keepAlive = keepAliveSeconds }
        let body = hasNoBody || transaction.head.method == .HEAD ? ByteBuffer() : response.body
        if transaction.applicationAnswer == nil { countRefusal(response.status) }
        writeHead(head, body: body)
        if let tracker = response.tracker { track(tracker) }
        complete(transaction, closes: closes)
    }

    /// Informs the tracker when the response that was just written has been sent.
    private func track(_ tracker: AnswerTracker) {
        // The tracker of the previous response is finished, since this response was started only after that one had
        // been sent.
        self.tracker?.probe.set(-1)
        self.tracker = tracker
        guard let context else { return tracker.end() }
        tracker.probe.set(DirectSocket(context.channel)?.descriptor ?? -1)
        if machine.hasSentAll { tracker.end() } else { tracker.probe.set(waitingIn: context.channel) }
    }

    /// The raw refusal of protocol 1.5.1, byte for byte as Node writes it.
    func refuse(
        _ transaction: HTTPTransaction, status: HTTPResponseStatus, message: String, headers: HTTPHeaders
    ) {
        guard current === transaction, machine.awaitsAnswer else { return }
        countRefusal(status)
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

    private func countRefusal(_ status: HTTPResponseStatus) {
        if status.code >= 400 { server.service.countRefusal(status) }
    }

    /// Decides whether the connection ends with this answer, and what happens to the rest of the body.
    func prepareEnd(of transaction: HTTPTransaction, closing: Bool) -> Bool {
        machine.ends(
            closing: closing, remaining: transaction.decoder.remaining, budget: server.configuration.discardBudget)
    }

    /// Marks the answer as completely written.
    func complete(_ transaction: HTTPTransaction, closes: Bool) {
        observe(transaction)
        transaction.exchange = nil
        transaction.task = nil
        transaction.applicationAnswer = nil
        let reader = transaction.reader
        transaction.reader = .none
        if case .stream(let source) = reader { source.finish(RequestBodyError.aborted) }
        transaction.bodySource?.finish(RequestBodyError.aborted)
        transaction.bodySource = nil
        let ending = machine.answerCompleted(
            closes: closes, budget: server.configuration.discardBudget,
            bodyBy: eventLoop.now + settings.limits.bodyTimeout)
        if closes {
            current = nil
            return perform(ending)
        }
        process()
    }

    /// Writes a head together with the body bytes that fit in the same write.
    func writeHead(_ head: consuming ResponseSerializer, body: ByteBuffer = ByteBuffer(), thenClose: Bool = false) {
        head.date = settings.date.value()
        if thenClose {
            head.keepAlive = nil
            countRefusal(head.status)
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
        if machine.hasSentAll, let socket = directSocket(context) {
            bytes.moveReaderIndex(forwardBy: socket.send(bytes, isLast: false))
            if bytes.readableBytes == 0 { return }
        }
        let allowance = TimeAmount.seconds(Int64(bytes.readableBytes / 32_768))
        machine.writeStarted(by: eventLoop.now + settings.limits.sendTimeout + allowance)
        let promise = context.eventLoop.makePromise(of: Void.self)
        // A write fails when the channel closes, and then no further request may be begun.
        promise.futureResult.assumeIsolated().whenSuccess { self.wroteOne() }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
        if !machine.hasSentAll { updateTimer() }
    }

    /// The socket of a plaintext connection. All bytes pass through `write`, so whether NIO holds some is known.
    private func directSocket(_ context: ChannelHandlerContext) -> (any ResponseSocket)? {
        guard !isSecure, context.channel.isActive else { return nil }
        // Reading the property copies it, so it is read once.
        if let socket { return socket }
        guard !hasNoSocket else { return nil }
        let found = DirectSocket(context.channel)
        socket = found
        hasNoSocket = found == nil
        return found
    }

    private func wroteOne() {
        let ending = machine.writeFinished(nextBy: eventLoop.now + settings.limits.sendTimeout)
        if machine.hasSentAll { tracker?.end() }
        if ending == .none { process() } else { perform(ending) }
    }

    /// Ends the connection in the middle of a response, so that the client knows it is incomplete.
    func cut(_ transaction: HTTPTransaction) {
        guard current === transaction else { return }
        server.configuration.logger.debug("HTTP answer of the application is incomplete")
        abandonCurrent()
        perform(machine.end(lingering: false))
    }

    // MARK: Timeouts

    func updateTimer() {
        guard context != nil else { return }
        let deadline = machine.deadline(idleUntil: eventLoop.now + settings.limits.keepAliveTimeout)
        guard timer.move(to: deadline) else { return }
        if acceptDeadlineIndex != nil, let deadline = timer.deadline, settings.acceptDeadline.covers(deadline) {
            return
        }
        // Not weak, which would make each use of the connection slower; whatever ends it cancels the timer.
        timer.start(on: eventLoop) { self.timerFired() }
    }

    private func timerFired() {
        guard timer.hasFired(now: eventLoop.now) else { return updateTimer() }
        switch machine.deadlinePassed() {
        case .close(let limit):
            if let limit { exceeded(limit) }
            context?.close(promise: nil)
        case .refuse(let limit):
            server.configuration.logger.debug("HTTP request took too long", metadata: ["limit": "\(limit)"])
            exceeded(limit)
            fail(status: .requestTimeout)
        }
    }

    /// Tells the service that the client has exceeded a limit.
    func exceeded(_ limit: HTTPLimit) {
        server.service.exceeded(limit, by: current?.clientAddress ?? peer, on: eventLoop)
    }

    var keepAliveSeconds: Int {
        max(1, Int(settings.limits.keepAliveTimeout.nanoseconds / 1_000_000_000))
    }
}
