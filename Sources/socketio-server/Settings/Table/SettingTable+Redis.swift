// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    private static let day = 86_400_000

    /// The cluster over Redis.
    static let redis = Section(
        title: "Redis",
        settings: [
            .url(
                "redis.url", \.redis.url,
                "Address of Redis: `redis://host:6379`, `rediss://` for TLS, `redis+unix:///run/redis.sock`, "
                    + "`redis+sentinel://host1,host2/name`, or `redis+cluster://host1,host2`. Passwords in it are masked, and not accepted in a "
                    + "flag."),
            .optionalText(
                "redis.user", \.redis.user, allowed: "a text",
                "ACL user. Without a value Redis uses the user "
                    + "`default`."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.password", \.redis.password, allowed: "a text", secret: true, "Password of that user."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.passwordFile", \.redis.passwordFile, allowed: "a file",
                "File that holds the password, which is how containers get their secrets; a line end after it is "
                    + "ignored."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.caFile", \.redis.caFile, allowed: "a file",
                "PEM file with the certificate authorities that may have signed Redis' certificate. Without a value "
                    + "the system's authorities are trusted."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.certificateFile", \.redis.certificateFile, allowed: "a file",
                "Certificate chain in PEM that the server presents to a Redis that asks for one."
            ) { !$0.isEmpty },
            .optionalText(
                "redis.keyFile", \.redis.keyFile, allowed: "a file", "Private key of that certificate, in PEM."
            ) { !$0.isEmpty },
            .text(
                "redis.keyPrefix", \.redis.keyPrefix, allowed: "a text without glob characters",
                "Prefix of all channel names. All nodes of a cluster need the same prefix; clusters that share a "
                    + "Redis need different ones."
            ) { !$0.isEmpty && $0.utf8.count <= 200 && !$0.contains(where: { "*?[]\\".contains($0) }) },
            .choice(
                "redis.subscriptionMode", \.redis.subscriptionMode,
                "With `adapter: redis-sharded`: which rooms have a channel of their own. `static`: none, so a node "
                    + "receives all broadcasts of its namespaces; `dynamic`: all but the one that each socket has to "
                    + "itself; `dynamic-private`: all. All nodes of a cluster need the same."),
            .text(
                "redis.streamName", \.redis.streamName, allowed: "a text of 1 to 200 bytes",
                "With `adapter: redis-streams`: name of the stream that carries the broadcasts. All nodes of a cluster "
                    + "need the same name; clusters that share a Redis need different ones."
            ) { !$0.isEmpty && $0.utf8.count <= 200 },
            .number(
                "redis.streamCount", \.redis.streamCount, 1...64,
                "Streams that the namespaces are divided among; with more than one, their names end in a hyphen and "
                    + "a number. All nodes of a cluster need the same number."),
            .number(
                "redis.streamMaxLength", \.redis.streamMaxLength, 1...100_000_000,
                "About how many broadcasts Redis keeps in a stream. A node that was away for more than that misses "
                    + "some, which it counts."),
            .number(
                "redis.streamPageSize", \.redis.streamPageSize, 1...5_000,
                "Largest number of broadcasts that the server reads from a stream at once."),
            .flag(
                "redis.streamPlaintext", \.redis.streamPlaintext,
                "Whether binary data is written to the stream as JSON. The clients of other nodes then get objects "
                    + "of the form `{\"type\":\"Buffer\",\"data\":[1,2,3]}` instead of binary data."),
            .number(
                "redis.requestsTimeoutMs", \.redis.requestsTimeoutMs, 1...day, unit: "ms",
                "How long a request to the other nodes, such as `fetchSockets`, waits for their responses."),
            .choice(
                "redis.onRequestTimeout", \.redis.onRequestTimeout,
                "What happens to such a request then: `fail` throws an error that names the missing nodes, "
                    + "`partial` returns the responses that have arrived."),
            .number(
                "redis.maxPendingRequests", \.redis.maxPendingRequests, 1...1_000_000,
                "Largest number of requests to other nodes that wait for responses at the same time; further ones "
                    + "fail immediately."),
            .flag(
                "redis.publishOnSpecificResponseChannel", \.redis.publishOnSpecificResponseChannel,
                "Whether responses to a Node.js server go to a channel of that server alone; old versions of its "
                    + "adapter do not subscribe to that channel."),
            .flag(
                "redis.fetchIncludesHeaders", \.redis.fetchIncludesHeaders,
                "Whether `fetchSockets` sends other nodes the HTTP headers of the handshakes."),
            .flag(
                "redis.required", \.redis.required,
                "Whether the server refuses to start without Redis; otherwise it serves its own clients and joins the "
                    + "cluster when Redis is there."),
            .number(
                "redis.startTimeoutMs", \.redis.startTimeoutMs, 1...day, unit: "ms",
                "With `redis.required`, how long the start waits for Redis."),
            .choice(
                "redis.outagePolicy", \.redis.outagePolicy,
                "What happens to messages for other nodes while Redis is away: they are queued and later sent in "
                    + "order, dropped as in Node.js, or dropped with an error thrown to callers that can catch "
                    + "one."),
            .number(
                "redis.outageQueueBytes", \.redis.outageQueueBytes, 0...1_073_741_824, unit: "bytes",
                "Largest size of that queue; the oldest messages are dropped to make room for newer ones."),
            .number(
                "redis.outageQueueMaxAgeMs", \.redis.outageQueueMaxAgeMs, 1...day, unit: "ms",
                "How old a queued message may become before it is dropped."),
            .number(
                "redis.maxMessageBytes", \.redis.maxMessageBytes, 65_536...536_870_912, unit: "bytes",
                "Largest message between nodes; every node of a cluster should have the same. A larger one is "
                    + "neither sent nor accepted; long responses to requests such as `fetchSockets` are sent in "
                    + "parts, except to Node.js servers."),
            .number(
                "redis.maxNesting", \.redis.maxNesting, 1...128,
                "Deepest nesting of arrays and objects in a message of another node; a deeper one is dropped."),
            .number(
                "redis.maxAttachments", \.redis.maxAttachments, 1...1_048_576,
                "Largest number of binary values in a message of another node; one with more is dropped."),
            .number(
                "redis.maxRooms", \.redis.maxRooms, 1...1_048_576,
                "Largest number of rooms, exceptions included, that a message of another node may name; one with more "
                    + "is dropped."),
            .number(
                "redis.maxPeers", \.redis.maxPeers, 1...1_048_576,
                "Largest number of other nodes that this one knows; heartbeats of further ones are ignored."),
            .number(
                "redis.maxPeerBytes", \.redis.maxPeerBytes, 65_536...1_073_741_824, unit: "bytes",
                "What other nodes may tell about themselves, all together; more is ignored."),
            .number(
                "redis.maxWaitingCommands", \.redis.maxWaitingCommands, 1...1_048_576,
                "Largest number of commands that wait for a connection to Redis; further ones fail."),
            .number(
                "redis.maxWaitingEntries", \.redis.maxWaitingEntries, 1...10_000_000,
                "With `adapter: redis-streams` and recovery, the largest number of broadcasts of a namespace that wait "
                    + "until its history has been read; with more, its clients get them at once."),
            .number(
                "redis.maxWaitingBytes", \.redis.maxWaitingBytes, 65_536...1_073_741_824, unit: "bytes",
                "Largest size of those commands, and of those broadcasts of a namespace."),
            .number(
                "redis.maxSessionBytes", \.redis.maxSessionBytes, 1_024...67_108_864, unit: "bytes",
                "With `adapter: redis-streams` and recovery, the largest record of a session, with its rooms and data, "
                    + "that Redis keeps; the client of a session with a larger one gets a new session when it returns "
                    + "to another node."),
            .number(
                "redis.heartbeatIntervalMs", \.redis.heartbeatIntervalMs, 50...3_600_000, unit: "ms",
                "Time between two heartbeats to the other nodes."),
            .number(
                "redis.peerTimeoutMs", \.redis.peerTimeoutMs, 100...3_600_000, unit: "ms",
                "How long another node may be silent before this node considers it gone; must be longer than the "
                    + "heartbeat interval."),
        ])
}

extension SettingDefinition {
    /// A URL that may contain passwords, which are masked wherever it is shown. The part that uses the URL checks its
    /// grammar later; its messages quote no secrets.
    static func url(
        _ key: String, _ path: any WritableKeyPath<Settings, String> & Sendable, _ summary: String
    ) -> Self {
        var setting = Self.text(key, path, allowed: "a URL", summary) { !$0.isEmpty }
        setting.mask = RedisSettings.masked
        return setting
    }
}
