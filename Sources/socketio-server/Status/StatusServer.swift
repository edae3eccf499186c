// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import SocketIOServer

/// The server behind the operations listener: a Socket.IO server of its own, which sends ``StatusReport``s and takes
/// nothing.
///
/// Not a namespace of the public server, since then it would depend on a check at each connection whether the status can
/// be seen from outside: this one has its own sessions, its own thread, and no listener but that of `operations.port`. It
/// is not counted in the metrics.
struct StatusServer: Sendable {
    /// The page, and below it the engine.
    static let path = "/status"

    let server: Server
    let feed: StatusFeed

    /// - Parameter token: asked for at the connection to the namespace, since a page cannot set headers.
    init(_ settings: Settings, token: OperationsToken, feed: StatusFeed, logger: Logger) {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        var configuration = ServerConfiguration()
        configuration.eventLoops = 1
        configuration.logger = quiet
        // Who has not shown the token by then is not going to.
        configuration.connectTimeout = .seconds(5)
        configuration.engine.logger = quiet
        configuration.engine.isCounted = false
        // Operators who look for the reason must be able to connect while clients are refused.
        configuration.engine.leavesDescriptors = false
        configuration.engine.warnsOfMissingClientFiles = false
        configuration.engine.path = Self.path + "/socket.io"
        configuration.engine.destroyUpgrade = false
        configuration.engine.maxHttpBufferSize = 16_384
        // A page that hides or goes should not be reported to for long.
        configuration.engine.pingInterval = .seconds(10)
        configuration.engine.pingTimeout = .seconds(10)
        configuration.engine.maxSessions = 64
        configuration.engine.maxHandshakesPerSecond = 32
        configuration.engine.clientDirectory = ClientDirectory.find(settings.client.directory)
        let gate = StatusGate(
            hosts: OperationsHosts(hasToken: token.text != nil, configured: settings.operations.host))
        configuration.engine.allowRequest = { gate.allows($0) ? .allow : .refuse("Not from this page") }
        server = Server(configuration: configuration)
        self.feed = feed
        server.use { socket in
            guard token.allows(socket.handshake.auth["token"]?.string) else { throw ConnectError("unauthorized") }
        }
        server.onConnection { socket in
            let everyone = socket.namespace
            feed.joined { everyone.volatile.emit("status", $0) }
            socket.onDisconnect { _ in feed.left() }
        }
    }
}

/// Who may connect as far as the request tells: pages of this listener, and programs, which send no `Origin`.
///
/// Browsers let every web page open WebSockets to 127.0.0.1. ``OperationsHosts`` explains why the host matters.
struct StatusGate: Sendable {
    let hosts: OperationsHosts

    func allows(_ request: HandshakeInfo) -> Bool {
        guard hosts.allows(request.headers) else { return false }
        let origins = request.headers["Origin"]
        guard let origin = origins.first else { return true }
        guard origins.count == 1, let authority = Authority(origin: origin) else { return false }
        return authority == Authority(request.headers["Host"][0])
    }
}
