// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// Who may connect.
    static let auth = Section(
        title: "Authentication",
        settings: [
            .choice(
                "auth.jwt.mode", \.auth.jwt.mode,
                "Whether clients need a JSON Web Token to connect: `off` ignores tokens, `optional` accepts clients "
                    + "without a token and refuses bad tokens, `required` refuses both. A change to or from `off` "
                    + "needs a restart."),
            .choices(
                "auth.jwt.algorithms", \.auth.jwt.algorithms,
                "Signature algorithms that are accepted. A key is used for algorithms of its own kind only."),
            .optionalText(
                "auth.jwt.secret", \.auth.jwt.secret, allowed: "a text of 32 bytes or more", secret: true,
                "Secret for HS256 (32 bytes or more), HS384 (48) and HS512 (64)."
            ) { !$0.isEmpty },
            .optionalText(
                "auth.jwt.secretFile", \.auth.jwt.secretFile, allowed: "a file",
                "File that holds the secret, which is how containers get theirs; a line end after it is ignored."
            ) { !$0.isEmpty },
            .optionalText(
                "auth.jwt.publicKeyFile", \.auth.jwt.publicKeyFile, allowed: "a file",
                "Public keys or certificates of the token issuers, in PEM; all of them are tried."
            ) { !$0.isEmpty },
            .optionalText(
                "auth.jwt.jwksFile", \.auth.jwt.jwksFile, allowed: "a file",
                "JSON Web Key Set with public keys, chosen by the `kid` of the token."
            ) { !$0.isEmpty },
            .jwksURL(
                "auth.jwt.jwksUrl", \.auth.jwt.jwksUrl,
                "URL from which such a set is fetched, such as `https://login.example/.well-known/jwks.json`. While "
                    + "it cannot be reached, the keys fetched before stay valid."),
            .number(
                "auth.jwt.jwksRefreshSeconds", \.auth.jwt.jwksRefreshSeconds, 1...86_400, unit: "s",
                "Time between two fetches."),
            .number(
                "auth.jwt.jwksRetryMs", \.auth.jwt.jwksRetryMs, 100...3_600_000, unit: "ms",
                "Time until the next attempt after a failed fetch, and the shortest time between two fetches for "
                    + "tokens with an unknown key."),
            .list(
                "auth.jwt.issuer", \.auth.jwt.issuer,
                "Issuers: `iss` of a token must be one of them. An empty list takes any."),
            .list(
                "auth.jwt.audience", \.auth.jwt.audience,
                "Names of this service: `aud` of a token must contain one of them. An empty list takes any."),
            .number(
                "auth.jwt.leewaySeconds", \.auth.jwt.leewaySeconds, 0...600, unit: "s",
                "How far the clocks of the token issuers may be off."),
            .flag(
                "auth.jwt.requireExpiry", \.auth.jwt.requireExpiry,
                "Whether tokens that never expire (no `exp`) are refused."),
            .number(
                "auth.jwt.maxTokenBytes", \.auth.jwt.maxTokenBytes, 128...65_536, unit: "bytes",
                "Longest token that is accepted."),
            .text(
                "auth.jwt.authField", \.auth.jwt.authField, allowed: "a text",
                "Member of the client's `auth` that holds the token."
            ) { !$0.isEmpty },
            .flag(
                "auth.jwt.header", \.auth.jwt.header,
                "Whether the server takes the token from `Authorization: Bearer …` of the first request when `auth` "
                    + "has none."),
            .optionalText(
                "auth.jwt.queryParameter", \.auth.jwt.queryParameter, allowed: "the name of a query parameter",
                "Query parameter of the first request that may hold the token. Proxies log URLs, so it is better to "
                    + "have none."
            ) { SettingRules.isToken($0) },
            .optionalText(
                "auth.jwt.nameClaim", \.auth.jwt.nameClaim, allowed: "the name of a claim",
                "Claim with the name that a person has in the chat; without a value people choose their names."
            ) { !$0.isEmpty },
            .number(
                "auth.jwt.expiryWarningMs", \.auth.jwt.expiryWarningMs, 0...86_400_000, unit: "ms",
                "How long before its token expires a client gets `token_expiring`; 0 means never."),
            .number(
                "auth.jwt.expiryGraceMs", \.auth.jwt.expiryGraceMs, 0...86_400_000, unit: "ms",
                "How long after its token has expired, with the leeway, a client is disconnected, unless it has "
                    + "sent a fresh token with `token_renew`."),
        ])

    /// Changes while the server runs.
    static let reloading = Section(
        title: "Reload",
        settings: [
            .flag(
                "reload.watch", \.reload.watch,
                "Whether the server reads the settings again when their file, or a certificate or key file that "
                    + "they name, has changed; on SIGHUP it always does."),
            .number(
                "reload.intervalMs", \.reload.intervalMs, 50...3_600_000, unit: "ms",
                "How often the files are checked. A change is applied when it is at least that old."),
        ])
}

extension SettingDefinition {
    /// The URL of a key set. User and password in it are masked wherever it is shown.
    static func jwksURL(
        _ key: String, _ path: any WritableKeyPath<Settings, String?> & Sendable, _ summary: String
    ) -> Self {
        var setting = Self.optionalText(key, path, allowed: "a URL with https or http", summary) { text in
            guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
            return text.utf8.count > scheme.utf8.count && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
        setting.mask = RedisSettings.masked
        return setting
    }
}
