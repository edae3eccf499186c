// Part of socketio-server, MIT licence; see LICENSE.

// Nothing else: the package is built with MemberImportVisibility, so this file does not compile if an application needs more.
import SocketIOServer
import Testing

@Suite struct OneImportTests {
    @Test("an application imports one module")
    func application() async throws {
        var configuration = ServerConfiguration()
        configuration.connectTimeout = .seconds(10)
        configuration.engine.pingInterval = .milliseconds(25_000)
        configuration.logger.logLevel = .critical
        configuration.engine.logger = configuration.logger
        let io = Server(configuration: configuration)
        io.onRequest { request in
            guard request.method == .GET else { return .text("", status: .methodNotAllowed) }
            return .text(request.headers.first(name: "host") ?? "", status: .ok)
        }
        io.onConnection { socket in
            socket.on("agent") { () -> String in socket.handshake.headers.first(name: "user-agent") ?? "" }
            socket.on("bytes") { (data: SocketData) -> Int in data.buffer.readableBytes }
            socket.on("loop") { () -> Bool in socket.eventLoop.inEventLoop }
        }
        let port = try await io.listen()?.port
        #expect(port != nil)
        await io.close()
    }
}
