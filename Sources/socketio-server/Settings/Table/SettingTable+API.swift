// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// The HTTP API.
    static let api = Section(
        title: "HTTP API",
        settings: [
            .list(
                "api.tokens", \.api.tokens, secret: true,
                "Who may use the HTTP API below `/api/` ([http-api.md](http-api.md)), which is off without any: each text is "
                    + "`name:scopes:secret`, where the scopes are some of `emit`, `manage`, `read` and `history`, joined by `+`, and the "
                    + "secret has at least 16 visible characters (`openssl rand -hex 24`). The name appears in the log."
            ),
            .flag(
                "api.publicListener", \.api.publicListener,
                "Whether the public listener (`port`) answers the HTTP API, too. The operations listener always does."),
            .number(
                "api.maxBodyBytes", \.api.maxBodyBytes, 1_024...268_435_456, unit: "bytes",
                "Longest body of a request; a longer one is answered with 413."),
            .number(
                "api.maxBatch", \.api.maxBatch, 1...10_000,
                "Largest number of operations in one request to `/api/batch`."),
            .number(
                "api.maxAckTimeoutMs", \.api.maxAckTimeoutMs, 1...3_600_000, unit: "ms",
                "Longest time that a request may wait for the acknowledgements of its event."),
        ])
}
