// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import LoopConfinement
package import NIOCore

/// A connection to Redis for subscriptions that comes back by itself and subscribes to everything again before it
/// says that it is up, as any thread may use it.
package final class RedisSubscriber: RedisEndpoint {
    package let core: LoopBound<RedisSubscriberCore>
    package let stateBox: RedisStateBox

    /// Makes a subscriber that is not connected yet.
    ///
    /// - Parameter name: names the link in logs and metrics.
    package init(
        configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger, name: String = "subscriptions",
        handlers: sending RedisSubscriberHandlers
    ) {
        let stateBox = RedisStateBox()
        self.stateBox = stateBox
        core = LoopBound(
            RedisSubscriberCore(
                configuration: configuration, resolver: configuration.makeResolver(logger: logger),
                eventLoop: eventLoop, logger: logger, name: name, stateBox: stateBox, handlers: handlers),
            on: eventLoop)
    }

    deinit { released() }

    /// Subscribes, from now on and after every loss of the link.
    ///
    /// The completion is called on the event loop when the server has confirmed it: at once when it had, after the
    /// link is up when it is down. A refusal (`permission`, naming the right) ends the wish.
    package func subscribe(
        _ channel: String, kind: RedisSubscriptionKind = .channel,
        _ completion: @escaping @Sendable (Result<Void, RedisError>) -> Void
    ) {
        core.run { $0.subscribe(channel, kind: kind, completion) }
    }

    /// Subscribes to all of them and waits until all are confirmed.
    ///
    /// - Throws: the first refusal, after all have been answered.
    package func subscribe(_ channels: [String], kind: RedisSubscriptionKind = .channel) async throws(RedisError) {
        try await all(channels) { $0.subscribe($1, kind: kind, $2) }
    }

    /// Ends a subscription; the completion is called on the event loop when no message of it can follow.
    package func unsubscribe(
        _ channel: String, kind: RedisSubscriptionKind = .channel,
        _ completion: @escaping @Sendable (Result<Void, RedisError>) -> Void
    ) {
        core.run { $0.unsubscribe(channel, kind: kind, completion) }
    }

    /// Ends subscriptions and waits until no message of them can follow.
    package func unsubscribe(_ channels: [String], kind: RedisSubscriptionKind = .channel) async throws(RedisError) {
        try await all(channels) { $0.unsubscribe($1, kind: kind, $2) }
    }

    private func all(
        _ channels: [String],
        _ body: @escaping @Sendable (RedisSubscriberCore, String, @escaping RedisSubscriberCore.Waiter) -> Void
    ) async throws(RedisError) {
        guard !channels.isEmpty else { return }
        let result = await withCheckedContinuation { continuation in
            core.run { core in
                let countdown = Countdown(channels.count) { continuation.resume(returning: $0) }
                for channel in channels { body(core, channel) { countdown.answered($0) } }
            }
        }
        try result.get()
    }
}
