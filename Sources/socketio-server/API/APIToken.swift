// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer

/// What a token of the HTTP API allows.
enum APIScope: String, CaseIterable, Sendable {
    /// Sending events.
    case emit
    /// Changing the rooms of sockets, and disconnecting them.
    case manage
    /// Asking for namespaces, rooms and sockets.
    case read
    /// Reading what was sent: the histories of rooms.
    case history
}

/// One of `api.tokens`: who uses it, what it allows, and the secret that proves it.
struct APIToken: Sendable {
    /// The form of a setting, for people.
    static let form =
        "name:scopes:secret, with scopes of emit, manage, read and history joined by '+', and a secret of at least 16 visible characters"
    static let shortestSecret = 16

    /// For the log and the metrics.
    let name: String
    let scopes: Set<APIScope>
    let secret: OperationsToken

    /// Reads one of `api.tokens`; nil when it does not have the form.
    init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count == 3, SettingRules.isToken(parts[0]), parts[0].utf8.count <= 64,
            parts[2].utf8.count >= Self.shortestSecret, parts[2].utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        var scopes: Set<APIScope> = []
        for word in parts[1].split(separator: "+", omittingEmptySubsequences: false) {
            guard let scope = APIScope(rawValue: String(word)) else { return nil }
            scopes.insert(scope)
        }
        name = parts[0]
        self.scopes = scopes
        secret = OperationsToken(text: parts[2])
    }

    /// The token that a request carries as `Authorization: Bearer`. Looks at all of them, so that the time tells nothing.
    static func find(_ request: ApplicationRequest, in tokens: [APIToken]) -> APIToken? {
        guard let given = OperationsToken.bearer(of: request) else { return nil }
        return tokens.reduce(nil) { found, token in token.secret.allows(given) ? token : found }
    }
}
