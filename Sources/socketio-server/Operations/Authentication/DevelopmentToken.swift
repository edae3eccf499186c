// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import Foundation
internal import SocketIOJWT
internal import SocketIOServer

/// Signs JSON Web Tokens with a shared secret, for `gentoken`. The server itself only verifies.
enum DevelopmentToken {
    /// The first algorithm for which the secret is long enough; nil when there is none.
    static func algorithm(for secretBytes: Int, among allowed: [TokenAlgorithm]) -> TokenAlgorithm? {
        allowed.first { secretBytes >= $0.minimumSecretBytes ?? .max }
    }

    /// The token, in its compact form (RFC 7515, 3.1).
    static func sign(_ claims: SocketValue, secret: [UInt8], algorithm: TokenAlgorithm) throws -> String {
        let header = "{\"alg\":\"\(algorithm.rawValue)\",\"typ\":\"JWT\"}"
        let signed = encoded(Data(header.utf8)) + "." + encoded(Data(try RawJSON(encoding: claims).json.utf8))
        let (key, text) = (SymmetricKey(data: secret), Data(signed.utf8))
        let code: Data =
            switch algorithm {
            case .hs384: Data(HMAC<SHA384>.authenticationCode(for: text, using: key))
            case .hs512: Data(HMAC<SHA512>.authenticationCode(for: text, using: key))
            default: Data(HMAC<SHA256>.authenticationCode(for: text, using: key))
            }
        return signed + "." + encoded(code)
    }

    /// Random bytes of the system, as hexadecimal digits.
    static func randomHex(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<bytes).map { _ in
            let byte = UInt8.random(in: 0...255, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private static func encoded(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
