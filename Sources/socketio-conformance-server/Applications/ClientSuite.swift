// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Foundation
internal import NIOCore
package import SocketIOServer

/// `client-suite`: what the official client's own tests talk to.
package enum ClientSuite: SocketApplication {
    package static func configuration(_ settings: ApplicationSettings) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.engine = settings.engine(pingInterval: .seconds(2), pingTimeout: .seconds(20), cors: nil)
        configuration.engine.allowRequest = { _ in
            // The application's own latency, which the suite asks for.
            try? await Task.sleep(for: .milliseconds(10))
            return .allow
        }
        return configuration
    }

    package static func install(on io: Server, _ settings: ApplicationSettings) {
        io.use { socket in
            if socket.handshake.query["fail"] != nil { throw ConnectError("Auth failed (main namespace)") }
        }
        io.of("/no").use { _ in throw ConnectError("Auth failed (custom namespace)") }
        for name in ["/timeout_socket", "/valid", "/asd"] { _ = io.of(name) }
        io.of("/foo").onConnection { socket in
            socket.on("getId") { () -> String in socket.id }
        }
        io.of("/abc").onConnection { socket in
            socket.emit("handshake", socket.handshake.value)
        }
        io.onConnection { socket in
            installCalls(on: socket)
            installDates(on: socket)
            installBinary(on: socket)
        }
    }

    private static func installCalls(on socket: Socket) {
        socket.on("hi") { () in socket.emit("hi") }
        socket.on("echo") { (value: RawJSON) -> RawJSON in value }
        socket.on("ack") { () in
            socket.emit(
                "ack",
                ack: { result in
                    guard let arguments = try? result.get(), arguments[0].int == 5,
                        arguments[1]["test"]?.bool == true
                    else { return }
                    socket.emit("got it")
                })
        }
        socket.on("getHandshake") { () -> SocketValue in socket.handshake.value }
        socket.on("getId") { () -> String in socket.id }
        socket.on("getUtf8") { () in
            for text in ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"] {
                socket.emit("takeUtf8", text)
            }
        }
        socket.on("false") { () in socket.emit("false", false) }
    }

    private static func installDates(on socket: Socket) {
        @Sendable func now() -> String { Date().ISO8601Format(.init(includingFractionalSeconds: true)) }
        socket.on("getAckDate") { (_: SocketValue) -> String in now() }
        socket.on("getDate") { () in socket.emit("takeDate", now()) }
        socket.on("getDateObj") { () in socket.emit("takeDateObj", ["date": now()]) }
    }

    private static func installBinary(on socket: Socket) {
        let bytes = SocketData("asdfasdf".utf8)
        socket.on("doge") { () in socket.emit("doge", bytes) }
        socket.on("getbin") { () in socket.emit("takebin", bytes) }
        socket.on("buffa") { (value: SocketValue) in
            if value.binary != nil { socket.emit("buffack") }
        }
        for name in ["jsonbuff", "jsonblob"] {
            socket.on(name) { (value: SocketValue) in
                guard value["hello"] == "lol", value["message"]?.binary != nil, value["goodbye"] == "gotcha" else {
                    return
                }
                socket.emit("\(name)-ack")
            }
        }
        socket.on("abuff1") { (value: SocketValue) in
            guard value.binary != nil else { return }
            socket.once("abuff2") { (_: SocketValue) in socket.emit("abuff2-ack") }
        }
        socket.on("blob") { (value: SocketValue) in
            if value.binary != nil { socket.emit("back") }
        }
        socket.on("blob1") { (first: SocketValue) in
            guard first.binary != nil else { return }
            socket.once("blob2") { (second: SocketValue) in
                guard second == "second" else { return }
                socket.once("blob3") { (third: SocketValue) in
                    if third.binary != nil { socket.emit("blob3-ack") }
                }
            }
        }
    }
}
