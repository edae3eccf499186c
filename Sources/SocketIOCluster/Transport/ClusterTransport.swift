// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// Which servers a message of a namespace is for.
public enum ClusterDestination: Sendable {
    /// Every other server that has subscribed to the namespace.
    case everyone
    /// The servers with sockets in this room. Sending it to ``everyone`` is right, too, and only costs more.
    case room(String)
    /// The server whose ``ClusterReceiver/uid`` this is. Sending it to ``everyone`` is right, too: others ignore it.
    case server(String)
}

/// Carries messages between servers: all that a ``Cluster`` needs of a bus, a broker or a database.
///
/// A message is bytes that the transport need not look into. Within one process the transport is told of messages in the order in
/// which they were sent; it should keep that order, and it should deliver a message once. A cluster also works, less exactly, over
/// one that does not: duplicates are dropped, and answers that are lost end in a time-out.
///
/// Whether a transport also brings a server its own messages does not matter: they are ignored.
///
/// All methods may be called from any thread and must not block. `docs/adapters.md` has a complete example.
public protocol ClusterTransport: AnyObject, Sendable {
    /// Begins to connect. Called once, before everything else.
    ///
    /// - Parameter statusChanged: To be called with every change of the status, on any thread. It begins as `connecting`.
    ///   While it is `down` this server's questions to others fail at once; its clients notice nothing else.
    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void)

    /// Ends every connection. Nothing is sent or received any more when it returns.
    func close() async

    /// Gives the receiver the messages for its namespace from now on.
    ///
    /// - Parameter done: To be called once: when messages arrive, or with an error when they never will.
    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>)

    /// Ends a subscription.
    func unsubscribe(_ receiver: ClusterReceiver)

    /// Sends a message to the subscribers of a namespace.
    ///
    /// - Parameters:
    ///   - namespace: Its name; empty for what servers tell each other about themselves.
    ///   - done: To be called once: when the message is on its way, or with an error when it has not been sent.
    func publish(
        _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination, _ done: ClusterCallback<Void>)

    /// Tells how many servers have subscribed to a namespace, this one included.
    ///
    /// - Parameter done: To be called once, within ``ClusterConfiguration/requestsTimeout``; after that nobody waits for it any more.
    ///   The answers that a question waits for are counted by it.
    func countServers(in namespace: String, _ done: ClusterCallback<Int>)
}

/// What is to be told when something has been done: from any thread, once.
public struct ClusterCallback<Value: Sendable>: Sendable {
    private let body: @Sendable (Result<Value, any Error>) -> Void

    /// Calls `body` wherever it is told.
    public init(_ body: @escaping @Sendable (Result<Value, any Error>) -> Void) { self.body = body }

    /// Calls `body` on the event loop, where this is made; at once if it is told there.
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

    /// Tells the result.
    public func callAsFunction(_ result: Result<Value, any Error>) { body(result) }

    /// Tells that it has been done.
    public func succeed(_ value: Value) { self(.success(value)) }

    /// Tells that it has failed.
    public func fail(_ error: any Error) { self(.failure(error)) }
}

extension ClusterCallback<Void> {
    /// Tells that it has been done.
    public func succeed() { self(.success(())) }
}
