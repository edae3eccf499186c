// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import Foundation
import NIOCore
import NIOHTTP1
import SocketIOServer
import SocketIOTesting

extension ServerUnderTest {
    /// The application the recordings were made with, on one of their server configurations.
    static func vectors(_ name: String, loops: Int, _ body: Body) async throws {
        let files = try ClientFileStandIns()
        defer { files.remove() }
        try await socketIO(
            loops: loops,
            configure: {
                $0.engine.clientDirectory = files.directory
                configure(&$0, name)
            },
            setup: install, body: body)
    }

    private static func install(on io: Server) {
        io.onRequest { _ in
            ApplicationResponse(status: .notFound, body: ByteBuffer(string: "not handled by socket.io"))
        }
        io.onConnection { socket in
            socket.emit("hello", 1)
            socket.on(
                "echo",
                arguments: { arguments, ack in
                    if ack.isRequested {
                        ack(relaying: arguments)
                    } else {
                        socket.emit("echo", arguments: arguments)
                    }
                })
            socket.on("big") { (count: Int) in socket.emit("big", String(repeating: "x", count: count)) }
            socket.on("bin") { () in socket.emit("bin", SocketData([1, 2, 3])) }
            socket.on("bye") { (close: Bool) in socket.disconnect(close: close) }
        }
        _ = io.of("/admin")
        io.of("/deny").use { _ in throw ConnectError("not allowed", data: ["code": "E001"]) }
    }

    private static func configure(_ server: inout ServerConfiguration, _ name: String) {
        switch name {
        case "fast-ping":
            // Ten times those of the recorded server, see `VectorScenario.slowedDown`.
            server.engine.pingInterval = .milliseconds(1_200)
            server.engine.pingTimeout = .milliseconds(800)
            server.connectTimeout = .milliseconds(2_000)
        case "cors-star": server.engine.cors = CORSConfiguration()
        case "cors-origin":
            server.engine.cors = CORSConfiguration(
                origin: .exactly("http://example.com"), methods: ["GET", "POST"], allowedHeaders: ["my-header"],
                credentials: true, enforce: false)
        case "cors-list":
            server.engine.cors = CORSConfiguration(
                origin: .list(["http://a.example", "http://b.example"]), enforce: false)
        case "cors-reflect":
            // `reflect` with credentials is refused as a configuration; the closure says the same knowingly.
            server.engine.cors = CORSConfiguration(origin: .matching { _ in true }, credentials: true)
        case "allow-request":
            server.engine.allowRequest = { $0.headers.contains(name: "x-ok") ? .allow : .refuse("my reason") }
        case "allow-request-false": server.engine.allowRequest = { _ in .refuse() }
        case "cookie-true": server.engine.cookie = CookieConfiguration()
        case "cookie-obj":
            server.engine.cookie = CookieConfiguration(
                name: "my", path: "/p", maxAge: .seconds(1000), httpOnly: false, secure: true, sameSite: .strict)
        case "small": server.engine.maxHttpBufferSize = 50
        case "noclient": server.engine.serveClient = false
        case "path": server.engine.path = "/my/ws/"
        case "no-slash": server.engine.addTrailingSlash = false
        case "ws-only": server.engine.transports = [.websocket]
        case "polling-only": server.engine.transports = [.polling]
        case "no-upgrades": server.engine.allowUpgrades = false
        case "deflate": server.engine.perMessageDeflate = PerMessageDeflateConfiguration()
        case "no-compress": server.engine.httpCompression = nil
        case "middleware":
            server.engine.middlewares = [
                { info in
                    info.headers.contains(name: "x-block")
                        ? .respond(
                            status: .serviceUnavailable, headers: ["x-mw": "1"], body: ByteBuffer(string: "blocked"))
                        : .next(["x-mw": "1"])
                }
            ]
            server.engine.initialHeaders = { headers, _ in headers.add(name: "x-initial", value: "yes") }
            server.engine.headers = { headers, _ in headers.add(name: "x-each", value: "yes") }
        default: break
        }
    }
}

/// Small files in the place of the browser client's: the recordings compare headers, not the client itself.
private struct ClientFileStandIns {
    let directory: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("client-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        directory = url.path
        for base in ["socket.io", "socket.io.min", "socket.io.esm.min", "socket.io.msgpack.min"] {
            for name in ["\(base).js", "\(base).js.map"] {
                try Data(String(repeating: "/* \(name) */", count: 20).utf8).write(to: url.appendingPathComponent(name))
                // Only served, never read here.
                try Data("compressed".utf8).write(to: url.appendingPathComponent("\(name).br"))
            }
        }
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: directory)
    }
}
