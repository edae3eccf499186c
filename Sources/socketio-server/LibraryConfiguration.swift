// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import SocketIOServer

/// The libraries' options, as the settings have them.
enum LibraryConfiguration {
    /// What a `Server` is made with.
    ///
    /// - Throws: `SettingsError` when the libraries, which look more closely, find fault with it.
    static func make(_ loaded: LoadedSettings) throws -> ServerConfiguration {
        let settings = loaded.settings
        var server = ServerConfiguration()
        server.engine = engine(settings)
        server.engine.tls = try TLSFiles.configuration(loaded)
        server.host = settings.host
        server.port = settings.port
        server.eventLoops = settings.eventLoops == 0 ? min(64, System.coreCount) : settings.eventLoops
        server.parser = PacketParser(rawValue: settings.parser.rawValue) ?? .default
        server.connectTimeout = milliseconds(settings.connectTimeoutMs)
        server.acknowledgementTimeout = settings.ackTimeoutMs.map(milliseconds)
        server.cleanupEmptyChildNamespaces = settings.cleanupEmptyChildNamespaces
        server.maxDynamicNamespaces = settings.maxDynamicNamespaces
        server.maxNamespacesPerClient = settings.limits.maxNamespacesPerClient
        server.maxNameLength = settings.limits.maxNameLength
        server.maxRooms = settings.limits.maxRooms
        server.maxRoomsPerSocket = settings.limits.maxRoomsPerSocket
        server.maxAttachments = settings.limits.maxAttachments
        server.attachmentTimeout = milliseconds(settings.limits.attachmentTimeoutMs)
        server.maxPacketBytes = settings.limits.maxPacketBytes
        server.maxNesting = settings.limits.maxNesting
        server.maxKeyLength = settings.limits.maxKeyLength
        server.maxEventNameLength = settings.limits.maxEventNameLength
        server.maxAuthBytes = settings.limits.maxAuthBytes
        server.maxAuthBytesPerClient = settings.limits.maxAuthBytesPerClient
        server.maxPendingAcknowledgements = settings.limits.maxPendingAcks
        server.maxWaitingEvents = settings.limits.maxWaitingEvents
        server.maxWaitingBytes = settings.limits.maxWaitingBytes
        server.maxRunningHandlers = settings.limits.maxRunningHandlers
        server.handlerGrace = milliseconds(settings.handlerGraceMs)
        server.slowHandlerWarning = settings.slowHandlerMs.map(milliseconds)
        server.cancelsHandlersAtDisconnect = settings.cancelHandlersAtDisconnect
        server.rates = rates(settings.rates)
        server.connectionStateRecovery = recovery(settings.recovery)
        server.durableRooms = durableRooms(settings.durableRooms)
        server.logger = LineLogHandler.logger(label: "socketio.server", settings: settings.log)
        try validate(server, loaded)
        return server
    }

    private static func validate(_ server: ServerConfiguration, _ loaded: LoadedSettings) throws {
        var texts: [String] = []
        do {
            try server.engine.validate()
        } catch let error as EngineConfigurationError {
            texts += error.problems
        }
        do {
            try server.validate()
        } catch let error as SocketError {
            texts.append(error.message)
        }
        guard !texts.isEmpty else { return }
        throw SettingsError(
            problems: texts.map { text in
                // Their sentences begin with the option, which is called like the setting.
                let name = String(text.prefix { $0 != " " })
                return SettingProblem(source: loaded.sources[name] ?? .defaults, key: nil, message: text)
            })
    }

    private static func engine(_ settings: Settings) -> EngineConfiguration {
        var engine = EngineConfiguration()
        engine.logger = LineLogHandler.logger(label: "socketio.engine", settings: settings.log)
        engine.observer = AccessLog(settings.log, node: settings.nodeTag ?? engine.nodeTag)
        engine.path = settings.path
        engine.addTrailingSlash = settings.addTrailingSlash
        engine.destroyUpgrade = settings.destroyUpgrade
        engine.destroyUpgradeTimeout = milliseconds(settings.destroyUpgradeTimeoutMs)
        engine.allowEIO3 = settings.allowEIO3
        engine.pingInterval = milliseconds(settings.pingIntervalMs)
        engine.pingTimeout = milliseconds(settings.pingTimeoutMs)
        engine.upgradeTimeout = milliseconds(settings.upgradeTimeoutMs)
        engine.maxHttpBufferSize = settings.maxHttpBufferSize
        engine.transports = settings.transports.compactMap { TransportName(rawValue: $0.rawValue) }
        engine.allowUpgrades = settings.allowUpgrades
        let compression = settings.httpCompression
        engine.httpCompression =
            compression.enabled
            ? HTTPCompressionConfiguration(threshold: compression.threshold, level: compression.level) : nil
        let deflate = settings.perMessageDeflate
        engine.perMessageDeflate =
            deflate.enabled ? PerMessageDeflateConfiguration(threshold: deflate.threshold, level: deflate.level) : nil
        engine.cookie = cookie(settings.cookie)
        engine.cors = cors(settings.cors)
        if let tag = settings.nodeTag { engine.nodeTag = tag }
        engine.nodeTagHeader = settings.nodeTagHeader
        engine.maxSessions = settings.admission.maxSessions
        engine.maxSessionsPerAddress = settings.admission.maxSessionsPerAddress
        engine.maxHandshakesPerSecond = settings.admission.maxHandshakesPerSecond
        engine.maxHandshakesPerSecondPerAddress = settings.admission.maxHandshakesPerSecondPerAddress
        engine.maxPendingSessions = settings.admission.maxPendingSessions
        engine.maxPendingBytes = settings.admission.maxPendingBytes
        engine.trustedProxies = settings.trustedProxies
        engine.proxyProtocol = settings.proxyProtocol
        engine.serveClient = settings.client.enabled
        engine.clientDirectory = ClientDirectory.find(settings.client.directory)
        apply(settings.limits, to: &engine)
        return engine
    }

    private static func apply(_ limits: Settings.Limits, to engine: inout EngineConfiguration) {
        engine.maxRequestHeadSize = limits.maxRequestHeadSize
        engine.maxHeaders = limits.maxHeaders
        engine.keptHeaders = limits.keptHeaders == ["*"] ? .all : .only(limits.keptHeaders)
        engine.headTimeout = milliseconds(limits.headTimeoutMs)
        engine.bodyTimeout = milliseconds(limits.bodyTimeoutMs)
        engine.keepAliveTimeout = milliseconds(limits.keepAliveTimeoutMs)
        engine.sendTimeout = milliseconds(limits.sendTimeoutMs)
        engine.maxPacketsPerPayload = limits.maxPacketsPerPayload
        engine.maxFragmentsPerMessage = limits.maxFragmentsPerMessage
        engine.maxControlFramesPerSecond = limits.maxControlFramesPerSecond
        engine.maxUnhandledInputBytes = limits.maxUnhandledInputBytes
        engine.slowClientBytes = limits.slowClientBytes
        engine.slowClientTimeout = milliseconds(limits.slowClientTimeoutMs)
        engine.maxBufferedBytes = limits.maxBufferedBytes
        engine.maxTotalBufferedBytes = limits.maxTotalBufferedBytes
        engine.slowClientPolicy =
            switch limits.slowClientPolicy {
            case .disconnect: .disconnect
            case .dropOldest: .dropOldest
            case .dropNewest: .dropNewest
            }
    }

    private static func cookie(_ settings: Settings.Cookie) -> CookieConfiguration? {
        let value: CookieConfiguration.Value
        switch settings.mode {
        case .off: return nil
        case .tag: value = .tag
        case .sid: value = .sid
        }
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
            name: settings.name, value: value, path: settings.path, domain: settings.domain,
            maxAge: settings.maxAgeSeconds.map { .seconds($0) },
            httpOnly: settings.httpOnly, secure: secure, sameSite: sameSite)
    }

    private static func cors(_ settings: Settings.CORS) -> CORSConfiguration {
        let origin: CORSConfiguration.Origin =
            switch settings.origin {
            case []: .sameHost
            case ["*"]: .any
            default: .list(settings.origin)
            }
        return CORSConfiguration(
            origin: origin, methods: settings.methods,
            allowedHeaders: settings.allowedHeaders.isEmpty ? nil : settings.allowedHeaders,
            exposedHeaders: settings.exposedHeaders, credentials: settings.credentials,
            maxAge: settings.maxAgeSeconds.map { .seconds($0) }, enforce: settings.enforce)
    }

    private static func milliseconds(_ value: Int) -> Duration {
        .milliseconds(value)
    }
}
