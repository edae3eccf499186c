// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import NIOHTTP1

/// A POST with packets that have not been handled yet, because they wait for their turn (``InputTurns``) or the session
/// is paused.
struct HeldPost {
    let exchange: HTTPExchange
    let packets: PollingPayloadDecoder
}

// The POST requests of a polling client. On the session's home loop.
extension PollingTransport: InputSource {
    /// The head of a POST has arrived and been verified; its body has not arrived yet.
    func postReceived(_ exchange: HTTPExchange) {
        let type = exchange.request.headers.first(name: "Content-Type")
        switch machine.postReceived(contentType: type, takesBinary: dialect.isRevision3) {
        case .read:
            post = exchange
        case .refuseOverlap:
            exchange.respond(HTTPServerResponse(status: .badRequest))
            session?.transportFailed(self, detail: PollingStateMachine.postOverlapDetail)
        case .refuseContentType:
            exchange.respond(HTTPServerResponse(status: .badRequest))
            session?.transportFailed(self, detail: PollingStateMachine.invalidContentDetail)
        case .refuseClosed:
            exchange.respond(.refusal(.unknownSID))
        }
    }

    /// The body of an accepted POST has arrived, or the request was aborted.
    func postCompleted(_ exchange: HTTPExchange, _ result: Result<ByteBuffer, RequestBodyError>) {
        guard post === exchange else { return }
        // The connection knew only the largest limit of all sessions.
        let limit = context.configuration.maxHttpBufferSize
        let result = result.flatMap { $0.readableBytes > limit ? .failure(.tooLarge) : .success($0) }
        switch result {
        case .success(let body):
            guard machine.postBodyReceived() else { return }
            shard.catchUp()
            dispatch(body, of: exchange)
        case .failure(let error):
            post = nil
            if error == .tooLarge {
                exceeded(.maxHttpBufferSize, exchange)
                exchange.respond(HTTPServerResponse(status: .payloadTooLarge, closeConnection: true))
            }
            guard machine.postFailed() else { return }
            let detail =
                error == .tooLarge ? PollingStateMachine.tooLargeDetail : PollingStateMachine.postAbortedDetail
            session?.transportFailed(self, detail: detail)
        }
    }

    private func exceeded(_ limit: LimitMetrics.Limit, _ exchange: HTTPExchange) {
        context.exceeded(limit, by: exchange.request.clientAddress, sid: session?.id, on: shard.eventLoop)
    }

    // MARK: Packets

    /// Packets are delivered before the POST is answered (protocol 1.8.3).
    private func dispatch(_ body: ByteBuffer, of exchange: HTTPExchange) {
        let packets =
            dialect.hasOwnPayloads
            ? revision3Packets(body, of: exchange.request)
            : PollingPayloadDecoder(body: body, maximumPackets: context.configuration.maxPacketsPerPayload)
        guard pause == nil else { return hold(packets, of: exchange) }
        dispatch(packets, of: exchange)
    }

    /// - Parameter isLast: whether all packets are handled now instead of in later turns.
    private func dispatch(_ packets: PollingPayloadDecoder, of exchange: HTTPExchange, isLast: Bool = false) {
        var packets = packets
        var slice = InputSlice()
        var fault: EnginePacketError?
        do {
            // `session` is nil as soon as one of the packets has ended it.
            while let session, let packet = try packets.next() {
                session.received(packet)
                guard !isLast, self.session != nil else { continue }
                guard pause == nil else { return hold(packets, of: exchange) }
                if slice.isOver(now: .now()), packets.hasMore {
                    hold(packets, of: exchange)
                    return shard.turns.add(self)
                }
            }
        } catch {
            fault = error
            if case .tooManyPackets = error { exceeded(.maxPacketsPerPayload, exchange) }
        }
        finish(exchange, fault)
    }

    private func hold(_ packets: PollingPayloadDecoder, of exchange: HTTPExchange) {
        held = HeldPost(exchange: exchange, packets: packets)
    }

    private func finish(_ exchange: HTTPExchange, _ fault: EnginePacketError?) {
        post = nil
        switch machine.postFinished(isValid: fault == nil) {
        case .ok: send(.post, PollingHeaders.ok, to: exchange)
        case .badRequest: exchange.respond(.refusal(.badRequest))
        }
        if let fault { session?.receivedInvalid(fault) }
    }

    // MARK: Holding

    /// Pauses the transport: the POST that caused the pause, and one that arrives during it, are answered when the
    /// pause ends.
    func pauseInput(until deadline: NIODeadline) {
        guard session != nil else { return }
        if let pause {
            guard pause.until < deadline else { return }
            pause.cancel()
        }
        pause = InputPause(until: deadline, on: shard.eventLoop) { [self] in
            pause = nil
            if held != nil { shard.turns.add(self) }
        }
    }

    func continueInput() {
        guard pause == nil, let held else { return }
        self.held = nil
        shard.catchUp()
        dispatch(held.packets, of: held.exchange)
    }

    /// The session moves to another transport, so all posted packets are delivered now.
    func deliverHeld() {
        endPause()
        guard let held else { return }
        self.held = nil
        dispatch(held.packets, of: held.exchange, isLast: true)
    }

    /// The session has ended, so pending packets are discarded.
    func forgetHeld() {
        endPause()
        guard let held else { return }
        self.held = nil
        finish(held.exchange, nil)
    }

    private func endPause() {
        pause?.cancel()
        pause = nil
    }
}
