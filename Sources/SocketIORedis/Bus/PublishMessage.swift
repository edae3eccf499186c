// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCluster
internal import Synchronization

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
    var completion: PublishCompletion?
    /// Follows a broadcast that is delivered here when it comes back.
    var own: OwnMessage?

    var payload: ByteBuffer { command.payload }
    var payloadLength: Int { command.payloadLength }

    /// What it counts for, bookkeeping included.
    var size: Int { command.bytes.readableBytes + 128 }

    /// Redis has it.
    ///
    /// - Parameter id: That of its entry, if it is known.
    func succeeded(_ receivers: Int, id: RedisStreamID? = nil) {
        completion?(.success(receivers))
        own?.added(id)
    }

    func failed(_ error: any Error) {
        completion?(.failure(error))
        own?.failed(error)
    }
}

/// Who waits for what becomes of a message; a class, because few messages have one.
final class PublishCompletion: Sendable {
    private let done: ClusterCallback<Void>

    init(_ done: ClusterCallback<Void>) { self.done = done }

    func callAsFunction(_ result: Result<Int, any Error>) { done(result.map { _ in }) }
}

/// An adapter as the way out knows it. Read by anybody, written on the bus's event loop only, so that nothing dearer than
/// a load and a store is needed.
final class PublishSource: Sendable {
    private let count = Atomic<UInt64>(0)
    private let heard = Atomic(false)

    /// Broadcasts so far, in the order they leave.
    var broadcasts: UInt64 { count.load(ordering: .relaxed) }

    /// Whether this node hears what the adapter publishes.
    var isHeard: Bool {
        get { heard.load(ordering: .relaxed) }
        set { heard.store(newValue, ordering: .relaxed) }
    }

    /// One more. On the event loop.
    func countBroadcast() { count.store(broadcasts &+ 1, ordering: .relaxed) }
}
