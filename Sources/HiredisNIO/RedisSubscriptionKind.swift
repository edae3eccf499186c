// Part of socketio-server, MIT licence; see LICENSE.

/// The kinds of subscription.
package enum RedisSubscriptionKind: Sendable, Hashable, CaseIterable {
    case channel
    case pattern
    case sharded

    var subscribe: String {
        switch self {
        case .channel: "SUBSCRIBE"
        case .pattern: "PSUBSCRIBE"
        case .sharded: "SSUBSCRIBE"
        }
    }

    var unsubscribe: String {
        switch self {
        case .channel: "UNSUBSCRIBE"
        case .pattern: "PUNSUBSCRIBE"
        case .sharded: "SUNSUBSCRIBE"
        }
    }

    /// The command that counts subscribers of channels. There is none for patterns.
    package var countCommand: String { self == .sharded ? "PUBSUB SHARDNUMSUB" : "PUBSUB NUMSUB" }
}

/// A change of one subscription.
struct SubscriptionRequest: Hashable {
    var kind: RedisSubscriptionKind
    var channel: String
    var isUnsubscribe: Bool

    var commandName: String { isUnsubscribe ? kind.unsubscribe : kind.subscribe }
    var command: RESPCommand { RESPCommand(commandName, channel) }

    /// The error for a refusal, naming the rights that were missing.
    func error(for text: String) -> RedisError {
        var error = RedisError(reply: text, to: "\(commandName) \(channel)")
        if error.code == .permission {
            error.message += " (the user needs +\(commandName.lowercased()) and the channel &\(channel))"
        }
        return error
    }
}
