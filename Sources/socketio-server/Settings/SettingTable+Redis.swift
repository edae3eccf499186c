// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    private static let day = 86_400_000

    /// The cluster over Redis.
    static let redis = Section(
        title: "Redis",
        settings: [
            .url(
                "redis.url", \.redis.url,
                "Where Redis is: `redis://host:6379`, `rediss://` for TLS, `redis+unix:///run/redis.sock`, or "
                    + "`redis+sentinel://host1,host2/name`. Passwords in it are masked, and not accepted in a flag."),
            .optionalText(
                "redis.user", \.redis.user, allowed: "a text", "ACL user; without one, Redis takes `default`."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.password", \.redis.password, allowed: "a text", secret: true, "Password of that user."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.passwordFile", \.redis.passwordFile, allowed: "a file",
                "File that holds the password, as containers get their secrets; a line end behind it is ignored."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.caFile", \.redis.caFile, allowed: "a file",
                "Certificates in PEM of those who may have signed that of Redis; without, those the system trusts."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.certificateFile", \.redis.certificateFile, allowed: "a file",
                "Certificate chain in PEM to show to a Redis that asks for one."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.keyFile", \.redis.keyFile, allowed: "a file", "Private key of that certificate, in PEM."
            ) { !$0.isEmpty },
            .text(
                "redis.keyPrefix", \.redis.keyPrefix, allowed: "a text without glob characters",
                "First part of all channel names; every node of a cluster needs the same, and clusters that share a "
                    + "Redis different ones."
            ) { !$0.isEmpty && $0.utf8.count <= 200 && !$0.contains(where: { "*?[]\\".contains($0) }) },
            .number(
                "redis.requestsTimeoutMs", \.redis.requestsTimeoutMs, 1...day, unit: "ms",
                "How long a question to the other nodes, such as `fetchSockets`, waits for their answers."),
            .choice(
                "redis.onRequestTimeout", \.redis.onRequestTimeout,
                "What such a question does then: fail, naming who is missing, or return what there is."),
            .number(
                "redis.maxPendingRequests", \.redis.maxPendingRequests, 1...1_000_000,
                "Questions to the other nodes that may wait for answers at once; further ones fail at once."),
            .flag(
                "redis.publishOnSpecificResponseChannel", \.redis.publishOnSpecificResponseChannel,
                "Whether answers to Node.js servers go to a channel of the asking one alone, which old versions of their "
                    + "adapter do not listen to."),
            .flag(
                "redis.fetchIncludesHeaders", \.redis.fetchIncludesHeaders,
                "Whether `fetchSockets` tells other nodes the HTTP headers of the handshakes."),
            .flag(
                "redis.required", \.redis.required,
                "Whether the server refuses to start without Redis; otherwise it serves its own clients and joins the "
                    + "cluster when Redis is there."),
            .number(
                "redis.startTimeoutMs", \.redis.startTimeoutMs, 1...day, unit: "ms",
                "With `redis.required`, how long the start waits for Redis."),
            .choice(
                "redis.outagePolicy", \.redis.outagePolicy,
                "What happens to messages for other nodes while Redis is lost: they wait and are sent in order, are lost "
                    + "as with Node.js, or are lost with an error where a caller can be told."),
            .number(
                "redis.outageQueueBytes", \.redis.outageQueueBytes, 0...1_073_741_824, unit: "bytes",
                "Most bytes that wait; the oldest messages make room for newer ones."),
            .number(
                "redis.outageQueueMaxAgeMs", \.redis.outageQueueMaxAgeMs, 1...day, unit: "ms",
                "How old a waiting message may become before it is dropped."),
            .number(
                "redis.maxMessageBytes", \.redis.maxMessageBytes, 65_536...536_870_912, unit: "bytes",
                "Largest message between nodes; every node of a cluster should have the same. A larger one is neither taken "
                    + "nor sent; long answers to questions such as `fetchSockets` go to nodes of this kind in parts."),
            .number(
                "redis.maxNesting", \.redis.maxNesting, 1...128,
                "Deepest nesting of arrays and objects in a message of another node; a deeper one is dropped."),
            .number(
                "redis.heartbeatIntervalMs", \.redis.heartbeatIntervalMs, 50...3_600_000, unit: "ms",
                "Time between two signs of life to the other nodes."),
            .number(
                "redis.peerTimeoutMs", \.redis.peerTimeoutMs, 100...3_600_000, unit: "ms",
                "How long another node may be silent before it counts as gone; longer than the interval."),
        ])
}

extension SettingDefinition {
    /// A URL in which passwords can stand: they are masked wherever it is shown. Its grammar is checked later, by the part
    /// that will use it, whose messages quote no secrets.
    static func url(
        _ key: String, _ path: any WritableKeyPath<Settings, String> & Sendable, _ summary: String
    ) -> Self {
        var setting = Self.text(key, path, allowed: "a URL", summary) { !$0.isEmpty }
        setting.mask = RedisSettings.masked
        return setting
    }
}
