// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The errors of this library's calls.
public struct SocketError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure. More may be added.
    public struct Code: Sendable, Hashable, Codable, CustomStringConvertible {
        /// The kind as text, for logs.
        public let description: String

        /// No acknowledgement arrived in time.
        public static let timeout = Code(description: "timeout")
        /// The socket has disconnected, before the call or while it waited.
        public static let disconnected = Code(description: "disconnected")
        /// The event name belongs to the protocol.
        public static let reservedEventName = Code(description: "reservedEventName")
        /// The arguments of an event or an acknowledgement do not fit the types that were asked for.
        public static let invalidArguments = Code(description: "invalidArguments")
        /// The server already waits for ``ServerConfiguration/maxPendingAcknowledgements`` acknowledgements of the socket.
        public static let tooManyPendingAcknowledgements = Code(description: "tooManyPendingAcknowledgements")
        /// A socket may not join a room: it is in ``ServerConfiguration/maxRoomsPerSocket`` rooms, the server has
        /// ``ServerConfiguration/maxRooms`` rooms, or the name is too long.
        public static let roomRefused = Code(description: "roomRefused")
        /// The client asks for more than ``ServerConfiguration/rates`` allow.
        public static let rateLimited = Code(description: "rateLimited")
        /// A packet that broke the protocol; the session ends.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// The call is not possible here: the adapter, the namespace or the configuration does not allow it.
        public static let notSupported = Code(description: "notSupported")
        /// The history of a room cannot be reached. An event that was to be kept may have been kept or not.
        public static let historyUnavailable = Code(description: "historyUnavailable")
        /// It is not known whether another server has handled a message that ``HandledMessages`` was given; the message has not been
        /// handled here. The client gets no acknowledgement, so that it sends the message again.
        public static let handlingUnknown = Code(description: "handlingUnknown")
        /// An event is larger than its room may keep, or a replay has more events than ``DurableRooms/maxReplayEvents``.
        public static let tooLarge = Code(description: "tooLarge")
        /// Too many calls of this kind wait already.
        public static let overloaded = Code(description: "overloaded")
        /// A value of ``ServerConfiguration`` cannot be used.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
    }

    /// What kind of failure this is.
    public let code: Code
    /// The failure in words.
    public let message: String

    /// The expected and the received type of an argument; nil for other failures.
    let mismatch: ArgumentMismatch?

    /// A failure of the given kind.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
        self.mismatch = nil
    }

    /// An argument does not fit.
    init(_ mismatch: ArgumentMismatch) {
        self.code = .invalidArguments
        self.message = mismatch.description
        self.mismatch = mismatch
    }

    /// The failure in words.
    public var description: String { message }

    static let timeout = SocketError(.timeout, "operation has timed out")
    static let disconnected = SocketError(.disconnected, "socket has been disconnected")

    static func reserved(_ event: String) -> SocketError {
        SocketError(.reservedEventName, "\"\(event)\" is a reserved event name")
    }
}

/// Names of events that belong to the protocol (protocol 3.3, rule 9) and cannot be sent or listened to by name.
enum ReservedEventNames {
    static func contains(_ event: String) -> Bool {
        EventName.isReserved(event)
    }

    /// The names ``Namespace/serverSideEmit(_:_:)`` refuses (protocol 4.2).
    static func containsForServers(_ event: String) -> Bool {
        ["connect", "connection", "new_namespace"].hasBytes(of: event)
    }
}
