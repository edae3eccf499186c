// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Foundation
internal import SocketIOServer

/// What must hold between settings, after each one has been found good by itself.
struct SettingsValidation {
    private(set) var problems: [SettingProblem] = []
    private let sources: [String: SettingSource]

    init(settings: Settings, sources: [String: SettingSource]) {
        self.sources = sources
        checkTLS(settings.tls)
        checkCORS(settings.cors)
        checkCookie(settings.cookie)
        checkPaths(settings)
        checkOperations(settings.operations)
        checkAPI(settings)
        checkWebhooks(settings.webhooks)
        checkPermissions(settings)
        checkProxies(settings)
        checkKeptHeaders(settings.limits.keptHeaders)
        checkRedis(settings.redis)
        checkRedisCluster(settings)
        checkSharedSessions(settings)
        checkAuth(settings.auth.jwt)
        checkSlowClients(settings.limits)
    }

    private mutating func checkSlowClients(_ limits: Settings.Limits) {
        // The default of one setting may exceed another bound that was lowered; that is no mistake and has no effect.
        if limits.slowClientBytes > limits.maxBufferedBytes, sources["limits.slowClientBytes"] != nil {
            report(
                "limits.slowClientBytes",
                "must not be above limits.maxBufferedBytes (\(limits.maxBufferedBytes)), at which a client is given up")
        }
        if limits.maxBufferedBytes > limits.maxTotalBufferedBytes {
            report(
                "limits.maxTotalBufferedBytes",
                "must not be below limits.maxBufferedBytes (\(limits.maxBufferedBytes)), which one client may take")
        }
    }

    private mutating func checkTLS(_ tls: Settings.TLS) {
        if tls.certificateFile != nil, tls.keyFile == nil {
            report("tls.certificateFile", "needs tls.keyFile as well")
        }
        if tls.keyFile != nil, tls.certificateFile == nil {
            report("tls.keyFile", "needs tls.certificateFile as well")
        }
        if tls.keyPassword != nil, tls.keyFile == nil {
            report("tls.keyPassword", "needs tls.keyFile, whose password it is")
        }
        for (key, file) in [("tls.certificateFile", tls.certificateFile), ("tls.keyFile", tls.keyFile)] {
            guard let file, !FileManager.default.isReadableFile(atPath: file) else { continue }
            report(key, "no readable file '\(file.escapingControlCharacters())'")
        }
    }

    private mutating func checkCORS(_ cors: Settings.CORS) {
        for origin in cors.origin where !SettingRules.isOrigin(origin) {
            report(
                "cors.origin",
                "'\(origin.escapingControlCharacters())' is no origin as browsers send it; allowed: '*', 'null', or scheme and "
                    + "host in small letters without a default port and a path, such as 'https://example.org'")
        }
        if cors.origin.contains("*"), cors.origin.count > 1 {
            report("cors.origin", "'*' stands for every origin and must be alone")
        }
        // Browsers refuse this pair, and an answer that gets around it would open the server to every page.
        if cors.credentials, cors.origin.contains("*") {
            report("cors.credentials", "cannot be true for every origin; name the origins in cors.origin")
        }
        for method in cors.methods where !SettingRules.isToken(method) {
            report("cors.methods", "'\(method.escapingControlCharacters())' is not the name of a method")
        }
        for (key, names) in [
            ("cors.allowedHeaders", cors.allowedHeaders), ("cors.exposedHeaders", cors.exposedHeaders),
        ] {
            for name in names where !SettingRules.isToken(name) {
                report(key, "'\(name.escapingControlCharacters())' is not the name of a header")
            }
        }
    }

    private mutating func checkCookie(_ cookie: Settings.Cookie) {
        if cookie.mode != .off, cookie.sameSite == .none, cookie.secure == .never {
            report("cookie.sameSite", "browsers take 'none' with cookie.secure only")
        }
    }

    private mutating func checkPaths(_ settings: Settings) {
        let engine = settings.path.hasSuffix("/") ? String(settings.path.dropLast()) : settings.path
        for (key, path) in [("health.path", settings.health.path), ("health.readyPath", settings.health.readyPath)] {
            guard let path else { continue }
            if path == engine || path.hasPrefix(engine + "/") {
                report(key, "lies under path ('\(settings.path)'), where the engine answers")
            }
            if path == "/", settings.chat.enabled {
                report(key, "'/' is the page of the chat; choose another path or set chat.enabled to false")
            }
        }
        if let path = settings.health.readyPath, path == settings.health.path {
            report("health.readyPath", "is the same as health.path")
        }
    }

    private mutating func checkRedis(_ redis: Settings.Redis) {
        if redis.password != nil, redis.passwordFile != nil {
            report("redis.passwordFile", "cannot be given together with redis.password")
        }
        if redis.peerTimeoutMs <= redis.heartbeatIntervalMs {
            report("redis.peerTimeoutMs", "must be longer than redis.heartbeatIntervalMs")
        }
        if case .flag = sources["redis.url"], RedisSettings.masked(redis.url) != redis.url {
            report(
                "redis.url",
                "a password is not accepted in a flag, which other users could read; use redis.passwordFile, "
                    + "SOCKETIO_REDIS_PASSWORD, SOCKETIO_REDIS_URL or the file")
        }
    }

    private mutating func checkSharedSessions(_ settings: Settings) {
        guard settings.recovery.shareWithNode else { return }
        if settings.adapter != .redisStreams || !settings.recovery.enabled {
            report("recovery.shareWithNode", "needs adapter: redis-streams and recovery.enabled: true")
        }
    }

    /// What works with one Redis and not with a Redis Cluster.
    private mutating func checkRedisCluster(_ settings: Settings) {
        let scheme = settings.redis.url.prefix { $0 != ":" }.lowercased()
        guard scheme == "redis+cluster" || scheme == "rediss+cluster" else { return }
        if settings.adapter == .redisStreams {
            report(
                "adapter", "redis-streams does not work with a Redis Cluster (redis.url); use redis-sharded or redis")
        }
        if settings.durableRooms.enabled, settings.adapter == .redisSharded {
            report(
                "durableRooms.enabled",
                "rooms have no history with adapter: redis-sharded on a Redis Cluster (redis.url); use adapter: redis")
        }
        let usesRedis = settings.chat.store == .redis || settings.chat.store == .auto && settings.adapter.isShared
        if settings.chat.enabled, usesRedis {
            report(
                "chat.store",
                "the chat cannot keep its history in a Redis Cluster (redis.url); set chat.store to memory or sqlite, or "
                    + "chat.enabled to false")
        }
    }

    private mutating func checkAuth(_ jwt: Settings.JWT) {
        if jwt.secret != nil, jwt.secretFile != nil {
            report("auth.jwt.secretFile", "cannot be given together with auth.jwt.secret")
        }
        let keys = [jwt.secret, jwt.secretFile, jwt.publicKeyFile, jwt.jwksFile, jwt.jwksUrl]
        if jwt.mode != .off, keys.allSatisfy({ $0 == nil }) {
            report(
                "auth.jwt.mode",
                "needs keys: auth.jwt.secret, secretFile, publicKeyFile, jwksFile or jwksUrl")
        }
    }

    private mutating func checkProxies(_ settings: Settings) {
        for proxy in settings.trustedProxies where !TrustedProxies.isAddressOrNetwork(proxy) {
            report(
                "trustedProxies",
                "'\(proxy.escapingControlCharacters())' is no address and no network; allowed: addresses such as 10.0.0.7 or "
                    + "fd00::7, and networks such as 10.0.0.0/8 or fd00::/8")
        }
        if settings.proxyProtocol, settings.trustedProxies.isEmpty {
            report("proxyProtocol", "needs trustedProxies, whose connections it is about")
        }
    }

    private mutating func checkKeptHeaders(_ names: [String]) {
        if names.contains("*"), names.count > 1 {
            report("limits.keptHeaders", "'*' stands for every header and must be alone")
        }
        for name in names where name != "*" && !SettingRules.isToken(name) {
            report("limits.keptHeaders", "'\(name.escapingControlCharacters())' is not the name of a header")
        }
    }

    private mutating func checkOperations(_ operations: Settings.Operations) {
        guard operations.port != nil, operations.token == nil, !SettingRules.isLoopback(operations.host) else { return }
        report("operations.host", "is not loopback and needs operations.token: metrics are not for everybody")
    }

    private mutating func checkAPI(_ settings: Settings) {
        var names: NameSet = []
        for (index, text) in settings.api.tokens.enumerated() {
            guard let token = APIToken(text) else {
                // The text is not repeated: it holds a secret.
                report("api.tokens", "number \(index + 1) must be \(APIToken.form)")
                continue
            }
            if !names.insert(token.name).inserted {
                report("api.tokens", "number \(index + 1) has the name '\(token.name)' of another one")
            }
        }
        if !settings.api.tokens.isEmpty, settings.operations.port == nil, !settings.api.publicListener {
            report("api.tokens", "needs operations.port, or api.publicListener: no listener would answer the API")
        }
        if settings.api.publicListener, settings.api.tokens.isEmpty {
            report("api.publicListener", "needs api.tokens: without them there is no API")
        }
    }

    private mutating func checkWebhooks(_ webhooks: Settings.Webhooks) {
        if webhooks.url != nil, webhooks.secret == nil {
            report("webhooks.url", "needs webhooks.secret: without a signature the receiver would believe everybody")
        }
        let tellsEvents = webhooks.events.contains(.event)
        if tellsEvents, webhooks.eventNames.isEmpty {
            report("webhooks.events", "needs webhooks.eventNames for 'event'")
        }
        if !tellsEvents, !webhooks.eventNames.isEmpty {
            report("webhooks.eventNames", "needs 'event' in webhooks.events")
        }
    }

    private mutating func checkPermissions(_ settings: Settings) {
        for text in settings.rooms.allow {
            do throws(RoomRule.Malformed) {
                _ = try RoomRule(text)
            } catch {
                report("rooms.allow", "'\(text.escapingControlCharacters())' \(error.reason)")
            }
        }
        let callback = settings.callback
        for (key, url) in [("callback.connectUrl", callback.connectUrl), ("callback.roomUrl", callback.roomUrl)]
        where url != nil && callback.secret == nil {
            report(key, "needs callback.secret: without a signature the program would answer everybody")
        }
        for name in callback.headers where !SettingRules.isToken(name) {
            report("callback.headers", "'\(name.escapingControlCharacters())' is not the name of a header")
        }
        guard settings.chat.enabled else { return }
        for (key, isSet) in [
            ("rooms.allow", !settings.rooms.allow.isEmpty), ("callback.roomUrl", callback.roomUrl != nil),
        ] where isSet {
            report(key, "needs chat.enabled: false: the chat decides itself who is in its rooms")
        }
    }

    private mutating func report(_ key: String, _ message: String) {
        problems.append(SettingProblem(source: sources[key] ?? .defaults, key: key, message: message))
    }
}
