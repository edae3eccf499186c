// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import FailureText
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import ServiceLifecycle
internal import SocketIORedis
internal import SocketIOServer

/// The cluster in the life of the process: tells readiness of its state, which the library logs itself, and logs who
/// comes and goes.
final class ClusterOperation: Sendable {
    /// The part of ``Readiness`` this speaks for.
    static let part = "redis"

    let cluster: RedisCluster
    private let settings: Settings.Redis
    private let readiness: Readiness
    private let logger: Logger
    private let sessions: SessionCounter

    /// Makes the cluster; nothing is connected until a server is made with its adapter.
    ///
    /// - Throws: `SettingsError` for settings that cannot work.
    init(_ loaded: LoadedSettings, readiness: Readiness, logger: Logger) throws {
        let sessions = SessionCounter()
        var configuration = RedisSettings.cluster(loaded.settings.redis)
        configuration.streams = RedisSettings.streams(loaded.settings)
        configuration.sharded = RedisSettings.sharded(loaded.settings)
        configuration.sessionCount = { sessions.count }
        configuration.secret = loaded.settings.cluster.secret.map { ForwardingKey($0) }
        let redis = try RedisSettings.redis(loaded)
        do {
            cluster = try RedisCluster(redis: redis, configuration: configuration)
        } catch {
            throw SettingsError(problems: [SettingProblem(source: .defaults, key: "redis", message: "\(error)")])
        }
        settings = loaded.settings.redis
        self.readiness = readiness
        self.logger = logger
        self.sessions = sessions
        readiness.degrade(Self.part, reason: ClusterStatus.connecting.description)
        cluster.onStatus { [weak self] status in self?.changed(to: status) }
    }

    /// The server whose sessions are counted for the other nodes.
    func attach(_ server: Server) { sessions.attach(server) }

    /// Waits for Redis when the settings say that there is no serving without.
    ///
    /// - Throws: `ListenFailure` when it does not come in time.
    func waitIfRequired() async throws {
        guard settings.required else { return }
        let limit = Duration.milliseconds(settings.startTimeoutMs)
        if cluster.status != .up {
            logger.info("waiting for Redis, as redis.required says", metadata: ["ms": "\(settings.startTimeoutMs)"])
        }
        do {
            try await cancelWhenGracefulShutdown { [cluster] in try await cluster.waitUntilUp(within: limit) }
        } catch is CancellationError {
            // Told to end while it waits: the caller ends as always.
        } catch {
            throw ListenFailure(
                message: "no Redis, and redis.required is true; check redis.url, or set redis.required to false to "
                    + "serve without until it is there",
                metadata: ["url": "\(RedisSettings.masked(settings.url))", "error": "\(failureText(error))"])
        }
    }

    /// Logs nodes that come and go until the task is cancelled. `onChange` runs when what is known of other nodes may be
    /// out of date: after one has come or gone, and when they are heard again.
    func watchNodes(on eventLoop: any EventLoop, onChange: @Sendable () async -> Void) async {
        let log = RateLimitedLogger<OperationsLogKind>(logger, eventLoop: eventLoop)
        var known: NameDictionary<ClusterNode> = [:]
        var wasUp = false
        while !Task.isCancelled {
            let isUp = cluster.status == .up
            let nodes = NameDictionary(cluster.nodes.map { ($0.id, $0) }) { first, _ in first }
            let came = nodes.values.filter { known[$0.id] == nil }
            let gone = known.values.filter { nodes[$0.id] == nil }
            for node in came { log.log(.nodeJoined, level: .info, metadata(node, nodes.count)) }
            for node in gone { log.log(.nodeGone, level: .info, metadata(node, nodes.count)) }
            if !came.isEmpty || !gone.isEmpty || isUp && !wasUp { await onChange() }
            known = nodes
            wasUp = isUp
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    private func metadata(_ node: ClusterNode, _ others: Int) -> Logger.Metadata {
        ["node": "\(node.tag)", "nodes": "\(others + 1)"]
    }

    private func changed(to status: ClusterStatus) {
        switch status {
        case .up: readiness.recover(Self.part)
        case .connecting, .degraded, .down: readiness.degrade(Self.part, reason: status.description)
        case .closed: break
        }
    }
}

/// Counts the sessions of a server that is made after the cluster that wants to know. Weak, since the server holds the
/// cluster.
private final class SessionCounter: Sendable {
    private struct Reference: Sendable {
        weak var server: Server?
    }

    private let reference = NIOLockedValueBox(Reference())

    var count: Int { reference.withLockedValue { $0.server }?.engine.clientsCount ?? 0 }

    func attach(_ server: Server) { reference.withLockedValue { $0.server = server } }
}
