// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import SocketIOJWT

/// What `auth.jwt.*` asks for, with the files read.
struct JWTPolicy: Sendable {
    let settings: Settings.JWT
    let options: TokenAuthentication.Options
    /// Those of the settings and their files, without what is fetched.
    let keys: TokenKeys

    /// Reads the files.
    ///
    /// - Returns: nil when the mode is `off`.
    /// - Throws: `SettingsError` for keys that cannot be used; never with anything of a secret in it.
    static func make(_ loaded: LoadedSettings) async throws -> JWTPolicy? {
        let jwt = loaded.settings.auth.jwt
        guard jwt.mode != .off else { return nil }
        var problems: [SettingProblem] = []
        func report(_ key: String, _ message: String) {
            problems.append(SettingProblem(source: loaded.sources[key] ?? .defaults, key: key, message: message))
        }
        var keys = TokenKeys.none
        func add(_ key: String, file: String? = nil, _ make: () async throws -> TokenKeys?) async {
            do {
                guard let found = try await make() else {
                    return report(key, "no readable file '\((file ?? "").escapingControlCharacters())'")
                }
                keys = keys + found
            } catch let error as TokenKeyError {
                report(key, file.map { "'\($0.escapingControlCharacters())': \(error)" } ?? "\(error)")
            } catch {
                report(key, "the key cannot be used")
            }
        }
        let algorithms = jwt.algorithms
        if let secret = jwt.secret {
            await add("auth.jwt.secret") { try await TokenKeys.secret(Array(secret.utf8), algorithms: algorithms) }
        }
        if let file = jwt.secretFile {
            await add("auth.jwt.secretFile", file: file) {
                guard let bytes = bytes(of: file) else { return nil }
                return try await TokenKeys.secret(withoutLineEnd(bytes), algorithms: algorithms)
            }
        }
        if let file = jwt.publicKeyFile {
            await add("auth.jwt.publicKeyFile", file: file) {
                guard let bytes = bytes(of: file) else { return nil }
                return try await TokenKeys.pem(String(decoding: bytes, as: UTF8.self), algorithms: algorithms)
            }
        }
        if let file = jwt.jwksFile {
            await add("auth.jwt.jwksFile", file: file) {
                guard let bytes = bytes(of: file) else { return nil }
                return try await TokenKeys.jwks(bytes, algorithms: algorithms)
            }
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        return JWTPolicy(settings: jwt, options: options(jwt), keys: keys)
    }

    /// Files whose contents matter.
    static func files(_ jwt: Settings.JWT) -> [String] {
        jwt.mode == .off ? [] : [jwt.secretFile, jwt.publicKeyFile, jwt.jwksFile].compactMap(\.self)
    }

    private static func options(_ jwt: Settings.JWT) -> TokenAuthentication.Options {
        var options = TokenAuthentication.Options()
        options.isRequired = jwt.mode == .required
        options.authField = jwt.authField
        options.readsHeader = jwt.header
        options.queryParameter = jwt.queryParameter
        options.warning = .milliseconds(jwt.expiryWarningMs)
        options.grace = .milliseconds(jwt.expiryGraceMs)
        options.rules.algorithms = jwt.algorithms
        options.rules.issuers = jwt.issuer
        options.rules.audiences = jwt.audience
        options.rules.leeway = .seconds(jwt.leewaySeconds)
        options.rules.requiresExpiry = jwt.requireExpiry
        options.rules.maximumBytes = jwt.maxTokenBytes
        return options
    }

    /// The secret of the settings or of their file, with which tokens are signed; nil when there is none.
    static func secret(_ jwt: Settings.JWT) -> [UInt8]? {
        if let secret = jwt.secret { return Array(secret.utf8) }
        return jwt.secretFile.flatMap { bytes(of: $0) }.map(withoutLineEnd)
    }

    /// Nil when it cannot be read, or is too long for keys.
    private static func bytes(of file: String) -> [UInt8]? {
        guard let data = FileManager.default.contents(atPath: file), data.count <= 1_048_576 else { return nil }
        return Array(data)
    }

    private static func withoutLineEnd(_ bytes: [UInt8]) -> [UInt8] {
        let end = bytes.lastIndex { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return end.map { Array(bytes[...$0]) } ?? []
    }
}
