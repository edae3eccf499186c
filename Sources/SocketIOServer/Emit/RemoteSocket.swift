// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import SocketIOCore

/// A socket found with `fetchSockets`, connected to this server or to another one.
///
/// ``rooms`` and ``data`` are those of the moment at which it was found. Calls reach the socket on whatever server it is; when it has
/// disconnected, they do nothing.
public struct RemoteSocket: Sendable, Identifiable {
    /// The description of the socket.
    public let description: SocketDescription
    private let namespace: Namespace
    private var flags = BroadcastFlags()

    init(_ description: SocketDescription, namespace: Namespace) {
        self.description = description
        self.namespace = namespace
    }

    /// The socket's id.
    public var id: String { description.id }
    /// The socket's handshake.
    public var handshake: Handshake { description.handshake }
    /// The rooms the socket was in.
    public var rooms: NameSet { description.rooms }
    /// The socket's ``Socket/data``.
    public var data: SocketValue { description.data }

    var room: BroadcastOperator {
        BroadcastOperator(.namespace(namespace), BroadcastOptions(rooms: [id], flags: flags))
    }

    /// Sets how long to wait for an acknowledgement; default ``ServerConfiguration/broadcastAcknowledgementTimeout``.
    public func timeout(_ timeout: Duration) -> RemoteSocket {
        var copy = self
        copy.flags = room.timeout(timeout).options.flags
        return copy
    }

    /// Sends an event to the socket.
    public func emit<each Argument: Encodable & Sendable>(_ event: String, _ arguments: repeat each Argument) {
        room.emit(event, repeat each arguments)
    }

    /// Sends an event and waits for the first argument of the acknowledgement.
    ///
    /// - Throws: ``BroadcastAckError`` when none came in time; ``SocketError`` for a reserved name, an answer of another
    ///   type, or when the socket has gone.
    public func emitWithAck<each Argument: Encodable & Sendable, Answer: Decodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument, as type: Answer.Type
    ) async throws -> Answer {
        try await acknowledgement(event, try .event(event, repeat each arguments)).decode(type)
    }

    func acknowledgement(_ event: String, _ data: EncodedArguments) async throws -> EventArguments {
        var room = room
        room.expectSingleResponse()
        let answers = try await room.acknowledgements(event, data, expectsSingle: true)
        guard let answer = answers.first else { throw SocketError.disconnected }
        return answer
    }

    /// Makes the socket join rooms. Returns before it has joined.
    public func join(_ rooms: String...) { room.socketsJoin(rooms) }

    /// Makes the socket leave rooms. Returns before it has left.
    public func leave(_ rooms: String...) { room.socketsLeave(rooms) }

    /// Disconnects the socket; with `close` its whole connection. Returns before it is disconnected.
    public func disconnect(close: Bool = false) { room.disconnectSockets(close: close) }
}
