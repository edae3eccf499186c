// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import HiredisNIO
internal import NIOCore
internal import SocketIORedis

/// The settings of `redis.*` as the libraries take them.
enum RedisSettings {
    /// How to reach Redis.
    ///
    /// - Throws: `SettingsError` for a URL or a file that cannot be used; never with a password in it.
    static func redis(_ loaded: LoadedSettings) throws -> RedisConfiguration {
        let settings = loaded.settings.redis
        var problems: [SettingProblem] = []
        func report(_ key: String, _ message: String) {
            problems.append(SettingProblem(source: loaded.sources[key] ?? .defaults, key: key, message: message))
        }

        var redis = RedisConfiguration()
        do {
            redis = try RedisConfiguration(url: settings.url)
        } catch {
            report("redis.url", error.message)
            throw SettingsError(problems: problems)
        }
        if let password = settings.password { redis.password = RedisSecret(password) }
        if let file = settings.passwordFile {
            if let password = secret(in: file) {
                redis.password = RedisSecret(password)
            } else {
                report("redis.passwordFile", "no password in '\(file.escapingControlCharacters())'")
            }
        }
        if let user = settings.user {
            redis.username = user
            if redis.password == nil, problems.isEmpty {
                report("redis.user", "needs redis.password or redis.passwordFile")
            }
        }
        redis.maximumWaitingCommands = settings.maxWaitingCommands
        redis.maximumWaitingBytes = settings.maxWaitingBytes
        applyFiles(settings, to: &redis, report)
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        do {
            try redis.validate()
            _ = try redis.tls?.makeContext()
        } catch {
            report(error.code == .tls ? "redis.caFile" : "redis.url", error.description)
            throw SettingsError(problems: problems)
        }
        return redis
    }

    /// The streams, if the settings say that they are used.
    static func streams(_ settings: Settings) -> RedisStreams? {
        guard settings.adapter == .redisStreams else { return nil }
        var streams = RedisStreams()
        streams.name = settings.redis.streamName
        streams.count = settings.redis.streamCount
        streams.maxLength = settings.redis.streamMaxLength
        streams.pageSize = settings.redis.streamPageSize
        streams.onlyPlaintext = settings.redis.streamPlaintext
        streams.maxWaitingEntries = settings.redis.maxWaitingEntries
        streams.maxWaitingBytes = settings.redis.maxWaitingBytes
        streams.maxSessionBytes = settings.redis.maxSessionBytes
        streams.sharesSessionsWithNode = settings.recovery.shareWithNode
        return streams
    }

    /// Sharded publish/subscribe, if the settings say that it is used.
    static func sharded(_ settings: Settings) -> ShardedPubSub? {
        guard settings.adapter == .redisSharded else { return nil }
        let mode: ShardedPubSub.SubscriptionMode =
            switch settings.redis.subscriptionMode {
            case .static: .static
            case .dynamic: .dynamic
            case .dynamicPrivate: .dynamicPrivate
            }
        return ShardedPubSub(subscriptionMode: mode)
    }

    /// How this node takes part in the cluster.
    static func cluster(_ settings: Settings.Redis) -> RedisClusterConfiguration {
        var cluster = RedisClusterConfiguration()
        cluster.key = settings.keyPrefix
        cluster.requestsTimeout = milliseconds(settings.requestsTimeoutMs)
        cluster.onRequestTimeout =
            switch settings.onRequestTimeout {
            case .fail: .fail
            case .partial: .partial
            }
        cluster.maxPendingRequests = settings.maxPendingRequests
        cluster.publishOnSpecificResponseChannel = settings.publishOnSpecificResponseChannel
        cluster.fetchIncludesHeaders = settings.fetchIncludesHeaders
        cluster.maxMessageBytes = settings.maxMessageBytes
        cluster.maxNesting = settings.maxNesting
        cluster.maxAttachments = settings.maxAttachments
        cluster.maxRooms = settings.maxRooms
        cluster.maxPeers = settings.maxPeers
        cluster.maxPeerBytes = settings.maxPeerBytes
        cluster.heartbeatInterval = milliseconds(settings.heartbeatIntervalMs)
        cluster.peerTimeout = milliseconds(settings.peerTimeoutMs)
        cluster.outage = OutagePolicy(
            mode: mode(settings.outagePolicy), maximumBytes: settings.outageQueueBytes,
            maximumAge: milliseconds(settings.outageQueueMaxAgeMs))
        return cluster
    }

    /// The URL with `***` for every password in it, also when it is malformed.
    @Sendable
    static func masked(_ url: String) -> String {
        var result = url
        if let at = url.lastIndex(of: "@") {
            let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
            if start < at {
                let user = url[start..<at].prefix { $0 != ":" }
                // Without a colon the part in front of @ may as well be a password.
                let shown = user.endIndex == at ? "" : String(user)
                result = url[..<start] + shown + ":***" + url[at...]
            }
        }
        for name in ["sentinelPassword=", "password="] {
            guard let found = result.firstRange(of: name) else { continue }
            let end = result[found.upperBound...].firstIndex(of: "&") ?? result.endIndex
            result.replaceSubrange(found.upperBound..<end, with: "***")
        }
        return result
    }

    private static func applyFiles(
        _ settings: Settings.Redis, to redis: inout RedisConfiguration, _ report: (String, String) -> Void
    ) {
        for (key, file) in [
            ("redis.caFile", settings.caFile), ("redis.certificateFile", settings.certificateFile),
            ("redis.keyFile", settings.keyFile),
        ] {
            guard let file else { continue }
            if redis.tls == nil {
                report(key, "needs TLS, that is a redis.url with rediss://, rediss+cluster:// or rediss+sentinel://")
            } else if !FileManager.default.isReadableFile(atPath: file) {
                report(key, "no readable file '\(file.escapingControlCharacters())'")
            }
        }
        if settings.certificateFile != nil, settings.keyFile == nil {
            report("redis.certificateFile", "needs redis.keyFile as well")
        }
        if settings.keyFile != nil, settings.certificateFile == nil {
            report("redis.keyFile", "needs redis.certificateFile as well")
        }
        guard var tls = redis.tls else { return }
        if let file = settings.caFile { tls.caFile = file }
        if let file = settings.certificateFile { tls.certificateFile = file }
        if let file = settings.keyFile { tls.keyFile = file }
        redis.tls = tls
        if case .sentinel(var sentinels) = redis.endpoint, var ours = sentinels.tls {
            ours.caFile = tls.caFile
            ours.certificateFile = tls.certificateFile
            ours.keyFile = tls.keyFile
            sentinels.tls = ours
            redis.endpoint = .sentinel(sentinels)
        }
    }

    private static func secret(in file: String) -> String? {
        guard let data = FileManager.default.contents(atPath: file),
            var text = String(data: data, encoding: .utf8)
        else { return nil }
        while text.last?.isNewline == true { text.removeLast() }
        return text.isEmpty || text.contains(where: \.isNewline) ? nil : text
    }

    private static func mode(_ policy: Settings.Redis.OutagePolicy) -> OutagePolicy.Mode {
        switch policy {
        case .buffer: .buffer
        case .localOnly: .localOnly
        case .fail: .fail
        }
    }

    private static func milliseconds(_ value: Int) -> Duration { .milliseconds(value) }
}
