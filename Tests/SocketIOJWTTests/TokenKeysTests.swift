// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import Testing

@testable internal import SocketIOJWT

@Suite struct TokenKeysTests {
    private let vectors: TokenVectors

    init() throws { vectors = try TokenVectors.load() }
    private static let all = TokenAlgorithm.allCases

    private func problem(_ make: () async throws -> TokenKeys) async -> String? {
        do {
            _ = try await make()
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func code(_ token: String?, _ keys: TokenKeys) -> String? {
        do {
            _ = try TokenVerifier(keys: keys, rules: TokenVectors.rules).verify(token ?? "", now: TokenVectors.now)
            return nil
        } catch {
            return error.code.rawValue
        }
    }

    @Test func secretsHaveALeastLength() async throws {
        let short = [UInt8](repeating: 65, count: 31)
        #expect(await problem { try await .secret(short, algorithms: Self.all) }?.contains("31 bytes") == true)
        let keys = try await TokenKeys.secret(short + [65], algorithms: Self.all)
        #expect(keys.entries.map(\.algorithm) == [.hs256])
        #expect(await problem { try await .secret(short + [65], algorithms: [.hs512]) }?.contains("64") == true)
        #expect(await problem { try await .secret(short, algorithms: [.rs256]) } != nil)
        #expect(await problem { try await .secret([], algorithms: Self.all) } != nil)
    }

    @Test func pemOfOtherKindsIsRefusedWithAReason() async throws {
        let pem = try #require(vectors.pem["RS256"])
        for (text, reason) in [
            ("", "no PEM"), ("hello", "no PEM"), (vectors.smallPem, "2048 bits"),
            (pem, "fits none of the allowed"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no public key"),
        ] {
            let found = await problem { try await .pem(text, algorithms: [.es256, .hs256]) }
            #expect(found?.contains(reason) == true, "\(found ?? "accepted")")
        }
    }

    @Test func severalKeysInOneFileAreAllTried() async throws {
        let text = vectors.otherPem + "\n# the new one\n" + (vectors.pem["RS256"] ?? "")
        let keys = try await TokenKeys.pem(text, algorithms: Self.all)
        #expect(keys.count == 2)
        #expect(code(vectors.valid["RS256"], keys) == nil)
        #expect(code(vectors.byKey["unknown name"], keys) == nil)
        let crlf = try await TokenKeys.pem(text.replacing("\n", with: "\r\n"), algorithms: Self.all)
        #expect(crlf.count == 2)
    }

    @Test func aKeySetGivesWhatCanBeUsed() async throws {
        let keys = try await TokenKeys.jwks(vectors.keySet(), algorithms: Self.all)
        #expect(Set(keys.entries.compactMap(\.id)) == ["rsa", "p256", "p384", "p521", "ed"])
        #expect(keys.count == 5)
        for algorithm in Self.all where algorithm.minimumSecretBytes == nil {
            #expect(code(vectors.valid[algorithm.rawValue], keys) == nil, "\(algorithm)")
        }
        #expect(code(vectors.byKey["for-encryption"], keys) == "token-key-unknown")
        #expect(code(vectors.byKey["oct"], keys) == "token-key-unknown")
        #expect(code(vectors.byKey["other key, name of a known one"], keys) == "token-signature")
        #expect(code(vectors.byKey["no name"], keys) == nil)
        #expect(code(vectors.byKey["unknown name"], keys) == "token-key-unknown")
        // A key without an algorithm of its own goes on serving each, whatever came before.
        #expect(code(vectors.valid["RS512"], keys) == nil && code(vectors.valid["RS256"], keys) == nil)
    }

    @Test func keySetsThatAreNoneAreRefused() async throws {
        for text in [
            "", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[1,null,{}]}", "{\"keys\":[", "nonsense",
        ] {
            #expect(await problem { try await .jwks(Array(text.utf8), algorithms: Self.all) } != nil, "\(text)")
        }
        #expect(await problem { try await .jwks(vectors.keySet(), algorithms: [.hs256]) } != nil)
    }

    @Test func base64URLIsStrict() {
        #expect(Base64URL.decode("".utf8) == [])
        #expect(Base64URL.decode("AQID".utf8) == [1, 2, 3])
        #expect(Base64URL.decode("_-8".utf8) == [0xFF, 0xEF])
        for text in ["A", "AAAAA", "AB", "AQ==", "A+", "A/", " AQ", "AQ\n", "ÄÄ"] {
            #expect(Base64URL.decode(text.utf8) == nil, "\(text)")
        }
    }
}
