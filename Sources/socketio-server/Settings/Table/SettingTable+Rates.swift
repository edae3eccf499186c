// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// How much clients may send and request in a second.
    static let rates = Section(
        title: "Rates",
        settings: [
            .choice(
                "rates.action", \.rates.action,
                "What the server does when a client exceeds a rate: `delay` stops reading from it until it is back "
                    + "within the rate, `warn` sends it the event `rate_limited`, `drop` drops what exceeds the "
                    + "rate, `disconnect` closes its session."
            ),
            .number(
                "rates.burstSeconds", \.rates.burstSeconds, 1...3_600, unit: "s",
                "Size of a burst: after a pause a client may send as much at once as the rate allows in this many "
                    + "seconds."),
        ] + scope("session", \.rates.session, "one session")
            + scope("user", \.rates.user, "all sessions of one user, as identified by a token or the application")
            + scope(
                "address", \.rates.address,
                "all sessions of one address on this node (behind proxies set `trustedProxies`)"))

    private static func scope(
        _ name: String, _ path: any WritableKeyPath<Settings, Settings.Rates.Scope> & Sendable, _ whose: String
    ) -> [SettingDefinition] {
        let most = 1_000_000_000
        return [
            rate(
                "rates.\(name).eventsPerSecond", path, \.eventsPerSecond, most,
                "Packets of \(whose); 0 means no limit."),
            rate(
                "rates.\(name).bytesPerSecond", path, \.bytesPerSecond, 1 << 40, unit: "bytes",
                "Bytes of the messages of \(whose); 0 means no limit. A burst always holds one message of the "
                    + "largest size."
            ),
            rate(
                "rates.\(name).joinsPerSecond", path, \.joinsPerSecond, most,
                "Rooms joined by \(whose); 0 means no limit."),
            rate(
                "rates.\(name).connectsPerSecond", path, \.connectsPerSecond, most,
                "CONNECT packets of \(whose), whether accepted or not; 0 means no limit."),
            rate(
                "rates.\(name).questionsPerSecond", path, \.questionsPerSecond, most,
                "Requests to all servers, such as `fetchSockets`, that handlers send while they handle events of "
                    + "\(whose); 0 means no limit."),
        ]
    }

    private static func rate(
        _ key: String, _ scope: any WritableKeyPath<Settings, Settings.Rates.Scope> & Sendable,
        _ member: any WritableKeyPath<Settings.Rates.Scope, Int> & Sendable, _ most: Int, unit: String? = nil,
        _ summary: String
    ) -> SettingDefinition {
        SettingDefinition(
            key: key, kind: .number(0...most), isOptional: false, unit: unit, summary: summary, isSecret: false,
            read: { .number($0[keyPath: scope][keyPath: member]) },
            assign: { value, settings in
                if case .number(let number) = value { settings[keyPath: scope][keyPath: member] = number }
            })
    }
}
