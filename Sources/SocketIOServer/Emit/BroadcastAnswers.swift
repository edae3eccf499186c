// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import SocketIOCore

/// The sockets that have acknowledged a broadcast, and those that have not.
public struct BroadcastAnswers: Sendable {
    /// The acknowledgement of one client.
    public struct Answer: Sendable {
        /// The id of the socket that has answered; nil when its server does not send it, as Node.js servers do not.
        public let socketID: String?
        /// The arguments of the acknowledgement.
        public let arguments: EventArguments
    }

    /// The acknowledgements, in the order of their arrival.
    public let answers: [Answer]
    /// The ids of the sockets that were sent the event and have not answered in time, or not before they disconnected. Complete for
    /// this server and for others of this kind that reached no more than 10,000 sockets; ``missingUnnamed`` counts the others.
    public let missing: [String]
    /// How many further sockets, whose ids are not known, have not answered.
    public let missingUnnamed: Int
    /// How many servers have not reported in time how many sockets they reached; 1 when the adapter has not told in time how many
    /// servers there are.
    public let silentServers: Int
    /// Whether the time-out came before every socket had answered or disconnected.
    public let isTimedOut: Bool

    /// Whether every socket has answered.
    public let isComplete: Bool

    /// The answer of one socket.
    public subscript(socketID: String) -> EventArguments? {
        answers.first { $0.socketID?.hasSameBytes(as: socketID) ?? false }?.arguments
    }
}

extension BroadcastOperator {
    /// Sends an event and returns which sockets have acknowledged it and which have not. Missing acknowledgements are no error.
    ///
    /// - Throws: ``SocketError`` for a reserved name or a parent namespace; `EncodingError`; what the adapter throws.
    public func emitWithAnswers<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> BroadcastAnswers {
        try await answers(event, try .event(event, repeat each arguments))
    }

    /// The same with a list of arguments whose length is known at run time only.
    public func emitWithAnswers(_ event: String, arguments: [SocketValue]) async throws -> BroadcastAnswers {
        try await answers(event, try .event(event, list: arguments))
    }
}

extension BroadcastSource {
    /// Sends an event to every socket and returns which have acknowledged it, see ``BroadcastOperator/emitWithAnswers(_:_:)``.
    public func emitWithAnswers<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> BroadcastAnswers {
        try await everyone.emitWithAnswers(event, repeat each arguments)
    }

    /// The same with a list of arguments whose length is known at run time only.
    public func emitWithAnswers(_ event: String, arguments: [SocketValue]) async throws -> BroadcastAnswers {
        try await everyone.emitWithAnswers(event, arguments: arguments)
    }
}
