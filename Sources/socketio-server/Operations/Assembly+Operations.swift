// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat
internal import EngineIOServer
internal import FailureText
internal import Logging
internal import NIOCore
internal import SocketIORedis
internal import SocketIOServer

extension Assembly {
    /// Starts the operations listener, if the settings name a port for it.
    ///
    /// - Throws: `ListenFailure` when the address cannot be had.
    func listenForOperations() async throws {
        guard let port = settings.operations.port, let metrics, let status else { return }
        let page = MetricsPage(
            registry: metrics, server: server, readiness: readiness, version: Version.current,
            cluster: cluster?.cluster)
        let token = OperationsToken(text: settings.operations.token)
        let pages = LogLevelEndpoint(
            token: token, initial: settings.log.level, logger: logger,
            next: StatusPage(next: MetricsEndpoint(path: "/metrics", token: token, page: page)))
        let hosts = OperationsHosts(hasToken: token.text != nil, configured: settings.operations.host)
        func checked(_ rest: some HTTPApplication) -> any HTTPApplication {
            HealthCheck(
                path: "/healthz",
                next: ReadinessCheck(
                    path: "/readyz", readiness: readiness, next: OperationsHostCheck(hosts: hosts, next: rest)))
        }
        status.server.application = api.map { checked(HTTPAPI(api: $0, next: pages)) } ?? checked(pages)
        let address: SocketAddress?
        do {
            address = try await status.server.listen(host: settings.operations.host, port: port)
        } catch {
            throw ListenFailure(
                message: "the operations listener has no address; change 'operations.host' or 'operations.port'",
                metadata: ["host": "\(settings.operations.host)", "port": "\(port)", "error": "\(failureText(error))"])
        }
        logger.info(
            "operations listener is up",
            metadata: ["host": "\(settings.operations.host)", "opsPort": "\(address?.port ?? port)"])
    }

    /// Watches for overload until it is cancelled.
    func watchOverload() -> Task<Void, Never> {
        server.measureLoopLag(every: .milliseconds(500))
        let watch = OverloadWatch(settings: settings.overload, server: server, readiness: readiness, logger: logger)
        return Task { await watch.run() }
    }

    /// Closes the server, and then the listener that can tell of it. The chat's store goes first, because its connection to Redis
    /// lives on an event loop of the server.
    func close() async {
        await chat?.close()
        await server.close()
        // Those who were disconnected just now are part of it.
        await webhooks?.close()
        await permissions?.close()
        await status?.server.close()
    }
}
