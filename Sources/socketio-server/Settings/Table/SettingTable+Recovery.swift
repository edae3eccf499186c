// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// How clients continue their session after a lost connection.
    static let recovery = Section(
        title: "Connection state recovery",
        settings: [
            .flag(
                "recovery.enabled", \.recovery.enabled,
                "Whether clients continue their session when they come back after a lost connection: with the same id, "
                    + "rooms and data, and with the events they have missed. Clients of version 4.6 and later can."),
            .number(
                "recovery.maxDisconnectionDurationMs", \.recovery.maxDisconnectionDurationMs, 1...86_400_000,
                unit: "ms",
                "How long after its loss a session can be continued."),
            .flag(
                "recovery.skipMiddlewares", \.recovery.skipMiddlewares,
                "Whether the middlewares of the application are left out for clients that continue their session. Tokens "
                    + "are always looked at."),
            .number(
                "recovery.maxPackets", \.recovery.maxPackets, 0...10_000_000,
                "Events that each namespace keeps for clients that come back."),
            .number(
                "recovery.maxBytes", \.recovery.maxBytes, 0...1_099_511_627_776, unit: "bytes",
                "Bytes of the events that each namespace keeps, with the names of their rooms."),
            .number(
                "recovery.maxTotalBytes", \.recovery.maxTotalBytes, 0...1_099_511_627_776, unit: "bytes",
                "Bytes of the events that all namespaces keep together. Over it those with the most drop their oldest ones."
            ),
            .number(
                "recovery.maxSessions", \.recovery.maxSessions, 0...10_000_000,
                "Lost sessions that are kept; the oldest gives way."),
            .number(
                "recovery.maxSessionBytes", \.recovery.maxSessionBytes, 0...1_099_511_627_776, unit: "bytes",
                "About how much memory lost sessions may need, with their rooms and data; the oldest gives way. Sessions "
                    + "that are kept in Redis do not count."),
            .number(
                "recovery.maxReplayPackets", \.recovery.maxReplayPackets, 0...10_000_000,
                "Events that one client may have missed; with more it gets a new session."),
            .number(
                "recovery.maxReplayBytes", \.recovery.maxReplayBytes, 0...1_099_511_627_776, unit: "bytes",
                "Bytes of the events that one client may have missed; with more it gets a new session."),
            .optionalText(
                "recovery.failedEvent", \.recovery.failedEvent, allowed: "the name of an event",
                "Event that tells a client why its session could not be continued. Without a value it is told nothing."
            ) { !$0.isEmpty && $0.utf8.count <= 256 },
            .flag(
                "recovery.shareWithNode", \.recovery.shareWithNode,
                "Whether clients may continue their sessions between this server and Node.js servers on the same stream; the "
                    + "same on all nodes. Needs `adapter: redis-streams` and `recovery.enabled: true`. Sessions from Node.js "
                    + "are bound to no namespace and no user."),
        ])
}
