// Part of socketio-server, MIT licence; see LICENSE.

/// Why a request was refused by the engine (protocol 1.5.1).
public enum EngineErrorCode: Int, Sendable, Codable, Hashable, CaseIterable {
    /// `transport` names no enabled transport.
    case unknownTransport = 0
    /// `sid` names no live session.
    case unknownSID = 1
    /// A handshake by a method other than GET.
    case badHandshakeMethod = 2
    /// The request does not fit the session, or the handshake failed.
    case badRequest = 3
    /// `allowRequest` or the origin check refused the handshake.
    case forbidden = 4
    /// `EIO` names a protocol revision that is not enabled.
    case unsupportedProtocolVersion = 5

    /// The standard text of the code, as clients see it.
    public var message: String {
        switch self {
        case .unknownTransport: "Transport unknown"
        case .unknownSID: "Session ID unknown"
        case .badHandshakeMethod: "Bad handshake method"
        case .badRequest: "Bad request"
        case .forbidden: "Forbidden"
        case .unsupportedProtocolVersion: "Unsupported protocol version"
        }
    }

    /// The HTTP status of a refused plain request; refused upgrades always get 400.
    public var httpStatus: Int { self == .forbidden ? 403 : 400 }
}
