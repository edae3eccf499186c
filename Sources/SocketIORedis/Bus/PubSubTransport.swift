// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import NIOCore

/// What happened to a message that was handed to Redis.
package enum TransportOutcome: Sendable {
    /// Redis had it, and passed it on to so many subscribers.
    case delivered(Int)
    /// Redis added it to a stream, as the entry with this id.
    case appended(RedisStreamID)
    /// Redis refused it.
    case refused(any Error)
    /// It never left this process: sending it again cannot double it.
    case notSent
    /// The connection was lost before the reply: it may have been delivered or not. If the server has ended it, then it
    /// takes nothing more from it.
    case unknown(serverEnded: Bool)
}

/// Whether a message was taken.
package enum TransportAdmission: Sendable {
    case accepted
    case notConnected
    /// Too much waits for Redis already; `publisherHasRoom` follows.
    case full
}

/// What the adapters need of Redis: a connection to publish on and one to listen on, both coming back by themselves and
/// the latter with all its subscriptions. Lives on its event loop.
package protocol PubSubTransport: AnyObject {
    var eventLoop: any EventLoop { get }

    /// Whether Redis is one server, so that messages of one connection arrive in their order, whatever their channels.
    var isOneServer: Bool { get }

    /// The address of this machine on the connection for commands; nil without an IP connection.
    var localAddress: String? { get }

    /// Begins to connect.
    func start(_ delegate: any PubSubTransportDelegate)

    /// Ends everything.
    func close()

    /// Publishes; the outcome of what was accepted is told in the same order.
    func publish(_ message: RedisPublish) -> TransportAdmission

    /// Subscribes to channels, or to sharded channels if the transport is made for those, now and after every loss of the connection. `done` when Redis has confirmed all, however long it takes.
    func subscribe(
        channels: [String], patterns: [String], _ done: @escaping (Result<Void, any Error>) -> Void)

    func unsubscribe(channels: [String], patterns: [String])

    /// Sends a command, and waits so long for a connection.
    func execute(
        _ command: RESPCommand, patience: TimeAmount, _ done: @escaping (Result<RESPValue, any Error>) -> Void)

    /// Sends a command that uses keys, all in the slot of `key`, to the server that has them.
    func execute(
        _ command: RESPCommand, key: String, patience: TimeAmount,
        _ done: @escaping (Result<RESPValue, any Error>) -> Void)

    /// A reader of a stream, which is to be started and closed by its owner.
    func makeReader(
        of stream: String, pageSize: Int, _ handlers: RedisStreamReader.Handlers
    ) -> any StreamReading

    /// How many subscribers each channel has, patterns not counted.
    func subscriberCounts(
        of channels: [String], _ done: @escaping (Result<[Int], any Error>) -> Void)
}

extension PubSubTransport {
    package var isOneServer: Bool { true }
    package var localAddress: String? { nil }

    package func execute(
        _ command: RESPCommand, key: String, patience: TimeAmount,
        _ done: @escaping (Result<RESPValue, any Error>) -> Void
    ) { execute(command, patience: patience, done) }
}

/// Reads a stream. On the event loop.
package protocol StreamReading: AnyObject {
    func start()
    func close()
}

extension RedisStreamReader: StreamReading {}

/// What a transport tells, on its event loop.
package protocol PubSubTransportDelegate: AnyObject {
    /// Whether messages can be published. Before it turns false the outcomes of all accepted messages have been told.
    func publisherChanged(isUp: Bool, reason: String)
    func publisherHasRoom()
    func published(_ outcome: TransportOutcome)
    /// Whether this node hears the others; true when all subscriptions are complete again.
    func subscriberChanged(isUp: Bool, reason: String)
    func received(_ payload: ByteBuffer, channel: ByteBuffer, pattern: ByteBuffer?)
    /// A message over the limits has been thrown away unread.
    func receivedOversized()
    /// The servers of a Redis Cluster serve all slots again, or other servers do: messages between them may have been lost.
    func serversChanged()
}

extension PubSubTransportDelegate {
    package func serversChanged() {}
}
