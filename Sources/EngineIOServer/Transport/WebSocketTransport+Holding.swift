// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import Metrics
internal import NIOCore

// Input that has been read but not handled yet, because it waits for its turn (InputTurns) or the session is paused.
// All of it on the session's loop. A connection on that loop is not read in the meantime; one on another loop stops
// when more than `hopWindow` bytes are in flight.
extension WebSocketTransport: InputSource {
    // MARK: Holding

    func pauseInput(until deadline: NIODeadline) {
        guard session != nil else { return }
        let held = heldInput()
        if let pause = held.pause {
            guard pause.until < deadline else { return }
            pause.cancel()
        }
        held.pause = InputPause(until: deadline, on: shard.home.eventLoop) { [self] in
            self.held?.pause = nil
            awaitTurn()
        }
    }

    /// With what else lives on the session's loop, which this is.
    @discardableResult
    func onShard<Result: Sendable>(_ body: (ShardCore) -> Result) -> Result? { shard.runIfHere(body) }

    private func heldInput() -> HeldInput {
        if let held { return held }
        let new = HeldInput()
        held = new
        return new
    }

    private func awaitTurn() {
        guard let held, !held.isQueued, held.pause == nil else { return }
        held.isQueued = true
        onShard { $0.turns.add(self) }
    }

    /// Keeps the unhandled rest of `bytes`.
    func keep(_ bytes: ByteBuffer, from start: Int, isKept: Bool) {
        var rest = bytes
        rest.moveReaderIndex(forwardBy: start)
        // The shared read buffer of the loop must not be kept.
        heldInput().bytes = isKept ? rest : ByteBuffer(bytes: rest.readableBytesView)
        awaitTurn()
    }

    /// Keeps bytes that arrive although the connection is not being read: TLS had already decrypted them, or the stream
    /// has ended and NIO reads the rest of it in one go.
    func keepUnasked(_ bytes: ByteBuffer) {
        guard let held else { return }
        let isPaused = held.pause != nil
        guard !isPaused || held.bytes.readableBytes + bytes.readableBytes <= HeldInput.pausedLimit else {
            return giveUp("input over the rate at the end of the stream")
        }
        guard onShard({ $0.turns.reserve(bytes.readableBytes) }) ?? false else {
            if let session {
                session.context.exceeded(
                    .maxUnhandledInputBytes, by: session.remoteAddress, sid: session.id, on: session.eventLoop)
            }
            return giveUp("too much input")
        }
        held.unasked += bytes.readableBytes
        held.bytes.discardReadBytes()
        held.bytes.writeImmutableBuffer(bytes)
        awaitTurn()
    }

    private func giveUp(_ detail: String) {
        if let held { drop(held) }
        tellSession(.failed(detail))
        closeChannel()
    }

    /// The session has ended and needs no more input. The rest is only searched for the client's close frame.
    func forgetHeld() {
        guard let held else { return }
        held.pause?.cancel()
        held.pause = nil
        if isLocal { return awaitTurn() }
        self.held = nil
        if held.pausesReading { readOn() }
    }

    /// Whether the session is told of the end of the connection only after earlier input has been handled. Input that a
    /// paused session has not handled by then exceeds its rate and is dropped.
    func endsLater(_ end: InboundHop.Event) -> Bool {
        guard isLocal, let held, session != nil else { return false }
        guard held.pause == nil, held.bytes.readableBytes > 0 else {
            drop(held)
            return false
        }
        if held.end == nil { held.end = end }
        isFinishing = true
        return true
    }

    private func drop(_ held: HeldInput) {
        held.pause?.cancel()
        onShard { $0.turns.release(held.unasked) }
        let dropped = held.bytes.readableBytes
        if dropped > 0 { session?.context.metrics.inputDropped.increment(by: dropped) }
        self.held = nil
    }

    // MARK: Going on

    func continueInput() {
        guard held != nil else { return }
        // Batches that are waiting in the inbox come behind what is held.
        shard.home.catchUp()
        guard let held else { return }
        held.isQueued = false
        guard held.pause == nil else { return }
        self.held = nil
        if isLocal { continueBytes(held) } else { continueEvents(held) }
    }

    private func continueBytes(_ before: HeldInput) {
        onShard { $0.turns.release(before.unasked) }
        if before.bytes.readableBytes > 0 { process(before.bytes, isKept: true) }
        if let end = before.end {
            if let held, held.pause == nil, session != nil {
                held.end = end
                return
            }
            // Nothing is left, or the rest exceeds the rate.
            if let held { drop(held) }
            isFinishing = false
            tellSession(end)
            closeChannel()
        }
        guard let context else { return }
        channelReadComplete(context: context)
        if held == nil { context.read() }
    }

    /// Takes the batches that a connection on another loop has sent.
    func receive(_ batch: InboundHop.Batch) {
        guard let held else {
            tellSession(batch.events[...], pausesReading: batch.pausesReading)
            // Many batches may have arrived while the loop was busy. After a full slice the others wait for a turn;
            // otherwise the loop would handle all of them before it polls its sockets again.
            guard self.held == nil, session != nil, batch.events.count >= InputSlice.untimed else { return }
            _ = heldInput()
            return awaitTurn()
        }
        let isOver = held.pause != nil && batch.events.contains { $0.isEnd }
        held.pausesReading = held.pausesReading || batch.pausesReading
        guard isOver else {
            held.events.append(contentsOf: batch.events)
            return
        }
        // Input that a paused session has not handled by the end of the connection exceeds its rate.
        drop(held)
        for event in batch.events where event.isEnd { tellSession(event) }
    }

    private func continueEvents(_ held: HeldInput) {
        tellSession(held.events, pausesReading: held.pausesReading)
    }

    private func tellSession(_ events: ArraySlice<InboundHop.Event>, pausesReading: Bool) {
        var slice = InputSlice()
        for index in events.indices {
            tellSession(events[index])
            guard held != nil || slice.isOver(now: .now()), session != nil else { continue }
            let rest = events[(index + 1)...]
            guard !rest.isEmpty || held != nil else { break }
            let held = heldInput()
            held.events = rest + held.events
            held.pausesReading = held.pausesReading || pausesReading
            return awaitTurn()
        }
        if pausesReading { readOn() }
    }

    /// All input up to the point where the connection stopped reading has been handled.
    private func readOn() {
        onConnection { transport in
            transport.hop?.acknowledged()
            transport.setAutoRead(true)
        }
    }
}

extension InboundHop.Event {
    /// Whether it reports the end of the connection.
    fileprivate var isEnd: Bool {
        switch self {
        case .closed, .failed, .broken: true
        case .packet, .invalid: false
        }
    }
}
