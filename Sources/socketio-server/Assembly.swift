// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat
internal import EngineIOServer
internal import Hummingbird
internal import Logging
internal import SocketIOHummingbird
internal import SocketIORedis
internal import SocketIOServer

/// Builds the object graph: the one file that knows every module.
struct Assembly {
    let settings: Settings
    let logger: Logger
    let server: Server
    let readiness: Readiness
    /// What the process counts; nil when nobody asks.
    let metrics: MetricRegistry?
    /// Nil for a node on its own.
    let cluster: ClusterOperation?
    /// Nil when the chat is off.
    let chat: Chat?
    /// Nil when clients show no tokens.
    let authentication: JWTOperation?
    /// The HTTP API; nil when nobody may use it.
    let api: HTTPAPICore?
    /// Nil when clients may connect, and join no rooms by themselves.
    let permissions: Permissions?
    /// Nil when nobody wants to be told what happens.
    let webhooks: WebhookOperation?
    /// The operations listener; nil when there is none.
    let status: StatusServer?
    /// systemd, if it has started this process.
    let serviceManager = ServiceManager()

    /// Puts everything together; nothing listens yet.
    ///
    /// - Throws: `SettingsError` for settings that only the parts themselves can find fault with.
    init(_ loaded: LoadedSettings, metrics: MetricRegistry? = nil) async throws {
        self.metrics = metrics
        settings = loaded.settings
        logger = LineLogHandler.logger(label: "socketio-server", settings: settings.log)
        readiness = Readiness(refusesWhenOverloaded: settings.overload.notReady)
        var configuration = try LibraryConfiguration.make(loaded)
        switch settings.adapter {
        case .memory:
            cluster = nil
        case .redis, .redisSharded, .redisStreams:
            let cluster = try ClusterOperation(loaded, readiness: readiness, logger: logger)
            configuration.adapter = cluster.cluster.adapter
            configuration.engine.forwarding = ForwardingSettings.configuration(
                settings.cluster, directory: cluster.cluster)
            self.cluster = cluster
        }
        server = Server(configuration: configuration)
        cluster?.attach(server)
        if cluster != nil, settings.cluster.secret == nil {
            logger.warning(
                "nodes believe everybody who can publish to Redis: cluster.secret is not set",
                metadata: [
                    "advice": "give all nodes the same secret: openssl rand -base64 32"
                ])
        }
        if !settings.cors.enforce, settings.cors.origin != ["*"] {
            logger.warning("every page of the web may connect: cors.enforce is false")
        }
        let (readiness, logger) = (readiness, logger)
        let authentication = try await JWTPolicy.make(loaded).map {
            JWTOperation($0, readiness: readiness, logger: logger)
        }
        authentication?.protect(server)
        self.authentication = authentication
        let permissions = Permissions(settings, logger: logger, eventLoop: server.someEventLoop)
        permissions?.protect(server.sockets)
        self.permissions = permissions
        status =
            metrics == nil
            ? nil
            : StatusServer(
                settings, token: OperationsToken(text: settings.operations.token),
                feed: StatusFeed(server: server, readiness: readiness, cluster: cluster?.cluster), logger: logger)
        webhooks = WebhookOperation(
            settings.webhooks, node: server.configuration.engine.nodeTag, logger: logger,
            subject: { authentication?.login(of: $0)?.subject ?? permissions?.subject(of: $0) })
        webhooks?.attach(to: server)
        api = HTTPAPICore.make(settings, server: server, logger: logger)
        let router = Router(context: BasicRequestContext.self, options: [.autoGenerateHeadEndpoints])
        if settings.chat.enabled {
            let reports = RateLimitedLogger<ChatLogKind>(logger, eventLoop: server.someEventLoop)
            let chat = Chat(
                io: server, store: try ChatStore.make(loaded, eventLoop: server.someEventLoop, logger: logger),
                identify: { authentication?.login(of: $0) },
                onReport: { report in ChatStore.log(report, to: reports) })
            authentication?.protect(chat.communities)
            permissions?.protect(chat.communities)
            chat.mount()
            ChatPages(requiresLogin: loaded.settings.auth.jwt.mode == .required).addRoutes(to: router)
            self.chat = chat
        } else {
            chat = nil
        }
        let pages = HummingbirdApplication(responder: router.buildResponder(), logger: logger)
        if let api, settings.api.publicListener {
            server.application = Self.checks(settings.health, readiness, before: HTTPAPI(api: api, next: pages))
        } else {
            server.application = Self.checks(settings.health, readiness, before: pages)
        }
    }

    /// Follows the membership of the cluster until it is cancelled; nil for a node on its own.
    func watchCluster() -> Task<Void, Never>? {
        guard let cluster else { return nil }
        return Task { await cluster.watchNodes(on: server.someEventLoop) { await chat?.refresh() } }
    }

    /// Delivers webhooks until it is cancelled.
    func deliverWebhooks() -> Task<Void, Never>? { webhooks.map { webhooks in Task { await webhooks.run() } } }

    /// Removes old messages of the chat until it is cancelled.
    func maintainChat() -> Task<Void, Never>? { chat.map { chat in Task { await chat.maintain() } } }

    /// Whether a server could be built from the settings, without the threads of one.
    ///
    /// - Parameter unused: whether settings of Redis are looked at that are without effect, because `adapter` is `memory`.
    /// - Throws: `SettingsError` with all that the parts find fault with.
    static func check(_ loaded: LoadedSettings, unused: Bool = true) async throws {
        let problems = await problemsOfFiles(loaded, unused: unused)
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        _ = try LibraryConfiguration.make(loaded)
    }

    /// What is wrong with the files and addresses that the settings name.
    static func problemsOfFiles(_ loaded: LoadedSettings, unused: Bool = true) async -> [SettingProblem] {
        var problems: [SettingProblem] = []
        func collect(_ check: () async throws -> Void) async {
            do {
                try await check()
            } catch let error as SettingsError {
                problems += error.problems
            } catch {
                problems.append(SettingProblem(source: .defaults, key: nil, message: "\(error)"))
            }
        }
        await collect { _ = try TLSFiles.configuration(loaded) }
        await collect { _ = try await JWTPolicy.make(loaded) }
        let namesRedis = loaded.sources.keys.contains { $0.hasPrefix("redis.") }
        if loaded.settings.adapter.isShared || unused && namesRedis {
            await collect { _ = try RedisSettings.redis(loaded) }
        }
        return problems
    }

    /// The paths that tell of the server's health, and behind them everything else.
    private static func checks(
        _ settings: Settings.Health, _ readiness: Readiness, before pages: some HTTPApplication
    ) -> any HTTPApplication {
        switch (settings.path, settings.readyPath) {
        case (nil, nil): pages
        case (let path?, nil): HealthCheck(path: path, next: pages)
        case (nil, let ready?): ReadinessCheck(path: ready, readiness: readiness, next: pages)
        case (let path?, let ready?):
            HealthCheck(path: path, next: ReadinessCheck(path: ready, readiness: readiness, next: pages))
        }
    }
}
