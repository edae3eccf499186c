// Part of socketio-server, MIT licence; see LICENSE.

internal import JWTKit
internal import SocketIOServer

/// Keys that tokens are verified with. Immutable: other keys are another value.
///
/// Each key is good for the algorithms it was made for and no other, whatever a token says: a public key is never taken
/// for the secret of an HMAC, and there is no key for `none`.
public struct TokenKeys: Sendable {
    /// One key and one algorithm.
    struct Entry: Sendable {
        /// `kid`; nil for keys that fit every token of the algorithm.
        let id: String?
        let algorithm: TokenAlgorithm
        let verifier: any JWTAlgorithm

        func isNamed(_ name: String) -> Bool { id?.hasSameBytes(as: name) ?? false }
    }

    /// How many keys are tried for one token at most: a check costs up to 2 ms.
    static let maximumTries = 8

    let entries: [Entry]
    /// How many keys there are.
    public let count: Int

    init(entries: [Entry], count: Int) {
        self.entries = entries
        self.count = count
    }

    /// No keys: no token is accepted.
    public static let none = TokenKeys(entries: [], count: 0)

    /// Whether there are no keys.
    public var isEmpty: Bool { entries.isEmpty }

    /// All keys of both.
    public static func + (left: TokenKeys, right: TokenKeys) -> TokenKeys {
        TokenKeys(entries: left.entries + right.entries, count: left.count + right.count)
    }

    /// A secret shared with those who make the tokens.
    ///
    /// - Parameters:
    ///   - secret: The bytes of the secret.
    ///   - algorithms: What is allowed; those of HMAC are looked at. The secret serves those it is long enough for.
    /// - Throws: ``TokenKeyError`` when it is long enough for none of them.
    public static func secret(_ secret: [UInt8], algorithms: [TokenAlgorithm]) async throws -> TokenKeys {
        let allowed = algorithms.filter { $0.minimumSecretBytes != nil }
        guard let needed = allowed.compactMap(\.minimumSecretBytes).min() else {
            throw TokenKeyError("none of the allowed algorithms uses a secret")
        }
        guard secret.count >= needed else {
            throw TokenKeyError(
                "the secret is too short: it has \(secret.count) bytes and needs \(needed) or more, better random ones")
        }
        let key = HMACKey(from: secret)
        var entries: [Entry] = []
        for algorithm in allowed where secret.count >= algorithm.minimumSecretBytes ?? .max {
            guard let digest = algorithm.digest else { continue }
            let collection = JWTKeyCollection()
            await collection.add(hmac: key, digestAlgorithm: digest)
            entries.append(Entry(id: nil, algorithm: algorithm, verifier: try await collection.getKey()))
        }
        return TokenKeys(entries: entries, count: 1)
    }

    // MARK: Choosing

    /// What to try for a token, most likely first.
    func candidates(_ algorithm: TokenAlgorithm, id: String?) -> [Entry] {
        let fitting = entries.filter { $0.algorithm == algorithm }
        guard let id else { return Array(fitting.prefix(Self.maximumTries)) }
        let named = fitting.filter { $0.isNamed(id) }
        return Array((named + fitting.filter { $0.id == nil }).prefix(Self.maximumTries))
    }

    /// Whether a key has this name.
    func knows(_ id: String) -> Bool { entries.contains { $0.isNamed(id) } }
}

extension TokenAlgorithm {
    var digest: DigestAlgorithm? {
        switch self {
        case .hs256, .rs256, .ps256: .sha256
        case .hs384, .rs384, .ps384: .sha384
        case .hs512, .rs512, .ps512: .sha512
        case .es256, .es384, .es512, .edDSA: nil
        }
    }

    static let rsa: [TokenAlgorithm] = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
}
