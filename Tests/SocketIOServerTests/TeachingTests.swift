// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOServer

/// Calls that users of Socket.IO in other languages try first. An application that makes one does not compile, and the error
/// says what to write instead.
///
/// A function that is unavailable may call what is unavailable, so this one compiles as long as those declarations exist.
@available(*, unavailable)
private func callsOfOtherLanguages(io: Server, socket: Socket) async throws {
    io.on("connection") { socket in socket.join("room") }
    io.sockets.on("connection") { socket in socket.join("room") }
    io.of(/^\/x$/).on("connection") { socket in socket.join("room") }
    try await io.listen(3000)
    socket.emit("me", socket)
    socket.on("other") { (other: Socket) in other.join("room") }
}
