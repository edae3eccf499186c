// Part of socketio-server, MIT licence; see LICENSE.

import Hummingbird
import SocketIOHummingbird
import SocketIOServer

/// A Hummingbird application and Socket.IO on one port.
///
/// `curl -X POST http://localhost:3000/news/open` sends an event to all clients.
func hummingbirdExample() -> Server {
    let io = Server()
    io.onConnection { socket in
        socket.on("hello") { (name: String) -> String in "Hello \(name)" }
    }

    let router = Router()
    router.get("/hello") { _, _ in "Hello" }
    router.post("/news/:text") { _, context in
        let text = try context.parameters.require("text")
        io.emit("news", text)
        return "sent to \(io.sockets.socketCount) clients of this server\n"
    }
    io.serve(router)
    return io  // try await io.run()
}
