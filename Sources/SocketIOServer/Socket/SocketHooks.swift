// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

/// Looks at every received event before its handlers, in a fixed order, one event after the other; may change it, or
/// drop it by throwing, which is reported to the socket's error listeners. Each event's first middleware starts on the
/// event loop; what comes after a suspension runs where Swift runs it, and the handlers on the loop again.
public typealias EventMiddleware = @Sendable (inout IncomingEvent) async throws -> Void

/// A received event on its way through the middlewares.
public struct IncomingEvent: Sendable {
    /// The name; changing it selects other handlers.
    public var name: String
    /// The arguments; see ``setArguments(_:)``.
    public private(set) var arguments: EventArguments
    /// Answers the event, if the client asked for it.
    public var ack: DynamicAck { DynamicAck(responder: responder) }

    let responder: AckResponder?

    init(name: String, arguments: EventArguments, responder: AckResponder?) {
        self.name = name
        self.arguments = arguments
        self.responder = responder
    }

    /// Replaces the arguments.
    public mutating func setArguments<each Argument: Encodable>(_ new: repeat each Argument) throws {
        arguments = try EncodedArguments.unchecked(name, repeat each new).received(offset: 1)
    }

    /// Replaces the arguments by a list whose length is known at run time only.
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

/// What few sockets have: made with the first listener of these kinds. Confined to the socket's event loop.
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
    /// The middlewares have one.
    var isProcessing = false
    /// Somebody is giving them one after the other.
    var isAdvancing = false
}
