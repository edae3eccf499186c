// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import SocketIOCore

/// Who has acknowledged a broadcast, and who has not.
public struct BroadcastAnswers: Sendable {
    /// The acknowledgement of one client.
    public struct Answer: Sendable {
        /// The socket that has answered; nil when its server does not tell, as Node.js servers do not.
        public let socketID: String?
        /// What it has answered.
        public let arguments: EventArguments
    }

    /// The acknowledgements, in the order of their arrival.
    public let answers: [Answer]
    /// The ids of the sockets that got the event and have not answered: in time, or before they disconnected. Complete for this
    /// server and for others of this kind that reached no more than 10,000 sockets; the others are in ``missingUnnamed``.
    public let missing: [String]
    /// How many more sockets have not answered, whose ids are not known.
    public let missingUnnamed: Int
    /// How many servers have not told in time how many sockets they reached.
    public let silentServers: Int
    /// Whether the time was up before everybody had answered or gone.
    public let isTimedOut: Bool

    /// Whether everybody has answered.
    public let isComplete: Bool

    /// The answer of one socket.
    public subscript(socketID: String) -> EventArguments? {
        answers.first { $0.socketID?.hasSameBytes(as: socketID) ?? false }?.arguments
    }
}

extension BroadcastOperator {
    /// Sends an event and tells who has acknowledged it and who has not: that some have not is no error.
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
    /// Sends an event to everybody and tells who has acknowledged it, see ``BroadcastOperator/emitWithAnswers(_:_:)``.
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
