// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Who made a connection hears of its life, on its event loop.
protocol RedisConnectionOwner: AnyObject {
    func connectionReady(_ connection: RedisConnection, _ facts: RedisServerFacts)
    /// Nothing follows. Unanswered commands and publishes have been told before.
    func connectionClosed(_ connection: RedisConnection, _ reason: RedisError)
}

/// Who uses a connection hears what comes over it, on its event loop.
protocol RedisConnectionUser: AnyObject {
    func connection(_ connection: RedisConnection, received message: RedisMessage)
    func connection(_ connection: RedisConnection, changed: SubscriptionRequest, _ result: Result<Void, RedisError>)
    func connection(_ connection: RedisConnection, lost kind: RedisSubscriptionKind, channel: String)
    func connection(_ connection: RedisConnection, published tag: UInt64, _ outcome: PublishOutcome)
    func connectionDroppedMessage(_ connection: RedisConnection)
    /// The bytes of one read have been handled.
    func connectionReadComplete(_ connection: RedisConnection)
    /// Room again after a publish or command was refused.
    func connectionHasRoom(_ connection: RedisConnection)
    /// A health check is overdue, or answered after all.
    func connection(_ connection: RedisConnection, isLate: Bool)
}

extension RedisConnectionUser {
    func connection(_: RedisConnection, received _: RedisMessage) {}
    func connection(_: RedisConnection, changed _: SubscriptionRequest, _: Result<Void, RedisError>) {}
    func connection(_: RedisConnection, lost _: RedisSubscriptionKind, channel _: String) {}
    func connection(_: RedisConnection, published _: UInt64, _: PublishOutcome) {}
    func connectionDroppedMessage(_: RedisConnection) {}
    func connectionReadComplete(_: RedisConnection) {}
    func connectionHasRoom(_: RedisConnection) {}
    func connection(_: RedisConnection, isLate _: Bool) {}
}

/// Limits and times of one connection.
struct RedisConnectionSettings {
    var handshake: RedisHandshake
    var isSubscriber = false
    var limits = RESPLimits()
    var commandTimeout: TimeAmount = .seconds(5)
    /// For the whole log-in; nil means `commandTimeout`.
    var handshakeTimeout: TimeAmount?
    var pingInterval: TimeAmount = .seconds(3)
    var maximumBacklogBytes = 16 << 20
    var maximumUnansweredCommands = 262_144
}
