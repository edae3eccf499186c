// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    private static let longest = Int(Int32.max)

    /// Who is let in, and how those inside are sent away.
    static let loadControl = Section(
        title: "Admission and drain",
        settings: [
            .optionalNumber(
                "admission.maxSessions", \.admission.maxSessions, 1...longest,
                "Sessions that may be open; further handshakes are answered 503 with `Retry-After`. Without a number it is 90 % of "
                    + "the limit of open files, as the line `listening` in the log says."),
            .optionalNumber(
                "admission.maxSessionsPerAddress", \.admission.maxSessionsPerAddress, 1...longest,
                "Sessions that one address may have open; further handshakes from there are answered 429 with `Retry-After`. "
                    + "Behind `trustedProxies` it is the address of the client; IPv6 addresses count by their /64 network. Many "
                    + "people may share one address."),
            .optionalNumber(
                "admission.maxHandshakesPerSecond", \.admission.maxHandshakesPerSecond, 1...1_000_000,
                "Handshakes let in per second and in one burst; further ones are answered 503 with `Retry-After`. Keeps a "
                    + "storm of returning clients from slowing down those who are connected."),
            .optionalNumber(
                "admission.maxHandshakesPerSecondPerAddress", \.admission.maxHandshakesPerSecondPerAddress,
                1...1_000_000,
                "The same for one address; further handshakes from there are answered 429 with `Retry-After`."),
            .number(
                "admission.maxPendingSessions", \.admission.maxPendingSessions, 1...longest,
                "Sessions that may be open and have joined no namespace yet; over it the oldest of them is ended."),
            .number(
                "admission.maxPendingBytes", \.admission.maxPendingBytes, 65_536...1_099_511_627_776, unit: "bytes",
                "Memory that the request heads of such sessions may take together, as far as they are kept "
                    + "(`limits.keptHeaders`); over it the oldest of them is ended."),
            .number(
                "drain.windowMs", \.drain.windowMs, 0...3_600_000, unit: "ms",
                "After SIGTERM or SIGINT, the time over which clients are sent away, each at its own moment. New ones are "
                    + "refused from the start."),
        ])

    /// The listener for those who run the server.
    static let operations = Section(
        title: "Operations listener",
        settings: [
            .text(
                "operations.host", \.operations.host, allowed: "an address or a host name",
                "Address of the listener for `/metrics`, `/status`, `/loglevel`, `/healthz` and `/readyz`. One that is not "
                    + "loopback needs `operations.token`."
            ) { !$0.isEmpty && !$0.contains(where: \.isWhitespace) },
            .optionalNumber(
                "operations.port", \.operations.port, 0...65_535,
                "Its port; 0 takes a free one and logs which. Without a port there is no such listener."),
            .optionalText(
                "operations.token", \.operations.token, allowed: "visible characters", secret: true,
                "What `/metrics` and `/loglevel` want to see as `Authorization: Bearer …`, and what the status page asks for; "
                    + "without one everybody who reaches the listener may look, and nobody may change the level of the log."
            ) { !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } },
        ])
}
