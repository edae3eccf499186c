// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import Logging
package import LoopConfinement
package import NIOCore

/// The subscriptions of a test: the part of the product that lives on an event loop, as any thread may use it.
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
                configuration: configuration, eventLoop: eventLoop, logger: logger, name: name, stateBox: stateBox,
                handlers: handlers),
            on: eventLoop)
    }

    deinit { core.execute { $0.close() } }

    /// Subscribes to one after the other, from now on and after every loss of the link, and waits until each is confirmed.
    ///
    /// - Throws: the first refusal.
    package func subscribe(_ channels: [String], kind: RedisSubscriptionKind = .channel) async throws(RedisError) {
        for channel in channels {
            let result = await withCheckedContinuation { continuation in
                core.run { $0.subscribe(channel, kind: kind) { continuation.resume(returning: $0) } }
            }
            try result.get()
        }
    }

    /// Ends the subscriptions and waits until no message of them can follow.
    package func unsubscribe(_ channels: [String], kind: RedisSubscriptionKind = .channel) async throws(RedisError) {
        for channel in channels {
            let result = await withCheckedContinuation { continuation in
                core.run { $0.unsubscribe(channel, kind: kind) { continuation.resume(returning: $0) } }
            }
            try result.get()
        }
    }
}
