// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A time without subscriptions, told when it is over. What others published meanwhile is lost.
package struct RedisOutage: Sendable {
    /// 1 for the first.
    package let number: Int
    /// Why the link was lost.
    package let reason: String
    /// From the loss of the link until every subscription was confirmed again.
    package let duration: TimeAmount
    /// How many subscriptions were restored.
    package let subscriptions: Int
    /// Redis has probably cut us because its output buffer for us was full: we read too slowly, or its
    /// `client-output-buffer-limit pubsub` is too small.
    package let isOutputBufferCutLikely: Bool
}

/// What is told to the owner of a ``RedisSubscriberCore``; every call comes on its event loop, so nothing here need be `Sendable`.
package struct RedisSubscriberHandlers {
    /// A message. Its buffers are slices of what was received.
    package var onMessage: (RedisMessage) -> Void
    /// The messages of one read have been given: the place to do once what is dear per message.
    package var onBatchEnd: () -> Void = {}
    /// The state changed. `up` comes when every subscription is confirmed.
    package var onState: (RedisLinkState) -> Void = { _ in }
    /// An outage is over; comes after the state is `up` or `degraded`.
    package var onOutage: (RedisOutage) -> Void = { _ in }
    /// A subscription that had been confirmed has been refused.
    package var onRefusal: (_ channel: String, RedisError) -> Void = { _, _ in }
    /// A message over the limits was thrown away.
    package var onOversized: () -> Void = {}

    package init(onMessage: @escaping (RedisMessage) -> Void) {
        self.onMessage = onMessage
    }
}
