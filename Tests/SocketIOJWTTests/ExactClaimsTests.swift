// Part of socketio-server, MIT licence; see LICENSE.

internal import ProcessTesting
internal import SocketIOCore
internal import Testing

@testable internal import SocketIOJWT

/// Names in tokens that Swift's strings take for one, and texts that cost them the square of their length.
@Suite("Claims and names of keys are compared by their bytes", .serialized)
struct ExactClaimsTests {
    private static func claims(_ members: SocketObject) -> TokenClaims {
        TokenClaims(value: .object(members), expiresAt: nil)
    }

    private static func code(_ body: () throws(TokenError) -> Void) -> TokenError.Code? {
        do {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test("issuers, audiences and the claims themselves", arguments: HostileText.twins)
    func claims(one: String, other: String) throws {
        var rules = TokenRules()
        (rules.issuers, rules.audiences) = ([one], [one])
        #expect(
            Self.code { () throws(TokenError) in
                try rules.check(Self.claims(["iss": .string(one), "aud": .string(one)]), now: 0)
            } == nil)
        #expect(
            Self.code { () throws(TokenError) in
                try rules.check(Self.claims(["iss": .string(other), "aud": .string(one)]), now: 0)
            } == .issuer)
        #expect(
            Self.code { () throws(TokenError) in
                try rules.check(Self.claims(["iss": .string(one), "aud": [.string(other)]]), now: 0)
            }
                == .audience)
        let both = Self.claims([one: 1, other: 2])
        #expect(both[one] == 1 && both[other] == 2)
        #expect(Self.claims(["sub": .string(one)]) != Self.claims(["sub": .string(other)]))
    }

    @Test("names of keys", arguments: HostileText.twins)
    func keys(one: String, other: String) async throws {
        let secret = try await TokenKeys.secret(Array(repeating: 7, count: 64), algorithms: [.hs256])
        let entry = try #require(secret.entries.first)
        let named = TokenKeys(
            entries: [TokenKeys.Entry(id: one, algorithm: .hs256, verifier: entry.verifier)], count: 1)
        #expect(named.knows(one) && !named.knows(other))
        #expect(named.candidates(.hs256, id: one).count == 1 && named.candidates(.hs256, id: other).isEmpty)
    }

    @Test("headers and claims of combining marks")
    func cost() async throws {
        let keys = try await TokenKeys.secret(Array(repeating: 7, count: 64), algorithms: [.hs256])
        var rules = TokenRules()
        rules.maximumBytes = 1_000_000
        (rules.issuers, rules.audiences) = (["a"], ["a"])
        let verifier = TokenVerifier(keys: keys, rules: rules)
        let ratio = ThreadCost.ratio(of: HostileText.marks(bytes: 100_000), to: HostileText.plain(bytes: 99_999)) {
            text in
            func part(_ json: String) -> String { Self.base64URL(Array(json.utf8)) }
            let body = part(#"{"iss":"\#(text)","aud":["\#(text)"],"\#(text)":1}"#)
            for header in [#"{"alg":"\#(text)"}"#, #"{"alg":"HS256","kid":"\#(text)","\#(text)":1}"#] {
                #expect(
                    Self.code { () throws(TokenError) in _ = try verifier.verify("\(part(header)).\(body).AAAA", now: 0)
                    } != nil)
            }
            let claims = Self.claims(["iss": .string(text), "aud": .string(text), text: 1])
            #expect(Self.code { () throws(TokenError) in try rules.check(claims, now: 0) } == .issuer)
        }
        #expect(ratio < 6)
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        var (bits, count) = (0, 0)
        for byte in bytes {
            (bits, count) = (bits << 8 | Int(byte), count + 8)
            while count >= 6 {
                count -= 6
                text.append(letters[bits >> count & 63])
            }
            bits &= (1 << count) - 1
        }
        if count > 0 { text.append(letters[bits << (6 - count) & 63]) }
        return String(decoding: text, as: UTF8.self)
    }
}
