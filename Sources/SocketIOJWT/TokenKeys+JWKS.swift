// Part of socketio-server, MIT licence; see LICENSE.

internal import JWTKit
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

extension TokenKeys {
    /// Keys that are looked at in one set.
    static let maximumKeys = 100

    /// A JSON Web Key Set (RFC 7517). Keys that are of no use here are passed over: symmetric ones, which do not belong
    /// into such a set, those for encryption, unknown types and curves, and those that fit nothing that is allowed. Only
    /// the public part of a key is looked at.
    ///
    /// - Throws: ``TokenKeyError`` when it is no key set, or none of its keys can be used.
    public static func jwks(_ json: [UInt8], algorithms: [TokenAlgorithm]) async throws -> TokenKeys {
        guard let text = try? RawJSON(ByteBuffer(bytes: json)), let keys = text.value["keys"]?.array else {
            throw TokenKeyError("it is no JSON Web Key Set, an object with a list 'keys'")
        }
        var found = TokenKeys.none
        for key in keys.prefix(maximumKeys) {
            let entries = await entries(of: key, algorithms: algorithms)
            if !entries.isEmpty { found = found + TokenKeys(entries: entries, count: 1) }
        }
        guard !found.isEmpty else { throw TokenKeyError("none of its keys fits the allowed algorithms") }
        return found
    }

    private static func entries(of key: SocketValue, algorithms: [TokenAlgorithm]) async -> [Entry] {
        if let use = key["use"]?.string, !use.hasSameBytes(as: "sig") { return [] }
        if let operations = key["key_ops"]?.array, !operations.contains("verify") { return [] }
        var fitting = algorithms.filter { fits(key, $0) }
        if let named = key["alg"]?.string { fitting = fitting.filter { $0.rawValue.hasSameBytes(as: named) } }
        var entries: [Entry] = []
        for algorithm in fitting {
            guard let verifier = await verifier(of: key, algorithm) else { continue }
            entries.append(Entry(id: key["kid"]?.string, algorithm: algorithm, verifier: verifier))
        }
        return entries
    }

    private static func fits(_ key: SocketValue, _ algorithm: TokenAlgorithm) -> Bool {
        // Values compare by their bytes.
        let (type, curve) = (key["kty"], key["crv"])
        return switch algorithm {
        case .es256: type == "EC" && curve == "P-256"
        case .es384: type == "EC" && curve == "P-384"
        case .es512: type == "EC" && curve == "P-521"
        case .edDSA: type == "OKP" && curve == "Ed25519"
        default: type == "RSA" && TokenAlgorithm.rsa.contains(algorithm)
        }
    }

    private static func verifier(of key: SocketValue, _ algorithm: TokenAlgorithm) async -> (any JWTAlgorithm)? {
        guard let type = JWK.Algorithm(rawValue: algorithm.rawValue) else { return nil }
        // The name serves this collection alone, which must have one.
        let id = JWKIdentifier(string: "key")
        let x = key["x"]?.string
        let y = key["y"]?.string
        let jwk: JWK =
            switch algorithm {
            case .es256: .ecdsa(type, identifier: id, x: x, y: y, curve: .p256)
            case .es384: .ecdsa(type, identifier: id, x: x, y: y, curve: .p384)
            case .es512: .ecdsa(type, identifier: id, x: x, y: y, curve: .p521)
            case .edDSA: .octetKeyPair(type, identifier: id, x: x, y: y, curve: .ed25519)
            default: .rsa(type, identifier: id, modulus: key["n"]?.string, exponent: key["e"]?.string)
            }
        let collection = JWTKeyCollection()
        guard (try? await collection.add(jwk: jwk)) != nil else { return nil }
        return try? await collection.getKey(for: id, alg: algorithm.rawValue)
    }
}
