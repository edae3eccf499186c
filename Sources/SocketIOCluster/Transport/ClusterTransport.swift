// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
public import NIOCore

/// Which servers a message of a namespace is for.
public enum ClusterDestination: Sendable {
    /// Every other server that has subscribed to the namespace.
    case everyone
    /// The servers with sockets in this room. Sending the message to ``everyone`` is correct, too, and only costs more.
    case room(String)
    /// The server with this ``ClusterReceiver/uid``. Sending the message to ``everyone`` is correct, too: others ignore
    /// it.
    case server(String)
}

/// Carries messages between servers. It is all that a ``Cluster`` needs of a bus, a broker or a database.
///
/// A message is bytes, which the transport need not read. Within one process, the cluster passes messages to the
/// transport in the order in which they were sent. The transport should keep that order and deliver each message once.
/// A cluster also works, less exactly, over a transport that does not: duplicates are dropped, and questions whose
/// answers are lost end in a time-out.
///
/// A transport may also bring a server its own messages: they are ignored.
///
/// All methods may be called from any thread and must not block. `docs/adapters.md` has a complete example.
public protocol ClusterTransport: AnyObject, Sendable {
    /// Begins to connect. Called once, before everything else.
    ///
    /// - Parameter statusChanged: Call it with every change of the status, on any thread. The status begins as
    ///   `connecting`. While it is `down`, this server's questions to others fail at once; its clients notice nothing
    ///   else.
    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void)

    /// Ends every connection. When it returns, nothing is sent or received any more.
    func close() async

    /// Delivers the messages of the receiver's namespace to it from now on.
    ///
    /// - Parameter done: Call it once: when messages arrive, or with an error when they never will.
    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>)

    /// Ends a subscription.
    func unsubscribe(_ receiver: ClusterReceiver)

    /// Sends a message to the subscribers of a namespace.
    ///
    /// - Parameters:
    ///   - namespace: The name of the namespace; empty for the messages of servers about themselves.
    ///   - done: Call it once: when the message is on its way, or with an error when it has not been sent.
    func publish(
        _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination, _ done: ClusterCallback<Void>)

    /// Tells how many servers have subscribed to a namespace, this one included.
    ///
    /// - Parameter done: Call it once, within ``ClusterConfiguration/requestsTimeout``; after that no question waits
    ///   for it any more. A question waits for as many answers as this number says.
    func countServers(in namespace: String, _ done: ClusterCallback<Int>)
}

/// A callback for the result of an operation. Call it once, from any thread.
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

    /// The same callback, of which only the first call counts: for transports of third parties, some of which call twice.
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
