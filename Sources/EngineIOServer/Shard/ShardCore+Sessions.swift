// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

// The sessions of the shard, and what it knows of each.
extension ShardCore {
    /// How many sessions live here.
    var sessionCount: Int { sessions.count }

    /// The session with this id, unless it has ended and is only waiting for its handler to hear of it.
    func liveSession(id: StoredSessionID) -> SessionCore? {
        guard let session = sessions[id], session.machine.isAlive else { return nil }
        return session
    }

    func insert(_ session: SessionCore) {
        sessions.insert(session)
        session.slot = slots.add(session)
    }

    func remove(_ session: SessionCore) {
        slots.remove(session.slot)
        session.slot = .none
        sessions.remove(session)
        session.context.forgetCustomID(of: session)
    }

    /// All sessions of the moment, in no order.
    func allSessions() -> [SessionCore] { sessions.all }

    /// Their delegate, if it is of this type.
    package func handlers<Handler: EngineSessionHandler>(as type: Handler.Type) -> [Handler] {
        sessions.all.compactMap { $0.handler as? Handler }
    }

    // MARK: Their places in the outbound queue

    /// Whether anything is staged for the session in this tick.
    func hasStaged(for session: SessionCore) -> Bool { slots.hasStaged(session.slot) }

    /// The session takes no more messages.
    func closeSlot(of session: SessionCore) {
        slots.close(session.slot)
        session.handle?.noteClosed()
    }

    /// What is staged for the session goes to this socket without asking session and transport, until `endBypass`.
    func bypass(_ session: SessionCore, to descriptor: CInt) { slots.bypass(session.slot, to: descriptor) }

    /// Whether it does.
    func isBypassed(_ session: SessionCore) -> Bool { slots.isBypassed(session.slot) }

    func endBypass(_ session: SessionCore) { slots.endBypass(session.slot) }

    // MARK: Polling answers

    /// The response body for queued messages. Clients with the same queued messages share it if it has at least
    /// `minimum` bytes; nil otherwise.
    func sharedAnswer(of messages: [HeldMessage], minimum: Int) -> PollingBody? {
        guard messages.reduce(0, { $0 + $1.message.frameBytes }) >= minimum else { return nil }
        if let lastAnswer, lastAnswer.isMade(of: messages) { return lastAnswer.body }
        let made = AnsweredChunk(messages)
        lastAnswer = made
        return made.body
    }

    /// No client waits for it any more.
    func forgetAnswers() { lastAnswer = nil }
}
