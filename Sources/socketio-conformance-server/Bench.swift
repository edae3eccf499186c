// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
package import SocketIOServer

/// `bench`: what load generators drive, with default options.
package enum Bench: SocketApplication {
    package static func configuration(_ settings: ApplicationSettings) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.engine = settings.engine(pingInterval: .seconds(25), pingTimeout: .seconds(20), cors: nil)
        return configuration
    }

    package static func install(on io: Server, _ settings: ApplicationSettings) {
        io.onConnection { socket in
            socket.on("echo", arguments: { arguments, ack in ack(relaying: arguments) })
            socket.on("join") { (room: String) -> Bool in
                socket.join(room)
                return true
            }
            socket.on("leave") { (room: String) -> Bool in
                socket.leave(room)
                return true
            }
            socket.on("msg") { (room: String, payload: RawJSON) in
                io.to(room).emit("msg", payload)
            }
        }
    }
}
