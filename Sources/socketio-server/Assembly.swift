// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import NIOSSL

/// Turns settings into the objects that serve: the one file that knows every module.
enum Assembly {
    /// Whether a server could be built from the settings; builds everything that needs no port.
    static func check(_ loaded: LoadedSettings) throws {
        _ = try engineConfiguration(loaded.settings)
    }

    /// The engine's options, as the settings have them.
    static func engineConfiguration(_ settings: Settings) throws -> EngineConfiguration {
        var engine = EngineConfiguration()
        engine.path = settings.path
        engine.addTrailingSlash = settings.addTrailingSlash
        engine.destroyUpgrade = settings.destroyUpgrade
        engine.destroyUpgradeTimeout = milliseconds(settings.destroyUpgradeTimeoutMs)
        engine.pingInterval = milliseconds(settings.pingIntervalMs)
        engine.pingTimeout = milliseconds(settings.pingTimeoutMs)
        engine.upgradeTimeout = milliseconds(settings.upgradeTimeoutMs)
        engine.maxHttpBufferSize = settings.maxHttpBufferSize
        engine.transports = Set(settings.transports.compactMap { TransportName(rawValue: $0.rawValue) })
        engine.allowUpgrades = settings.allowUpgrades
        let compression = settings.httpCompression
        engine.httpCompression =
            compression.enabled
            ? HTTPCompressionConfiguration(threshold: compression.threshold, level: compression.level) : nil
        engine.cookie = cookie(settings.cookie)
        engine.cors = cors(settings.cors)
        if let tag = settings.nodeTag { engine.nodeTag = tag }
        engine.trustedProxies = settings.trustedProxies
        engine.serveClient = settings.client.enabled
        engine.clientDirectory = settings.client.directory
        engine.clientVersion = settings.client.version
        apply(settings.limits, to: &engine)
        return engine
    }

    private static func apply(_ limits: Settings.Limits, to engine: inout EngineConfiguration) {
        engine.maxRequestHeadSize = limits.maxRequestHeadSize
        engine.maxHeaders = limits.maxHeaders
        engine.headTimeout = milliseconds(limits.headTimeoutMs)
        engine.bodyTimeout = milliseconds(limits.bodyTimeoutMs)
        engine.keepAliveTimeout = milliseconds(limits.keepAliveTimeoutMs)
        engine.maxPacketsPerPayload = limits.maxPacketsPerPayload
        engine.maxFragmentsPerMessage = limits.maxFragmentsPerMessage
        engine.maxControlFramesPerSecond = limits.maxControlFramesPerSecond
        engine.maxBufferedBytes = limits.maxBufferedBytes
        engine.slowClientPolicy =
            switch limits.slowClientPolicy {
            case .disconnect: .disconnect
            case .dropOldest: .dropOldest
            case .dropNewest: .dropNewest
            }
    }

    private static func cookie(_ settings: Settings.Cookie) -> CookieConfiguration? {
        guard settings.enabled else { return nil }
        let secure: Bool? =
            switch settings.secure {
            case .auto: nil
            case .always: true
            case .never: false
            }
        let sameSite: CookieConfiguration.SameSite =
            switch settings.sameSite {
            case .lax: .lax
            case .strict: .strict
            case .none: .none
            }
        return CookieConfiguration(
            name: settings.name, path: settings.path, domain: settings.domain, maxAge: settings.maxAgeSeconds,
            httpOnly: settings.httpOnly, secure: secure, sameSite: sameSite)
    }

    private static func cors(_ settings: Settings.CORS) -> CORSConfiguration? {
        guard !settings.origin.isEmpty else { return nil }
        return CORSConfiguration(
            origin: settings.origin == ["*"] ? .any : .list(settings.origin), methods: settings.methods,
            allowedHeaders: settings.allowedHeaders.isEmpty ? nil : settings.allowedHeaders,
            exposedHeaders: settings.exposedHeaders, credentials: settings.credentials,
            maxAge: settings.maxAgeSeconds, enforce: settings.enforce)
    }

    private static func milliseconds(_ value: Int) -> TimeAmount {
        .milliseconds(Int64(value))
    }
}
