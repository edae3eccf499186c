// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOJWT

extension Settings {
    /// Who may connect.
    struct Auth: Sendable, Equatable {
        var jwt = JWT()
    }

    /// JSON Web Tokens; without effect while the mode is `off`.
    struct JWT: Sendable, Equatable {
        var mode = Mode.off
        var algorithms = TokenAlgorithm.common
        var secret: String?
        var secretFile: String?
        var publicKeyFile: String?
        var jwksFile: String?
        var jwksUrl: String?
        var jwksRefreshSeconds = 300
        var jwksRetryMs = 10_000
        var issuer: [String] = []
        var audience: [String] = []
        var leewaySeconds = 5
        var requireExpiry = false
        var maxTokenBytes = 8_192
        var authField = "token"
        var header = true
        var queryParameter: String?
        var nameClaim: String?
        var expiryWarningMs = 60_000
        var expiryGraceMs = 10_000

        enum Mode: String, CaseIterable, Sendable {
            case off
            case optional
            case required
        }
    }

    /// What happens to changes of the settings while the server runs.
    struct Reload: Sendable, Equatable {
        var watch = false
        var intervalMs = 1_000
    }
}
