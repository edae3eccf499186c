// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoadApplication
internal import NIOCore
package import SocketIOServer

/// `bench`: what load generators drive, with default options.
package enum LoadApp: SocketApplication {
    package static func configuration(_ settings: ApplicationSettings) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.engine = settings.engine(pingInterval: .seconds(25), pingTimeout: .seconds(20), cors: nil)
        return configuration
    }

    package static func install(on io: Server, _ settings: ApplicationSettings) { LoadApplication.install(on: io) }
}
