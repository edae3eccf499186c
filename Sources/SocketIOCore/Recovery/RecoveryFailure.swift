// Part of socketio-server, MIT licence; see LICENSE.

/// Why a client that asked to continue its earlier session got a new one instead (protocol 4.12.3).
public enum RecoveryFailure: String, Error, Sendable, Codable, Hashable, CaseIterable {
    /// No session is known under the id the client gave.
    case unknownPid
    /// The client came back too late.
    case expired
    /// Another connection was faster with the same id.
    case alreadyUsed
    /// What the client gave as its last offset has another form than the offsets of this server.
    case malformedOffset
    /// The offset belongs to another server or to an earlier run of this one, or to nothing at all.
    case unknownOffset
    /// Events that the client has missed are no longer kept.
    case trimmed
    /// The session belongs to another namespace.
    case otherNamespace
    /// The session belongs to another user.
    case subjectMismatch
    /// The server that has the session does not answer.
    case ownerUnreachable
    /// The client has missed more than may be sent to it at once.
    case replayTooLarge
    /// Where sessions and events are kept cannot be reached.
    case storeUnavailable
}
