// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    private static let longest = Int(Int32.max)

    /// Which handshakes are accepted, and how clients are disconnected when the server stops.
    static let loadControl = Section(
        title: "Admission and drain",
        settings: [
            .optionalNumber(
                "admission.maxSessions", \.admission.maxSessions, 1...longest,
                "Largest number of open sessions; further handshakes are answered with 503 and `Retry-After`. "
                    + "Without a value it is 90 % of the limit of open files; the log line `listening` shows the "
                    + "number."),
            .optionalNumber(
                "admission.maxSessionsPerAddress", \.admission.maxSessionsPerAddress, 1...longest,
                "Largest number of open sessions of one address; further handshakes of that address are answered "
                    + "with 429 and `Retry-After`. Behind `trustedProxies` the client's address counts; IPv6 "
                    + "addresses count by their /64 network. Many people may share one address."),
            .optionalNumber(
                "admission.maxHandshakesPerSecond", \.admission.maxHandshakesPerSecond, 1...1_000_000,
                "Handshakes accepted per second and in one burst; further ones are answered with 503 and "
                    + "`Retry-After`. The limit keeps a storm of reconnecting clients from slowing down the "
                    + "connected ones."),
            .optionalNumber(
                "admission.maxHandshakesPerSecondPerAddress", \.admission.maxHandshakesPerSecondPerAddress,
                1...1_000_000,
                "Handshakes of one address accepted per second and in one burst; further ones are answered with 429 "
                    + "and `Retry-After`."),
            .number(
                "admission.maxPendingSessions", \.admission.maxPendingSessions, 1...longest,
                "Largest number of open sessions that have joined no namespace yet; when it is exceeded the server "
                    + "closes the oldest of them."),
            .number(
                "admission.maxPendingBytes", \.admission.maxPendingBytes, 65_536...1_099_511_627_776, unit: "bytes",
                "Memory that the kept parts of those sessions' request heads (`limits.keptHeaders`) may take "
                    + "together; when it is exceeded the server closes the oldest of these sessions."),
            .number(
                "drain.windowMs", \.drain.windowMs, 0...3_600_000, unit: "ms",
                "After SIGTERM or SIGINT, the time over which the server disconnects clients, each at a random "
                    + "moment. New clients are refused from the start."),
        ])

    /// The listener for operators.
    static let operations = Section(
        title: "Operations listener",
        settings: [
            .text(
                "operations.host", \.operations.host, allowed: "*, an address or a host name, without a port",
                "Address of the listener for `/metrics`, `/status`, `/loglevel`, `/healthz` and `/readyz`. One that is not "
                    + "loopback needs `operations.token`."
            ) { SettingRules.isListenHost($0) },
            .optionalNumber(
                "operations.port", \.operations.port, 0...65_535,
                "Port of that listener; 0 takes a free one and logs which. Without a value there is no such "
                    + "listener."),
            .optionalText(
                "operations.token", \.operations.token, allowed: "visible characters", secret: true,
                "Token that `/metrics` and `/loglevel` require as `Authorization: Bearer …`, and that the status "
                    + "page asks for. Without it everybody who can reach the listener may read, and nobody may "
                    + "change the log level."
            ) { !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } },
        ])
}
