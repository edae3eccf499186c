// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
package import SocketIOServer

/// An application on the whole Socket.IO server.
package protocol SocketApplication {
    /// The server's configuration, the command line's wishes included.
    static func configuration(_ settings: ApplicationSettings) -> ServerConfiguration
    /// Registers namespaces and handlers.
    static func install(on io: Server, _ settings: ApplicationSettings)
}

extension SocketApplication {
    static func start(_ settings: ApplicationSettings) async throws -> RunningApplication {
        var configuration = configuration(settings)
        configuration.eventLoops = settings.eventLoops
        configuration.logger.logLevel = .error
        settings.configureServer(&configuration)
        let io = Server(configuration: configuration)
        io.application = ConformanceApplication.other
        install(on: io, settings)
        do {
            let address = try await io.listen(host: settings.host, port: settings.port)
            return RunningApplication(
                port: address?.port ?? 0, clientsCount: { io.engine.clientsCount }, stop: { await io.close() })
        } catch {
            await io.close()
            throw error
        }
    }
}
