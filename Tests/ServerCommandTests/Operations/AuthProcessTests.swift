// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The executable with tokens that OpenSSL has made.
@Suite struct AuthProcessTests {
    private static let base = "host: 127.0.0.1\nport: 0\neventLoops: 2\nlog: {level: debug}\n"

    /// Nil when the server lets the token in, else its code.
    private func code(_ port: Int, _ token: String, name: String = "ada") async throws -> String? {
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
        do {
            let tab = TestValue.string(UUID().uuidString)
            _ = try await client.join("/", auth: ["token": .string(token), "name": .string(name), "tab": tab])
            await client.close()
            return nil
        } catch let error as RefusedNamespace {
            await client.close()
            return error.reason["data"]?["code"]?.string ?? error.reason["message"]?.string ?? "?"
        }
    }

    private func reload(_ server: RunningProcess, _ text: String = "settings reloaded") async throws {
        let count = { server.output.components(separatedBy: text).count }
        let before = count()
        server.signal(SIGHUP)
        try await eventually(text, within: .seconds(60)) { count() > before }
    }

    @Test func aKeyInAFileTakesThePlaceOfAnother() async throws {
        let maker = try TokenMaker()
        try maker.makeRSA("first")
        try maker.makeRSA("second")
        func use(_ name: String) throws {
            try maker.write(
                String(decoding: Data(contentsOf: URL(fileURLWithPath: maker.file("\(name).pem"))), as: UTF8.self),
                to: "used.pem")
        }
        try use("first")
        try maker.write(
            Self.base + "reload: {watch: true, intervalMs: 50}\nauth: {jwt: {mode: required, publicKeyFile: "
                + "\(maker.file("used.pem")), nameClaim: name}}\n", to: "settings.yaml")
        let server = try RunningProcess.server(["--config", maker.file("settings.yaml")])
        let port = try await server.port()
        let first = try maker.rsa("first", claims: ",\"name\":\"Ada L.\"")
        let second = try maker.rsa("second", claims: ",\"name\":\"Grace\"")
        #expect(try await code(port, first) == nil)
        #expect(try await code(port, second) == "token-signature")
        // The name comes from the token, and nobody chooses one in its place.
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
        let socket = try await client.join("/", auth: ["token": .string(first), "name": "Mallory"])
        let place = try await socket.emitWithAck("join", "lobby").first
        #expect(place?["people"] == ["Ada L."])
        #expect(try await code(port, try maker.rsa("first"), name: "Mallory") == "bad-name")
        await client.close()

        try use("second")
        try await eventually("the other key", within: .seconds(60)) { try await code(port, second) == nil }
        #expect(try await code(port, first) == "token-signature")
        // A file that holds something else changes nothing.
        let failures = { server.output.components(separatedBy: "the settings were not reloaded").count }
        let before = failures()
        try maker.write("nothing", to: "used.pem")
        try await eventually("the refusal", within: .seconds(60)) { failures() > before }
        #expect(server.output.contains("there is no PEM in it"))
        #expect(server.output.contains("a token was refused client=127.0.0.1 code=token-signature"), "\(server.output)")
        #expect(try await code(port, second) == nil)
        for part in [first, second].flatMap({ $0.split(separator: ".").dropFirst() }) {
            #expect(!server.output.contains(part))
        }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func aSecretChangesAndIsNeverShown() async throws {
        let maker = try TokenMaker()
        let (one, two) = ("first-secret-0123456789-0123456789", "second-secret-0123456789-012345678")
        func settings(_ secret: String, _ rest: String = "") throws {
            try maker.write(
                Self.base + "auth: {jwt: {mode: required, secret: \"\(secret)\"\(rest)}}\n", to: "settings.yaml")
        }
        try settings(one)
        let server = try RunningProcess.server(["--config", maker.file("settings.yaml")])
        let port = try await server.port()
        #expect(try await code(port, try maker.hmac(one)) == nil)
        #expect(try await code(port, try maker.hmac(two)) == "token-signature")
        #expect(try await code(port, try maker.hmac(one, seconds: -60)) == "token-expired")
        try settings(two, ", audience: [chat]")
        try await reload(server)
        #expect(try await code(port, try maker.hmac(one)) == "token-signature")
        #expect(try await code(port, try maker.hmac(two)) == "token-audience")
        #expect(try await code(port, try maker.hmac(two, claims: ",\"aud\":[\"x\",\"chat\"]")) == nil)
        // Switching it off needs a restart, and is said without the secret.
        try maker.write(Self.base + "auth: {jwt: {mode: \"off\"}}\n", to: "settings.yaml")
        try await reload(server, "needs a restart")
        #expect(
            server.output.contains("needs a restart new=\"\\\"off\\\"\" old=required setting=auth.jwt.mode"),
            "\(server.output)")
        #expect(try await code(port, "") == "token-malformed")
        try settings("short")
        try await reload(server, "the settings were not reloaded")
        let check = try RunningProcess.server(["print-config", "--config", maker.file("settings.yaml")])
        #expect(try await check.exitCode() == 0)
        #expect(check.output.contains("auth.jwt.secret: ***"))
        let refused = try RunningProcess.server(["check-config", "--config", maker.file("settings.yaml")])
        #expect(try await refused.exitCode() == 78)
        #expect(refused.output.contains("auth.jwt.secret: the secret is too short: it has 5 bytes"))
        for text in [server.output, check.output, refused.output] {
            for secret in [one, two, "short\""] { #expect(!text.contains(secret)) }
        }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func aKeySetIsFetchedAndFetchedAgain() async throws {
        let maker = try TokenMaker()
        for name in ["first", "second", "third"] { try maker.makeRSA(name) }
        let set = NIOLockedValueBox<String?>("{\"keys\":[\(try maker.jwk("first"))]}")
        let fetches = NIOLockedValueBox(0)
        let issuer = Server()
        issuer.onRequest { _ in
            fetches.withLockedValue { $0 += 1 }
            guard let text = set.withLockedValue({ $0 }) else { return .text("away", status: .serviceUnavailable) }
            return .text(text)
        }
        let issuerPort = try #require(try await issuer.listen()?.port)
        try maker.write(
            Self.base + "auth: {jwt: {mode: required, jwksUrl: \"http://127.0.0.1:\(issuerPort)/keys\", "
                + "jwksRefreshSeconds: 3600, jwksRetryMs: 100}}\n", to: "settings.yaml")
        let server = try RunningProcess.server(["--config", maker.file("settings.yaml")])
        let port = try await server.port()
        let (first, second) = (try maker.rsa("first"), try maker.rsa("second"))
        #expect(try await code(port, first) == nil)
        #expect(try await code(port, second) == "token-key-unknown")
        // The issuer has a new key: the first token that is signed with it makes the server look.
        let both = "{\"keys\":[\(try maker.jwk("first")),\(try maker.jwk("second"))]}"
        set.withLockedValue { $0 = both }
        try await eventually("the new key", within: .seconds(60)) { try await code(port, second) == nil }
        // An outage: what is known holds, what is not known is refused, and the issuer is not overrun.
        set.withLockedValue { $0 = nil }
        let before = fetches.withLockedValue { $0 }
        let third = try maker.rsa("third")
        let start = ContinuousClock.now
        for _ in 0..<30 { #expect(try await code(port, third) == "token-key-unknown") }
        let passed = ContinuousClock.now - start
        #expect(fetches.withLockedValue { $0 } - before <= Int(passed / .milliseconds(100)) + 2)
        #expect(try await code(port, first) == nil)
        #expect(try await code(port, second) == nil)
        try await eventually("a warning", within: .seconds(60)) {
            // The next fetch is due a tenth of a second after the last.
            _ = try await code(port, third)
            return server.output.contains("the key set could not be fetched")
        }
        #expect(try await code(port, first) == nil)
        #expect(try await ask(port, "/readyz").text.contains("auth: the key set could not be fetched"))
        // Back, with the first key gone.
        let last = "{\"keys\":[\(try maker.jwk("second")),\(try maker.jwk("third"))]}"
        set.withLockedValue { $0 = last }
        try await eventually("the third key", within: .seconds(60)) { try await code(port, third) == nil }
        #expect(try await code(port, first) == "token-key-unknown")
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
        await issuer.close()
    }

    @Test(arguments: [
        ("{mode: required}", "auth.jwt.mode: needs keys"),
        ("{mode: sometimes}", "auth.jwt.mode: 'sometimes' is not known"),
        ("{mode: required, secret: x, secretFile: y}", "auth.jwt.secretFile: cannot be given together"),
        ("{mode: required, algorithms: [none], secret: x}", "auth.jwt.algorithms: 'none' is not known"),
        ("{jwksUrl: \"file:///etc/passwd\"}", "auth.jwt.jwksUrl: 'file:///etc/passwd' is not accepted"),
    ])
    func settingsThatCannotWorkAreRefused(yaml: String, problem: String) async throws {
        let found = try await problems(yaml: "auth: {jwt: \(yaml)}\n")
        #expect(found.contains { $0.contains(problem) }, "\(found)")
    }

    @Test(arguments: [
        ("secretFile: /nowhere", "no readable file '/nowhere'"), ("publicKeyFile: FILE", "there is no PEM in it"),
        ("jwksFile: FILE", "it is no JSON Web Key Set"), ("secretFile: FILE", "the secret is too short"),
    ])
    func filesThatCannotBeUsedAreRefused(yaml: String, problem: String) async throws {
        let file = try TemporaryFile("")
        let text = yaml.replacing("FILE", with: file.path)
        let loaded = try await load(yaml: "auth: {jwt: {mode: required, \(text)}}\n")
        let error = try await #require(throws: SettingsError.self) { try await Assembly.check(loaded) }
        #expect(error.description.contains(problem), "\(error)")
    }
}
