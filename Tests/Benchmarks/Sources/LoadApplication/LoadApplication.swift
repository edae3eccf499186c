// Part of socketio-server, MIT licence; see LICENSE.

package import SocketIOServer

/// What load generators drive: echoes, rooms and messages to them. Served by the conformance server as `--app bench`, and by
/// `measure` for its own clients.
package enum LoadApplication {
    /// Registers the handlers.
    package static func install(on io: Server) {
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
