// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Foundation
internal import NIOCore

/// Options of the commands that ask a running node over HTTP.
struct RemoteOptions: ParsableArguments {
    @OptionGroup var place: RemotePlace

    @Option(
        help: ArgumentHelp(
            "YAML file with the settings of a node on this machine, which tell address and token.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("How long an answer may take, in milliseconds.", valueName: "ms"))
    var timeoutMs = 10_000

    func validate() throws {
        if timeoutMs < 1 || timeoutMs > 3_600_000 { throw ValidationError("--timeout-ms must be 1 to 3600000.") }
    }

    /// How to reach the node.
    func client(for purpose: RemotePlace.Purpose) async throws -> RemoteNode {
        try await place.client(for: purpose, config: config, timeoutMs: timeoutMs)
    }
}

/// Which node is meant, and with which token it is asked.
struct RemotePlace: ParsableArguments {
    static let urlVariable = SettingsLoader.urlVariable
    static let tokenVariable = SettingsLoader.tokenVariable

    @Option(
        help: ArgumentHelp(
            "The node: the address of its operations listener, or of the public one with api.publicListener. The variable "
                + "SOCKETIO_URL can name it too.", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "File with the secret of a token; the variable SOCKETIO_TOKEN can hold the secret itself.",
            valueName: "file"))
    var tokenFile: String?

    /// What a command needs of a node.
    enum Purpose {
        case api(APIScope)
        case operations
    }

    func validate() throws {
        if let url, !Self.isBase(url) { throw ValidationError(Self.notABase("--url")) }
    }

    /// Whether a command was told which node is meant.
    var namesNode: Bool { url != nil || Self.variable(Self.urlVariable) != nil }

    /// How to reach the node, from the options, the environment and the settings, in this order.
    ///
    /// The token of the settings goes only to the node that the settings describe.
    func client(for purpose: Purpose, config: String?, timeoutMs: Int) async throws -> RemoteNode {
        let token = try givenToken()
        if let url = url ?? Self.variable(Self.urlVariable) {
            guard Self.isBase(url) else { throw failure(Self.notABase(Self.urlVariable)) }
            return Self.node(url, token, timeoutMs)
        }
        let settings = try await SettingsOptions.load(config: config, flags: []).settings
        guard let url = Self.address(settings, purpose) else {
            throw failure(
                "no node is named: give --url http://HOST:PORT of its operations listener, the variable \(Self.urlVariable), or "
                    + "--config with the settings of the node, with operations.port")
        }
        return Self.node(url, token ?? Self.token(settings, purpose), timeoutMs)
    }

    private static func node(_ url: String, _ token: String?, _ timeoutMs: Int) -> RemoteNode {
        RemoteNode(
            url: url.hasSuffix("/") ? String(url.dropLast()) : url, token: token,
            timeout: .milliseconds(Int64(timeoutMs)))
    }

    private func failure(_ message: String) -> ExitCode {
        StandardError.write(message + "\n")
        return .wrongSettings
    }

    // MARK: Where it is

    /// The listener of a node of this machine that answers; nil when its settings have none.
    static func address(_ settings: Settings, _ purpose: Purpose) -> String? {
        if let port = settings.operations.port, port > 0 {
            return "http://\(authority(settings.operations.host)):\(port)"
        }
        // The certificate of the public listener is for another name than this machine's.
        guard case .api = purpose, settings.api.publicListener, settings.tls.certificateFile == nil,
            !settings.proxyProtocol, settings.port > 0
        else { return nil }
        return "http://\(authority(settings.host)):\(settings.port)"
    }

    private static func authority(_ host: String) -> String {
        let host = HealthEndpoint.reachable(host)
        return host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    }

    private static func isBase(_ url: String) -> Bool {
        SettingRules.isWebAddress(url) && URL(string: url)?.query == nil && URL(string: url)?.user == nil
            && URL(string: url)?.fragment == nil
    }

    private static func notABase(_ source: String) -> String {
        "\(source) must be an address such as http://127.0.0.1:9464, without user, password and query."
    }

    // MARK: Token

    private func givenToken() throws -> String? {
        guard let tokenFile else { return Self.variable(Self.tokenVariable) }
        guard let data = FileManager.default.contents(atPath: tokenFile), data.count <= 65_536 else {
            throw failure("no readable file '\(tokenFile.escapingControlCharacters())'; --token-file names one")
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static func token(_ settings: Settings, _ purpose: Purpose) -> String? {
        switch purpose {
        case .operations: settings.operations.token
        case .api(let scope):
            settings.api.tokens.compactMap { APIToken($0) }.first { $0.scopes.contains(scope) }?.secret.text
        }
    }

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
