// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

/// Looks at each received event of a socket before the handlers get it (protocol 4.5); added with ``Socket/use(_:)``.
///
/// The middlewares of a socket run in the order in which they were added, and take one event at a time, so events keep their
/// order. A middleware may change the event. When it throws, the event is dropped: no handler gets it, the listeners of
/// ``Socket/onError(_:)`` get the error, and the client gets no acknowledgement unless the middleware has sent one with
/// ``IncomingEvent/ack``.
///
/// The first middleware of an event starts on the socket's event loop. After the first suspension the middlewares run where
/// Swift runs asynchronous functions; the handlers run on the loop again. Events that arrive meanwhile wait, up to
/// ``ServerConfiguration/maxWaitingEvents`` and ``ServerConfiguration/maxWaitingBytes``; more close the session.
public typealias EventMiddleware = @Sendable (inout IncomingEvent) async throws -> Void

/// A received event that an ``EventMiddleware`` looks at. A value, which any thread may use.
public struct IncomingEvent: Sendable {
    /// The name. After a change, the handlers of the new name get the event.
    public var name: String
    /// The arguments, without the name. Replace them with ``setArguments(_:)``.
    public private(set) var arguments: EventArguments
    /// Acknowledges the event; ``DynamicAck/isRequested`` tells whether the client asked for that. Only the first
    /// acknowledgement of an event is sent, so the handlers can no longer answer after this.
    public var ack: DynamicAck { DynamicAck(responder: responder) }

    let responder: AckResponder?

    init(name: String, arguments: EventArguments, responder: AckResponder?) {
        self.name = name
        self.arguments = arguments
        self.responder = responder
    }

    /// Replaces all arguments.
    ///
    /// - Throws: `EncodingError`, or what an argument throws when it is encoded; then the arguments stay as they were.
    public mutating func setArguments<each Argument: Encodable>(_ new: repeat each Argument) throws {
        arguments = try EncodedArguments.unchecked(name, repeat each new).received(offset: 1)
    }

    /// Replaces all arguments by a list whose length is known only at run time.
    ///
    /// - Throws: As ``setArguments(_:)``.
    public mutating func setArguments(arguments new: [SocketValue]) throws {
        arguments = try EncodedArguments.unchecked(name, list: new).received(offset: 1)
    }
}

/// An event that waits for the middlewares.
struct WaitingEvent: Sendable {
    let event: IncomingEvent
    /// What its text and attachments keep in memory.
    let bytes: Int
}

/// A listener for the end of a socket.
enum DisconnectListener: Sendable {
    case synchronous(@Sendable (DisconnectReason, String?) throws -> Void)
    case asynchronous(@Sendable (DisconnectReason, String?) async throws -> Void)
}

/// The listeners and middlewares that few sockets have. A socket makes this object with the first of them. Confined to the
/// socket's event loop.
final class SocketHooks {
    typealias AnyListener = @Sendable (String, EventArguments) -> Void

    var incoming: [(id: ListenerID, listener: AnyListener)] = []
    var outgoing: [(id: ListenerID, listener: AnyListener)] = []
    var middlewares: [EventMiddleware] = []
    var disconnecting: [DisconnectListener] = []
    var disconnected: [DisconnectListener] = []
    var errors: [@Sendable (any Error) -> Void] = []
    var upgrades: [@Sendable (TransportName) -> Void] = []
    var drops: [@Sendable (Int) -> Void] = []

    /// Events waiting for the middlewares, which take one at a time.
    var waiting: [WaitingEvent] = []
    /// Whether the middlewares are working on an event.
    var isProcessing = false
    /// Whether a call of `processWaiting` is under way, so that a nested one returns at once.
    var isAdvancing = false
}
