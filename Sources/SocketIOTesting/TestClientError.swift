// Part of socketio-server, MIT licence; see LICENSE.

/// What went wrong in a test client.
public enum TestClientError: Error, CustomStringConvertible, Equatable {
    /// Nothing arrived before the deadline; the text says what was waited for.
    case timedOut(String)
    /// The connection ended while something was waited for.
    case closed(String)
    /// The server sent bytes that its protocol does not allow.
    case protocolViolation(String)
    /// Something other than what was asked for arrived.
    case unexpected(String)

    /// The text shown when a test fails.
    public var description: String {
        switch self {
        case .timedOut(let what): "timed out waiting for \(what)"
        case .closed(let why): "connection closed: \(why)"
        case .protocolViolation(let what): "protocol violation by the server: \(what)"
        case .unexpected(let what): "unexpected: \(what)"
        }
    }
}
