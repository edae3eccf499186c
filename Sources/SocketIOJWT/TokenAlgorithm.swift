// Part of socketio-server, MIT licence; see LICENSE.

/// How a token is signed: the `alg` values that can be allowed. `none` is not among them.
public enum TokenAlgorithm: String, Sendable, Codable, CaseIterable, Hashable {
    /// HMAC with SHA-256, and a secret of at least 32 bytes.
    case hs256 = "HS256"
    /// HMAC with SHA-384, and a secret of at least 48 bytes.
    case hs384 = "HS384"
    /// HMAC with SHA-512, and a secret of at least 64 bytes.
    case hs512 = "HS512"
    /// RSA, PKCS #1 v1.5, SHA-256.
    case rs256 = "RS256"
    /// RSA, PKCS #1 v1.5, SHA-384.
    case rs384 = "RS384"
    /// RSA, PKCS #1 v1.5, SHA-512.
    case rs512 = "RS512"
    /// RSA, PSS, SHA-256.
    case ps256 = "PS256"
    /// RSA, PSS, SHA-384.
    case ps384 = "PS384"
    /// RSA, PSS, SHA-512.
    case ps512 = "PS512"
    /// ECDSA on P-256.
    case es256 = "ES256"
    /// ECDSA on P-384.
    case es384 = "ES384"
    /// ECDSA on P-521.
    case es512 = "ES512"
    /// Ed25519.
    case edDSA = "EdDSA"

    /// What is allowed when nothing is said.
    public static let common: [TokenAlgorithm] = [.hs256, .rs256, .es256, .edDSA]

    /// For HMAC, the shortest secret in bytes (RFC 7518, 3.2); nil for the others.
    public var minimumSecretBytes: Int? {
        switch self {
        case .hs256: 32
        case .hs384: 48
        case .hs512: 64
        default: nil
        }
    }
}
