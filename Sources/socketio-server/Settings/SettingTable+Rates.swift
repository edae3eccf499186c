// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// How much clients may ask for.
    static let rates = Section(
        title: "Rates",
        settings: [
            .choice(
                "rates.action", \.rates.action,
                "What becomes of a client that goes over a rate: `delay` reads nothing more of it until it has paid, `warn` tells "
                    + "it with the event `rate_limited`, `drop` drops what is over the rate, `disconnect` closes its session."
            ),
            .number(
                "rates.burstSeconds", \.rates.burstSeconds, 1...3_600, unit: "s",
                "For how many seconds' worth a client may go ahead after a pause, in one burst."),
        ] + scope("session", \.rates.session, "one session")
            + scope("user", \.rates.user, "all sessions of a user, whom a token or the application names")
            + scope(
                "address", \.rates.address,
                "all sessions of an address on this node; behind proxies see `trustedProxies`"))

    private static func scope(
        _ name: String, _ path: any WritableKeyPath<Settings, Settings.Rates.Scope> & Sendable, _ whose: String
    ) -> [SettingDefinition] {
        let most = 1_000_000_000
        return [
            rate(
                "rates.\(name).eventsPerSecond", path, \.eventsPerSecond, most,
                "Packets of \(whose); 0 is no limit."),
            rate(
                "rates.\(name).bytesPerSecond", path, \.bytesPerSecond, 1 << 40, unit: "bytes",
                "Bytes of the messages of \(whose); 0 is no limit. A message of the largest size always fits into a burst."
            ),
            rate(
                "rates.\(name).joinsPerSecond", path, \.joinsPerSecond, most,
                "Rooms joined by \(whose); 0 is no limit."),
            rate(
                "rates.\(name).connectsPerSecond", path, \.connectsPerSecond, most,
                "Namespaces asked for by \(whose); 0 is no limit."),
            rate(
                "rates.\(name).questionsPerSecond", path, \.questionsPerSecond, most,
                "Questions to all servers, such as `fetchSockets`, in the name of \(whose); 0 is no limit."),
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
