// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOJWT
import SocketIOServer

/// Only clients with a JSON Web Token may connect: `io({ auth: { token } })`. Everyone is in a room named after the subject of
/// their token, so that users can write to each other on all their devices.
///
/// - Parameter secret: The secret of the service that signs the tokens, at least 32 bytes for HS256.
func tokenExample(secret: String) async throws -> Server {
    let keys = try await TokenKeys.secret(Array(secret.utf8), algorithms: [.hs256])
    var options = TokenAuthentication.Options()
    options.rules.algorithms = [.hs256]
    options.rules.audiences = ["chat"]
    options.rules.requiresExpiry = true
    let authentication = TokenAuthentication(keys: TokenKeyRing(keys), options: options)

    let io = Server()
    // Before other middlewares and handlers, so that these see authenticated clients only.
    authentication.protect(io.sockets)
    io.onConnection { socket in
        guard let user = socket.tokenClaims?.subject else { return socket.disconnect() }
        socket.join("user:" + user)
        socket.on("whisper") { (other: String, text: String) throws -> Bool in
            guard other.utf8.count <= 100, text.utf8.count <= 2_000 else { throw EventError("too long") }
            io.to("user:" + other).emit("whisper", user, text)
            return true
        }
    }
    return io  // try await io.run()
}
