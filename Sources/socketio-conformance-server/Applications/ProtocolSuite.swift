// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
package import SocketIOServer

/// `protocol`: what the Socket.IO v5 protocol suite talks to.
package enum ProtocolSuite: SocketApplication {
    package static func configuration(_ settings: ApplicationSettings) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.engine = settings.engine(
            pingInterval: .milliseconds(300), pingTimeout: .milliseconds(200), cors: CORSConfiguration())
        configuration.connectTimeout = .seconds(1)
        return configuration
    }

    package static func install(on io: Server, _ settings: ApplicationSettings) {
        io.onConnection { socket in
            socket.emit("auth", socket.handshake.auth)
            socket.on("message", arguments: { arguments, _ in socket.emit("message-back", arguments: arguments) })
            socket.on("message-with-ack", arguments: { arguments, ack in ack(relaying: arguments) })
        }
        io.of("/custom").onConnection { socket in
            socket.emit("auth", socket.handshake.auth)
        }
    }
}
