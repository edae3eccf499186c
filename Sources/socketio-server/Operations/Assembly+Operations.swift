// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import SocketIOServer

extension Assembly {
    /// Listens for those who run the server, if the settings name a port for it.
    ///
    /// - Throws: `ListenFailure` when the address cannot be had.
    func listenForOperations() async throws {
        guard let port = settings.operations.port, let metrics else { return }
        let page = MetricsPage(
            registry: metrics, server: server, readiness: readiness, version: Version.current)
        let application = HealthCheck(
            path: "/healthz",
            next: ReadinessCheck(
                path: "/readyz", readiness: readiness,
                next: MetricsEndpoint(path: "/metrics", token: settings.operations.token, page: page)))
        let address: SocketAddress?
        do {
            address = try await server.listen(host: settings.operations.host, port: port, only: application)
        } catch {
            throw ListenFailure(
                message: "the operations listener has no address; change 'operations.host' or 'operations.port'",
                metadata: ["host": "\(settings.operations.host)", "port": "\(port)", "error": "\(error)"])
        }
        server.measureLoopLag(every: .milliseconds(500))
        logger.info(
            "operations listener is up",
            metadata: ["host": "\(settings.operations.host)", "opsPort": "\(address?.port ?? port)"])
    }
}
