// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The outages of one subscriber: how long the present one lasts, and whether the server has cut the connection because it
/// was read too slowly. Time is an argument.
struct OutageRecord {
    private var count = 0
    private var began: NIODeadline?
    private var reason = ""
    private var endedInsideMessage = false
    private var wasCut = false
    private var lastFacts = RedisServerFacts()

    /// The connection is gone; `insideMessage`: in the middle of what the server was sending.
    mutating func lost(_ reason: RedisError, insideMessage: Bool, at now: NIODeadline) {
        if began == nil {
            began = now
            count += 1
        }
        self.reason = reason.description
        endedInsideMessage = insideMessage
    }

    /// There is a new connection. A server cuts a client whose output buffer is full without a word. Redis 7.2 counts it;
    /// for older ones the sign is that the stream ended inside a message though the server went on.
    mutating func connected(_ facts: RedisServerFacts) {
        defer { lastFacts = facts }
        guard began != nil else { return }
        if let before = lastFacts.outputBufferCuts, let now = facts.outputBufferCuts {
            wasCut = wasCut || now > before
            return
        }
        if let before = lastFacts.connectionsReceived, let now = facts.connectionsReceived, now <= before { return }
        wasCut = wasCut || endedInsideMessage
    }

    /// Everything is subscribed again. Returns the outage that has ended, if there was one.
    mutating func ended(at now: NIODeadline, subscriptions: Int) -> RedisOutage? {
        guard let began else { return nil }
        let outage = RedisOutage(
            number: count, reason: reason, duration: now - began, subscriptions: subscriptions,
            isOutputBufferCutLikely: wasCut)
        self.began = nil
        wasCut = false
        return outage
    }
}
