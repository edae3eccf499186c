// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore
public import SocketIOServer

/// Why a token is not accepted. Clients get ``message`` and `data: {code: …}`, as `next(error)` with `error.data` gives
/// them on a Node.js server.
public struct TokenError: ClientFacingError, Sendable, Equatable {
    /// The values of `data.code`.
    public enum Code: String, Sendable, Codable, CaseIterable {
        /// No token where one is looked for.
        case missing = "token-missing"
        /// Not three parts of base64url with JSON in the first two.
        case malformed = "token-malformed"
        /// Longer than allowed.
        case tooLarge = "token-too-large"
        /// Signed in a way that is not allowed, or not at all.
        case algorithm = "token-algorithm"
        /// No key of the name in its header, or none for its algorithm.
        case unknownKey = "token-key-unknown"
        /// The signature is another one.
        case signature = "token-signature"
        /// Its time is over.
        case expired = "token-expired"
        /// Its time has not come.
        case notYetValid = "token-not-yet-valid"
        /// From another issuer.
        case issuer = "token-issuer"
        /// For another audience.
        case audience = "token-audience"
        /// A claim has the wrong type, or one that is needed is missing.
        case claims = "token-claims"
        /// A fresh token is about another subject than the one it takes the place of.
        case subject = "token-subject"
        /// The server has no keys at the moment.
        case unavailable = "token-keys-unavailable"
    }

    /// What is wrong, for programs.
    public let code: Code

    /// A refusal.
    public init(_ code: Code) {
        self.code = code
    }

    /// What is wrong, for people. Nothing of the token is in it.
    public var message: String {
        switch code {
        case .missing: "Authentication required"
        case .expired: "Token expired"
        case .notYetValid: "Token not yet valid"
        case .unavailable: "Authentication unavailable"
        case .malformed, .tooLarge, .algorithm, .unknownKey, .signature, .issuer, .audience, .claims, .subject:
            "Invalid token"
        }
    }

    /// `{"code": …}`.
    public var data: SocketValue? { ["code": .string(code.rawValue)] }
}

/// Why keys cannot be used: a sentence for the operator, without anything secret.
public struct TokenKeyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
