// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import Testing

@testable internal import SocketIOJWT

@Suite struct TokenVerifierTests {
    private let vectors: TokenVectors

    init() throws { vectors = try TokenVectors.load() }
    private static let now = TokenVectors.now

    private static func code(_ token: String, _ verifier: TokenVerifier, now: Double = now) -> String? {
        do {
            _ = try verifier.verify(token, now: now)
            return nil
        } catch {
            return error.code.rawValue
        }
    }

    @Test(arguments: TokenAlgorithm.allCases)
    func tokensOfEveryAlgorithmAreAccepted(algorithm: TokenAlgorithm) async throws {
        let token = try #require(vectors.valid[algorithm.rawValue])
        let verifier = TokenVerifier(keys: try await vectors.keys(algorithm), rules: TokenVectors.rules)
        let claims = try verifier.verify(token, now: Self.now)
        #expect(claims.value == vectors.claims)
        #expect(claims.subject == "ada" && claims.expiresAt == 1_900_000_000)
        // Each bit of the signature counts, or at least one in each byte.
        var parts = token.split(separator: ".").map(String.init)
        let signature = try #require(Base64URL.decode(parts[2].utf8))
        for index in signature.indices {
            var other = signature
            other[index] ^= 1
            parts[2] = Self.encode(other)
            let found = Self.code(parts.joined(separator: "."), verifier)
            guard found != "token-signature" else { continue }
            Issue.record("byte \(index) of \(algorithm): \(found ?? "accepted")")
        }
    }

    @Test(arguments: TokenAlgorithm.allCases)
    func whatIsNotAllowedIsRefused(algorithm: TokenAlgorithm) async throws {
        var rules = TokenVectors.rules
        rules.algorithms.removeAll { $0 == algorithm }
        let token = try #require(vectors.valid[algorithm.rawValue])
        let verifier = TokenVerifier(keys: try await vectors.keys(algorithm), rules: rules)
        #expect(Self.code(token, verifier) == "token-algorithm")
    }

    /// Every token with the keys of every other kind: no key is taken for another one.
    @Test func aKeyServesItsOwnKindOnly() async throws {
        for keys in TokenAlgorithm.allCases {
            let verifier = TokenVerifier(keys: try await vectors.keys(keys), rules: TokenVectors.rules)
            let fitting = Set(verifier.keys.entries.map(\.algorithm.rawValue))
            for (name, token) in vectors.valid {
                #expect(
                    Self.code(token, verifier) == (fitting.contains(name) ? nil : "token-key-unknown"),
                    "\(keys) \(name)")
            }
        }
    }

    @Test(arguments: try TokenVectors.load().refused)
    func badTokensAreRefused(row: [String]) async throws {
        let verifier = TokenVerifier(keys: try await vectors.keys(.hs256), rules: TokenVectors.rules)
        #expect(Self.code(row[2], verifier) == row[1], "\(row[0])")
    }

    /// The public key, which everybody has, as the secret of an HMAC: in every form it may be kept in.
    @Test func aPublicKeyIsNoSecret() async throws {
        let both = try await vectors.keys(.rs256) + vectors.keys(.hs256)
        let set = try await TokenKeys.jwks(vectors.keySet(), algorithms: TokenAlgorithm.allCases)
        #expect(vectors.confusion.count == 6)
        for token in vectors.confusion {
            let alone = TokenVerifier(keys: try await vectors.keys(.rs256), rules: TokenVectors.rules)
            #expect(Self.code(token, alone) == "token-key-unknown")
            #expect(Self.code(token, TokenVerifier(keys: set, rules: TokenVectors.rules)) == "token-key-unknown")
            #expect(Self.code(token, TokenVerifier(keys: both, rules: TokenVectors.rules)) == "token-signature")
        }
    }

    @Test func clocksMayDifferByTheLeeway() async throws {
        let token = try #require(vectors.valid["HS256"])
        var rules = TokenVectors.rules
        rules.leeway = .seconds(10)
        let verifier = TokenVerifier(keys: try await vectors.keys(.hs256), rules: rules)
        for (now, code) in [
            (1_699_999_989.0, "token-not-yet-valid"), (1_699_999_990, nil), (1_900_000_009, nil),
            (1_900_000_010, "token-expired"),
        ] {
            #expect(Self.code(token, verifier, now: now) == code, "\(now)")
        }
    }

    @Test func longTokensAreNotLookedAt() async throws {
        let verifier = TokenVerifier(keys: try await vectors.keys(.hs256), rules: TokenVectors.rules)
        #expect(Self.code(String(repeating: "A", count: 8193), verifier) == "token-too-large")
        #expect(Self.code(String(repeating: "A", count: 8192), verifier) == "token-malformed")
        #expect(Self.code(String(repeating: ".", count: 8000), verifier) == "token-malformed")
        let deep = String(repeating: "[", count: 3000)
        #expect(Self.code(Self.encode(Array(deep.utf8)) + ".e30.AA", verifier) == "token-malformed")
    }

    @Test func theExampleOfTheStandard() async throws {
        // RFC 7515, A.1 and A.3.
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
        let payload =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let hmac =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        let curve =
            "eyJhbGciOiJFUzI1NiJ9." + payload
            + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        let set = """
            {"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}
            """
        let bytes = try #require(Base64URL.decode(secret.utf8))
        let keys =
            try await TokenKeys.secret(bytes, algorithms: [.hs256])
            + TokenKeys.jwks(Array(set.utf8), algorithms: [.es256])
        let verifier = TokenVerifier(keys: keys, rules: TokenRules())
        for token in [hmac, curve] {
            let claims = try verifier.verify(token, now: 1_300_819_379)
            #expect(claims["http://example.com/is_root"] == true && claims.issuer == "joe")
            #expect(Self.code(token, verifier, now: 1_300_819_386) == "token-expired")
        }
    }

    @Test func anyBytesAreRefusedWithoutHarm() async throws {
        let verifier = TokenVerifier(keys: try await vectors.keys(.hs256), rules: TokenVectors.rules)
        let good = Array(try #require(vectors.valid["HS256"]).utf8)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = .random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8(ascii: "."), at: index)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if text.utf8.elementsEqual(good) { continue }
            #expect(Self.code(text, verifier) != nil, "\(text)")
        }
    }

    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var text = ""
        var index = 0
        while index < bytes.count {
            let group = (0..<3).map { index + $0 < bytes.count ? UInt32(bytes[index + $0]) : 0 }
            let bits = group[0] << 16 | group[1] << 8 | group[2]
            for place in 0..<min(4, bytes.count - index + 1) {
                text.append(alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63])
            }
            index += 3
        }
        return text
    }
}
