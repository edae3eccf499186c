// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOCore
internal import SocketIOJWT

/// `Vectors/tokens.json`, which an implementation of its own has made; see `make-vectors.py`.
struct TokenVectors: Decodable {
    let secret: String
    let claims: SocketValue
    let valid: [String: String]
    let pem: [String: String]
    let otherPem: String
    let smallPem: String
    let refused: [[String]]
    let confusion: [String]
    let jwks: SocketValue
    let byKey: [String: String]
    let otherJwk: SocketValue

    /// A time at which the good tokens are good.
    static let now = 1_800_000_000.0

    /// Suites do so in their `init`: without vectors all their tests fail.
    static func load() throws -> TokenVectors {
        let url = Bundle.module.bundleURL.appendingPathComponent("Vectors/tokens.json")
        return try JSONDecoder().decode(TokenVectors.self, from: Data(contentsOf: url))
    }

    static var rules: TokenRules {
        var rules = TokenRules()
        rules.algorithms = TokenAlgorithm.allCases
        rules.issuers = ["https://login.example"]
        rules.audiences = ["chat"]
        return rules
    }

    /// The keys of one algorithm, as an operator gives them.
    func keys(_ algorithm: TokenAlgorithm) async throws -> TokenKeys {
        if let pem = pem[algorithm.rawValue] { return try await .pem(pem, algorithms: TokenAlgorithm.allCases) }
        return try await .secret(Array(secret.utf8), algorithms: TokenAlgorithm.allCases)
    }

    func keySet(_ value: SocketValue? = nil) throws -> [UInt8] {
        Array(try RawJSON(encoding: value ?? jwks).json.utf8)
    }
}
