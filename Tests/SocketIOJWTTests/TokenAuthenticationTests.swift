// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import JWTKit
internal import MetricTesting
internal import NIOCore
internal import SocketIOCore
internal import SocketIOTesting
internal import Testing

@testable internal import SocketIOJWT
@testable internal import SocketIOServer

@Suite struct TokenAuthenticationTests {
    private static let secret = "a secret of enough bytes for HMAC"

    /// A token that ends after some seconds from now.
    private static func token(_ seconds: Double?, subject: String = "ada", secret: String = secret) async throws
        -> String
    {
        struct Payload: JWTPayload {
            var sub: String
            var exp: Double?
            func verify(using algorithm: some JWTAlgorithm) async throws {}
        }
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        let end = seconds.map { Date().timeIntervalSince1970 + $0 }
        return try await keys.sign(Payload(sub: subject, exp: end))
    }

    private static func keys(_ secret: String = secret) async throws -> TokenKeyRing {
        TokenKeyRing(try await .secret(Array(secret.utf8), algorithms: [.hs256]))
    }

    private static var quick: TokenAuthentication.Options {
        var options = TokenAuthentication.Options()
        options.rules.leeway = .zero
        options.warning = .seconds(3600)
        options.grace = .zero
        return options
    }

    private func withServer(
        _ options: TokenAuthentication.Options = TokenAuthentication.Options(),
        _ body: (Server, TokenAuthentication, ServerAddress) async throws -> Void
    ) async throws {
        let io = Server()
        let authentication = TokenAuthentication(keys: try await Self.keys(), options: options)
        authentication.protect(io.sockets)
        authentication.protect(io.of(/^\/private-\d+$/))
        _ = io.of("/open")
        for namespace in [io.sockets] {
            namespace.onConnection { socket in
                socket.on("who") { () -> SocketValue in socket.data }
                socket.on("subject") { () -> String? in socket.tokenClaims?.subject }
                socket.on("identity") { () -> String? in socket.rateIdentity }
            }
        }
        do {
            let port = try #require(try await io.listen()?.port)
            try await body(io, authentication, ServerAddress(port: port))
        } catch {
            await io.close()
            throw error
        }
        await io.close()
    }

    private func refusal(_ join: () async throws -> TestSocket) async -> TestValue? {
        do {
            _ = try await join()
            return nil
        } catch {
            return (error as? RefusedNamespace)?.reason
        }
    }

    @Test func whoShowsNoGoodTokenIsRefusedWithACode() async throws {
        try await withServer { _, _, address in
            let client = try await SocketTestClient.connect(to: address)
            #expect(
                await refusal { try await client.join("/") }
                    == ["message": "Authentication required", "data": ["code": "token-missing"]])
            let late = try await Self.token(-60)
            #expect(
                await refusal { try await client.join("/", auth: ["token": .string(late)]) }
                    == ["message": "Token expired", "data": ["code": "token-expired"]])
            let other = try await Self.token(60, secret: String(repeating: "x", count: 32))
            #expect(
                await refusal { try await client.join("/", auth: ["token": .string(other)]) }
                    == ["message": "Invalid token", "data": ["code": "token-signature"]])
            #expect(
                await refusal { try await client.join("/", auth: ["token": ["not": "a text"]]) }
                    == ["message": "Invalid token", "data": ["code": "token-malformed"]])
            // Namespaces that are made on demand are protected too, and those that nobody protected are not.
            #expect(await refusal { try await client.join("/private-1") }?["data"]?["code"] == "token-missing")
            let good = try await Self.token(60)
            _ = try await client.join("/private-2", auth: ["token": .string(good)])
            _ = try await client.join("/open")
            let socket = try await client.join("/", auth: ["token": .string(good)])
            let data = try await socket.emitWithAck("who").first
            #expect(data?["claims"]?["sub"] == "ada")
            #expect(try await socket.emitWithAck("subject") == ["ada"])
            #expect(try await socket.emitWithAck("identity") == ["ada"])
            await client.close()
        }
    }

    @Test func tokensAreTakenFromWhereTheyMayBe() async throws {
        var options = TokenAuthentication.Options()
        options.queryParameter = "jwt"
        options.dataField = nil
        let good = try await Self.token(60)
        try await withServer(options) { _, authentication, address in
            for scheme in ["Bearer", "bearer"] {
                let client = try await SocketTestClient.connect(
                    to: address, headers: [("Authorization", "\(scheme) \(good)")])
                let socket = try await client.join("/")
                #expect(try await socket.emitWithAck("who") == [[:]])
                // What the client gives for a namespace is stronger than what it gave for the connection.
                #expect(
                    await refusal { try await client.join("/private-3", auth: ["token": "x"]) }?["data"]?["code"]
                        == "token-malformed")
                await client.close()
            }
            for header in ["Basic \(good)", good, "Bearer", "Bearer "] {
                let client = try await SocketTestClient.connect(to: address, headers: [("Authorization", header)])
                #expect(await refusal { try await client.join("/") } != nil, "\(header)")
                await client.close()
            }
            let client = try await SocketTestClient.connect(to: address, query: ["jwt=\(good)"])
            _ = try await client.join("/")
            var changed = options
            changed.queryParameter = nil
            changed.readsHeader = false
            changed.authField = "bearer"
            changed.isRequired = false
            authentication.replace(keys: try await Self.keys(), options: changed)
            let anonymous = try await SocketTestClient.connect(
                to: address, query: ["jwt=\(good)"], headers: [("Authorization", "Bearer \(good)")])
            let nobody = try await anonymous.join("/")
            #expect(try await nobody.emitWithAck("subject") == [nil])
            #expect(try await nobody.emitWithAck("identity") == [nil])
            #expect(await refusal { try await anonymous.join("/private-4", auth: ["bearer": "x.y.z"]) } != nil)
            let named = try await SocketTestClient.connect(to: address)
            #expect(try await named.join("/", auth: ["bearer": .string(good)]).emitWithAck("subject") == ["ada"])
            for client in [client, anonymous, named] { await client.close() }
        }
    }

    @Test func aTokenThatEndsEndsTheConnection() async throws {
        try await withServer(Self.quick) { io, _, address in
            let client = try await SocketTestClient.connect(to: address)
            let token = try await Self.token(1.5)
            let socket = try await client.join("/", auth: ["token": .string(token)])
            let warning = try await socket.next("token_expiring", within: .seconds(30))
            #expect(warning.arguments.first?["expiresAt"] != nil && warning.arguments.first?["disconnectAt"] != nil)
            _ = try await socket.next("token_expired", within: .seconds(30))
            try await eventually("the disconnection", within: .seconds(30)) { io.sockets.socketCount == 0 }
            try await eventually("no timers", within: .seconds(30)) {
                var count = 0
                for shard in io.context.shards { count += await shard.perform { $0.timers.count } }
                return count == 0
            }
            await client.close()
        }
    }

    @Test func refusedAndExpiredTokensAreCounted() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await withServer(Self.quick) { _, _, address in
                func refused(_ code: String) -> Double? {
                    metrics["socketio_auth_refused_total", [("code", code)]]
                }
                let client = try await SocketTestClient.connect(to: address)
                #expect(await refusal { try await client.join("/", auth: ["token": "x"]) } != nil)
                #expect(await refusal { try await client.join("/") } != nil)
                let old = TestValue.string(try await Self.token(-60))
                #expect(await refusal { try await client.join("/", auth: ["token": old]) } != nil)
                #expect(refused("token-malformed") == 1 && refused("token-missing") == 1)
                #expect(refused("token-expired") == 1 && metrics["socketio_auth_expired_total"] == 0)
                let short = TestValue.string(try await Self.token(1.5))
                let socket = try await client.join("/", auth: ["token": short])
                _ = try await socket.next("token_expired", within: .seconds(30))
                #expect(metrics["socketio_auth_expired_total"] == 1 && refused("token-expired") == 1)
                await client.close()
            }
        }
    }

    @Test func aFreshTokenKeepsTheConnection() async throws {
        try await withServer(Self.quick) { io, _, address in
            let client = try await SocketTestClient.connect(to: address)
            let first = try await Self.token(4)
            let socket = try await client.join("/", auth: ["token": .string(first)])
            let warning = try await socket.next("token_expiring", within: .seconds(30))
            let stranger = try await Self.token(60, subject: "eve")
            #expect(
                try await socket.emitWithAck("token_renew", .string(stranger))
                    == [["error": ["message": "Invalid token", "data": ["code": "token-subject"]]]])
            #expect(
                try await socket.emitWithAck("token_renew", "x")
                    == [["error": ["message": "Invalid token", "data": ["code": "token-malformed"]]]])
            let fresh = try await Self.token(3600)
            let answer = try await socket.emitWithAck("token_renew", .string(fresh)).first
            #expect(answer?["expiresAt"] != nil)
            // Past the end of the first: still there.
            let end = warning.arguments.first?["disconnectAt"]
            guard case .number(let milliseconds)? = end else { throw TestClientError.unexpected("no time") }
            try await eventually("the end of the first", within: .seconds(60)) {
                Date().timeIntervalSince1970 * 1000 > milliseconds + 1000
            }
            #expect(try await socket.emitWithAck("subject") == ["ada"])
            #expect(io.sockets.socketCount == 1)
            // Without an end there is no timer.
            let endless = try await Self.token(nil)
            #expect(try await socket.emitWithAck("token_renew", .string(endless)) == [["expiresAt": nil]])
            await client.close()
            try await eventually("no timers", within: .seconds(30)) {
                var count = 0
                for shard in io.context.shards { count += await shard.perform { $0.timers.count } }
                return count == 0
            }
        }
    }

    @Test func timersGoWithTheSocket() async throws {
        try await withServer { io, _, address in
            var clients: [SocketTestClient] = []
            let token = try await Self.token(3600)
            for _ in 0..<20 {
                let client = try await SocketTestClient.connect(to: address)
                _ = try await client.join("/", auth: ["token": .string(token)])
                clients.append(client)
            }
            func timers() async -> Int {
                var count = 0
                for shard in io.context.shards { count += await shard.perform { $0.timers.count } }
                return count
            }
            #expect(await timers() == 20)
            for client in clients { await client.close() }
            try await eventually("no timers", within: .seconds(30)) { await timers() == 0 }
        }
    }

    @Test func otherKeysHoldForThoseWhoComeLater() async throws {
        try await withServer { _, authentication, address in
            let client = try await SocketTestClient.connect(to: address)
            let old = try await Self.token(60)
            let socket = try await client.join("/", auth: ["token": .string(old)])
            let secret = "another secret, also of enough bytes"
            authentication.replace(keys: try await Self.keys(secret), options: TokenAuthentication.Options())
            #expect(try await socket.emitWithAck("subject") == ["ada"])
            let later = try await SocketTestClient.connect(to: address)
            #expect(
                await refusal { try await later.join("/", auth: ["token": .string(old)]) }?["data"]?["code"]
                    == "token-signature")
            let new = try await Self.token(60, secret: secret)
            _ = try await later.join("/", auth: ["token": .string(new)])
            for client in [client, later] { await client.close() }
        }
    }
}
