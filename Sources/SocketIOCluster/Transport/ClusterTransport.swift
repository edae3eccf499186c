// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
public import NIOCore

/// Which servers a message of a namespace is for.
public enum ClusterDestination: Sendable {
    /// Every other server that has subscribed to the namespace.
    case everyone
    /// The servers with sockets in this room, whose name is any text of up to ``ServerConfiguration/maxNameLength`` bytes. Sending the
    /// message to ``everyone`` is also correct, and only costs more.
    case room(String)
    /// The server with this ``ClusterReceiver/uid``. Sending the message to ``everyone`` is also correct: the other servers ignore
    /// it.
    case server(String)
}

/// Carries messages between servers. It is all that a ``Cluster`` needs of a bus, a broker or a database.
///
/// A message is bytes, which the transport need not read: at most ``ClusterConfiguration/maxMessageBytes`` of them, in the format of
/// protocol 5.6. The cluster passes the messages of one thread to the transport in the order in which they were sent. The transport
/// should keep that order and deliver each message once. A cluster also works, less exactly, over a transport that does not:
/// duplicates are dropped, and questions whose answers are lost end in a time-out.
///
/// A transport may also deliver a server's own messages back to it; the server ignores them.
///
/// All methods may be called from any thread, usually an event loop on which sockets live, so they must not block. ``close()`` is the
/// last call: all others have returned before it, and none comes after it. `docs/adapters.md` has a complete example, and says what to look out
/// for with NATS and MQTT.
public protocol ClusterTransport: AnyObject, Sendable {
    /// Begins to connect, and returns at once. The cluster calls this once, before all other methods, when the server makes its first
    /// namespace. The transport connects again by itself whenever it loses the connection, and then renews its subscriptions.
    ///
    /// - Parameter statusChanged: Call it with every change of the status, on any thread; the same status twice in a row is ignored.
    ///   The status begins as `connecting`. While it is `connecting` or `down`, this server's questions to others fail at once. Its
    ///   clients go on among themselves.
    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void)

    /// Ends every connection, also one that is just being made, and fails the callbacks that wait. When it returns, nothing is sent or
    /// received any more. The cluster calls this once, in a task, after it has published a goodbye. The server waits until it returns,
    /// so it needs a time limit of its own.
    func close() async

    /// Subscribes the receiver to its namespace: from now on the transport passes the messages of the namespace to
    /// ``ClusterReceiver/received(_:)``, also after it has lost the connection and made it again.
    ///
    /// - Parameter done: Call it once: when messages arrive, however long that takes, or with an error when they never will.
    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>)

    /// Ends the subscription of this receiver. Another receiver may have subscribed to the same namespace before this call.
    func unsubscribe(_ receiver: ClusterReceiver)

    /// Sends a message to the subscribers of a namespace.
    ///
    /// - Parameters:
    ///   - namespace: The name of the namespace, such as `/chat`; empty for the messages of servers about themselves.
    ///   - done: Call it once: when the message has been handed to the bus, or with an error when it has not been sent. A broadcast that
    ///     fails is counted in ``ClusterStatistics/lost``; a question that fails ends with the error.
    func publish(
        _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination, _ done: ClusterCallback<Void>)

    /// Tells how many servers have subscribed to a namespace, this one included: at least 1.
    ///
    /// A question waits for an answer of each other server that this number counts. With too large a number it ends in a time-out, with
    /// too small a number it ends before all answers are there.
    ///
    /// - Parameter done: Call it once, within ``ClusterConfiguration/requestsTimeout``; a question that has no number by then fails with
    ///   ``ClusterError`` and code `timeout`.
    func countServers(in namespace: String, _ done: ClusterCallback<Int>)
}

/// A callback for the result of an operation. Call it once, from any thread; a ``Cluster`` ignores further calls.
public struct ClusterCallback<Value: Sendable>: Sendable {
    private let body: @Sendable (Result<Value, any Error>) -> Void

    /// Runs `body` on the thread on which the callback is called.
    public init(_ body: @escaping @Sendable (Result<Value, any Error>) -> Void) { self.body = body }

    /// Runs `body` on the event loop, where the callback must be made; at once if it is called there.
    package init(on eventLoop: any EventLoop, _ body: @escaping (Result<Value, any Error>) -> Void) {
        let bound = NIOLoopBound(body, eventLoop: eventLoop)
        self.body = { result in
            if eventLoop.inEventLoop {
                bound.value(result)
            } else {
                eventLoop.execute { bound.value(result) }
            }
        }
    }

    /// The same callback, but only its first call counts: transports of third parties may call twice by mistake.
    package func once() -> ClusterCallback {
        let isTold = NIOLockedValueBox(false)
        return ClusterCallback { result in
            let isFirst = isTold.withLockedValue { isTold in
                defer { isTold = true }
                return !isTold
            }
            if isFirst { self(result) }
        }
    }

    /// Passes on the result.
    public func callAsFunction(_ result: Result<Value, any Error>) { body(result) }

    /// Reports success.
    public func succeed(_ value: Value) { self(.success(value)) }

    /// Reports the failure.
    public func fail(_ error: any Error) { self(.failure(error)) }
}

extension ClusterCallback<Void> {
    /// Reports success.
    public func succeed() { self(.success(())) }
}
