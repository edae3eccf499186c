// Part of socketio-server, MIT licence; see LICENSE.

/// Why a client that asked to continue its earlier session got a new one instead (protocol 4.12.3).
public enum RecoveryFailure: String, Error, Sendable, Codable, Hashable, CaseIterable {
    /// The server knows no session with the id that the client sent.
    case unknownPid
    /// The client came back after the session had expired.
    case expired
    /// Another connection had already used the same id.
    case alreadyUsed
    /// The client's last offset does not have the form of this server's offsets.
    case malformedOffset
    /// The offset was given out by another server or in an earlier run of this one, or not at all.
    case unknownOffset
    /// Some of the events that the client has missed are no longer kept.
    case trimmed
    /// The session belongs to another namespace.
    case otherNamespace
    /// The session belongs to another user.
    case subjectMismatch
    /// The server that has the session does not answer.
    case ownerUnreachable
    /// The client has missed more events or bytes than may be sent to it at once.
    case replayTooLarge
    /// The store of sessions and events cannot be reached.
    case storeUnavailable
}
