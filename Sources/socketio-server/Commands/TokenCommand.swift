// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Foundation
internal import SocketIOServer

/// `gentoken`: tokens for clients and programs.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gentoken",
        abstract: "Make a JSON Web Token for development, or a token of the HTTP API.",
        discussion: """
            Examples:
              socketio-server gentoken jwt --config my.yaml --subject ada
              socketio-server gentoken api shop --scope emit
            """,
        subcommands: [JWTCommand.self, APITokenCommand.self])
}

/// `gentoken jwt`.
struct JWTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jwt",
        abstract: "Sign a JSON Web Token with the secret of the settings, as a client shows it.",
        discussion: """
            For development and tests: anyone who has the secret can pose as any user. The secret is
            auth.jwt.secret or that of auth.jwt.secretFile; issuer and audience are the
            first of auth.jwt.issuer and auth.jwt.audience.

            Examples:
              socketio-server gentoken jwt --config my.yaml --subject ada
              socketio-server gentoken jwt --subject ada --claim role=admin --claim 'teams=["a","b"]'
              socketio-server gentoken jwt --subject ada --expires-seconds 60

            Exit codes: 0 there is a token, 64 wrong usage, 78 wrong settings, or no secret.
            """)

    @Option(help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The user that the token is about: the claim sub.", valueName: "name"))
    var subject: String

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Another claim; the value is JSON, or else a text. May be repeated.", valueName: "name=value"))
    var claim: [String] = []

    @Option(help: ArgumentHelp("How long the token is valid; 0 for ever.", valueName: "seconds"))
    var expiresSeconds = 86_400

    func validate() throws {
        if expiresSeconds < 0 || expiresSeconds > 3_153_600_000 {
            throw ValidationError("--expires-seconds must be 0 to 3153600000.")
        }
        _ = try claims()
    }

    func run() async throws {
        let jwt = try await SettingsOptions.load(config: config, flags: []).settings.auth.jwt
        guard let secret = JWTPolicy.secret(jwt) else {
            StandardError.write(
                "no secret to sign with: set auth.jwt.secret or auth.jwt.secretFile; public keys and key sets only verify\n"
            )
            throw ExitCode.wrongSettings
        }
        guard let algorithm = DevelopmentToken.algorithm(for: secret.count, among: jwt.algorithms) else {
            StandardError.write(
                "no algorithm of auth.jwt.algorithms fits a secret of \(secret.count) bytes: HS256 needs 32, HS384 48, HS512 64\n"
            )
            throw ExitCode.wrongSettings
        }
        var claims = try claims()
        let now = Int64(Date().timeIntervalSince1970)
        claims["sub"] = .string(subject)
        claims["iat"] = .int(now)
        if expiresSeconds > 0 { claims["exp"] = .int(now + Int64(expiresSeconds)) }
        if let issuer = jwt.issuer.first, claims["iss"] == nil { claims["iss"] = .string(issuer) }
        if let audience = jwt.audience.first, claims["aud"] == nil { claims["aud"] = .string(audience) }
        if jwt.mode == .off {
            StandardError.write("auth.jwt.mode is off: the server does not look at tokens\n")
        }
        print(try DevelopmentToken.sign(.object(claims), secret: secret, algorithm: algorithm))
    }

    private func claims() throws -> SocketObject {
        var claims: SocketObject = [:]
        for text in claim {
            guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals > text.startIndex else {
                throw ValidationError("'\(text.escapingControlCharacters())' is no claim; write --claim name=value")
            }
            let (name, value) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
            claims[name] = (try? RawJSON(value).value) ?? .string(value)
        }
        return claims
    }
}

/// `gentoken api`.
struct APITokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Make one of api.tokens, with a random secret.",
        discussion: """
            Prints the text for api.tokens: name, scopes and secret. Programs send the
            secret, the part behind the last colon.

            Examples:
              socketio-server gentoken api shop --scope emit
              socketio-server gentoken api admin --scope emit --scope manage --scope read

            Exit codes: 0 there is a token, 64 wrong usage.
            """)

    @Argument(help: "Name of the program that gets it; it appears in the log.")
    var name: String

    @Option(help: "What it allows: emit, manage or read; may be repeated.")
    var scope: [APIScope] = []

    func validate() throws {
        if scope.isEmpty { throw ValidationError("Say what it allows: --scope emit, manage or read.") }
        if APIToken(text(secret: String(repeating: "x", count: APIToken.shortestSecret))) == nil {
            throw ValidationError("The name must have 1 to 64 letters, digits and -_. without blanks and colons.")
        }
    }

    func run() { print(text(secret: DevelopmentToken.randomHex(bytes: 24))) }

    private func text(secret: String) -> String {
        let scopes = APIScope.allCases.filter { scope.contains($0) }.map(\.rawValue).joined(separator: "+")
        return "\(name):\(scopes):\(secret)"
    }
}

extension APIScope: ExpressibleByArgument {}
