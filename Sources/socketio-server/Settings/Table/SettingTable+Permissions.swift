// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// Who may join what, and who is asked about it.
    static let permissions = Section(
        title: "Permissions",
        settings: [
            .list(
                "rooms.allow", \.rooms.allow,
                "Which rooms of `/` clients may join by themselves, with the event `room_join` "
                    + "([permissions.md](permissions.md)): each text is a pattern and, after blanks, conditions, such as "
                    + "`team:{teams} role=admin|owner`. Needs `chat.enabled: false`."),
            .optionalText(
                "callback.connectUrl", \.callback.connectUrl, allowed: "an http or https address",
                "Program that is asked by `POST` whether a client may connect, after its token has been verified. Without a "
                    + "value nobody is asked."
            ) { SettingRules.isWebAddress($0) },
            .optionalText(
                "callback.roomUrl", \.callback.roomUrl, allowed: "an http or https address",
                "Program that is asked whether a client may join a room that no rule of `rooms.allow` lets it join. Needs "
                    + "`chat.enabled: false`."
            ) { SettingRules.isWebAddress($0) },
            .optionalText(
                "callback.secret", \.callback.secret, allowed: "16 or more visible characters", secret: true,
                "Key of the signature that each request has, as for webhooks (`openssl rand -hex 24`)."
            ) { $0.utf8.count >= 16 && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } },
            .list(
                "callback.headers", \.callback.headers,
                "Headers of a client's first request that the program is told, of those that `limits.keptHeaders` keeps."
            ),
            .number(
                "callback.timeoutMs", \.callback.timeoutMs, 10...600_000, unit: "ms",
                "How long an answer may take, to its last byte; then the client is refused."),
            .number(
                "callback.cacheMs", \.callback.cacheMs, 0...86_400_000, unit: "ms",
                "How long the answer to a question holds for the same question; 0 asks each time."),
            .number(
                "callback.cacheBytes", \.callback.cacheBytes, 65_536...1_099_511_627_776, unit: "bytes",
                "Memory for these answers, for each of the two programs; the oldest go first."),
            .number(
                "callback.maxConnections", \.callback.maxConnections, 1...10_000,
                "Largest number of connections to each of the two programs, which is the number of requests at a time."),
            .number(
                "callback.maxWaiting", \.callback.maxWaiting, 1...1_000_000,
                "Largest number of clients that wait for an answer of each of the two programs; further ones are refused."
            ),
        ])
}
