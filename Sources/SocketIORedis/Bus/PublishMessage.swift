// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore

/// A message on its way to the other nodes.
struct PublishMessage: Sendable {
    enum Kind: Sendable {
        /// Meant for clients or servers: waits through an outage if the policy says so.
        case data
        /// Of use only now: requests, responses, heartbeats.
        case signal
    }

    let command: RedisPublish
    var kind = Kind.data
    /// The adapter it comes from, for data.
    var source: PublishSource?
    /// Whether the source counts it as a broadcast, when its place in the order is settled.
    var isBroadcast = false
    /// See ``EchoTracker``.
    var isEcho = false
    /// Told once: how many subscribers got it, or why not.
    var completion: (@Sendable (Result<Int, any Error>) -> Void)?

    var payload: ByteBuffer { command.payload }
    var payloadLength: Int { command.payloadLength }

    /// What it counts for, bookkeeping included.
    var size: Int { command.bytes.readableBytes + 128 }
}

/// An adapter as the way out knows it. Confined to the bus's event loop, hence `@unchecked Sendable`.
final class PublishSource: @unchecked Sendable {
    /// Broadcasts so far, in the order they leave.
    var broadcasts: UInt64 = 0
    /// Whether this node hears what the adapter publishes.
    var isHeard = false
}
