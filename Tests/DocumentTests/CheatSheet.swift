// Part of socketio-server, MIT licence; see LICENSE.

internal import Hummingbird
internal import NIOCore
internal import SocketIOHummingbird
internal import SocketIORedis
internal import SocketIOServer

/// The expressions of `docs/coming-from-node.md`, so that they compile. Nothing here is ever run.
enum CheatSheet {
    private struct User: Sendable { var name: String }

    private static func makeID(_ text: String) -> String { text }

    static func program() async throws {
        var configuration = ServerConfiguration()
        configuration.port = 3000
        configuration.engine.cors = CORSConfiguration(origin: .exactly("https://example.com"))
        let io = Server(configuration: configuration)

        io.use { socket in
            guard socket.handshake.auth["token"]?.string == "secret" else { throw ConnectError("unauthorized") }
        }

        io.onConnection { socket in
            socket.join("lobby")
            socket.on("chat message") { (text: String, ack: Ack<String>) in
                socket.to("lobby").emit("chat message", text)
                ack("sent")
            }
            socket.onDisconnect { reason in print(reason.rawValue) }
        }

        try await io.run()
    }

    /// The program of `README.md`.
    static func readme() async throws {
        struct ChatMessage: Codable, Sendable {
            var id: Int
            var text: String
        }
        struct Receipt: Codable, Sendable { var id: Int }

        let io = Server()

        io.onConnection { socket in
            socket.join("lobby")
            socket.on("chat message") { (message: ChatMessage, ack: Ack<Receipt>) in
                socket.to("lobby").emit("chat message", message)
                ack(Receipt(id: message.id))
            }
            socket.onDisconnect { reason in io.to("lobby").emit("left", socket.id) }
        }

        try await io.run()  // http://127.0.0.1:3000
    }

    static func sum(_ socket: Socket) {
        socket.on("sum") { (a: Int, b: Int) -> Int in a + b }
    }

    static func server(_ router: Router<BasicRequestContext>, _ cluster: RedisCluster) async throws {
        var configuration = ServerConfiguration()
        configuration.engine.path = "/chat"
        configuration.engine.serveClient = false
        configuration.connectTimeout = .seconds(10)
        configuration.adapter = cluster.adapter
        let io = Server(configuration: configuration)
        io.onRequest { request in .text("hello") }
        io.serve(router)
        io.onConnection { socket in print(socket.id) }
        io.onNewNamespace { namespace in print(namespace.name) }
        io.use { socket in print(socket.id) }
        io.use { _ in
            throw ConnectError("no", data: ["code": 7])
        }
        try await io.listen(host: "*", port: 3000)
        try await io.listen(unixSocketPath: "/run/app.sock")
        try await io.run()
        await io.drain(over: .seconds(5))
        await io.close()
        _ = (io.sockets, io.of("/admin"), io.engine)
    }

    static func emitting(_ io: Server, _ socket: Socket, id: String, values: [SocketValue]) async throws {
        socket.emit("hello", 1, "2", ["3": "4"])
        socket.emit("hello", ack: { result in print(result) })
        _ = try await socket.emitWithAck("hello", "world", as: String.self)
        _ = try await socket.timeout(.seconds(5)).emitWithAck("hello", as: Int.self)
        socket.send("hi")
        socket.broadcast.emit("hello")
        socket.to("room1").emit("hello")
        socket.to("room1", "room2").emit("hello")
        socket.in("room1").emit("hello")
        socket.except("room1").emit("hello")
        io.emit("hello")
        io.to("room1").emit("hello")
        io.to("room1").except("room2").emit("hello")
        io.of("/admin").emit("hello")
        io.to(id).emit("hello")
        do {
            _ = try await io.timeout(.seconds(5)).emitWithAck("hello", as: String.self)
        } catch let error as BroadcastAckError {
            print(error.responses, error.missing)
        }
        io.timeout(.seconds(5)).emit("hello", ack: { result in print(result) })
        _ = try await io.to("room1").timeout(.seconds(1)).emitWithAnswers("hello")
        io.local.emit("hello")
        socket.local.emit("hello")
        socket.volatile.emit("hello")
        io.volatile.emit("hello")
        socket.compress(false).emit("hello")
        io.compress(false).emit("hello")
        io.to("prices").coalescing("AAPL").emit("price", 212.5)
        try await socket.suspending.emit("row", 1)
        socket.emit("hello", arguments: values)
        try await io.serverSideEmit("hello", "world")
        _ = try await io.serverSideEmitWithAck("hello", as: String.self)
    }

    static func receiving(_ socket: Socket, listener: ListenerID) async {
        socket.on("hello") { (name: String) in print(name) }
        socket.on("hello") { (name: String, ack: Ack<Int>) in ack(1) }
        socket.on("hello", arguments: { arguments, ack in ack(arguments.count) })
        socket.on("hello") { (a: String, b: Int?) in print(a, b ?? 0) }
        socket.once("hello") { () in print("once") }
        socket.off("hello", listener)
        socket.off("hello")
        socket.offAll()
        _ = await socket.eventNames()
        _ = await socket.listeners("hello")
        socket.onAny { event, arguments in print(event, arguments.count) }
        socket.prependAny { event, _ in print(event) }
        socket.offAny(listener)
        _ = await socket.listenersAny()
        socket.onAnyOutgoing { event, _ in print(event) }
        socket.prependAnyOutgoing { event, _ in print(event) }
        socket.offAnyOutgoing(listener)
        _ = await socket.listenersAnyOutgoing()
        socket.use { event in print(event.name) }
        socket.onDisconnecting { reason in print(reason.rawValue) }
        socket.onDisconnect { reason, details in print(reason.rawValue, details ?? "") }
        socket.onError { error in print(error) }
    }

    static func rooms(_ io: Server, _ socket: Socket) async throws {
        socket.join("room1", "room2")
        socket.leave("room1")
        _ = socket.rooms.contains("room1")
        for remote in try await io.in("room1").fetchSockets() {
            _ = remote.data["name"]?.string
            remote.emit("hello")
            _ = try await remote.timeout(.seconds(5)).emitWithAck("hello", as: String.self)
            remote.join("room1")
        }
        _ = try await io.in("room1").fetchSockets(partialResults: .accepted)
        _ = try await io.in("room1").allSockets()
        io.in("room1").socketsJoin("room2")
        io.in("room1").socketsLeave("room2")
        io.in("room1").disconnectSockets(close: true)
        _ = await io.sockets.local.socketsByRoom()
        _ = try await io.rooms()
        _ = try await io.adapter.serverCount()
        _ = await io.sockets.sockets()
        io.sockets.onRoomEvent { event in print(event) }
        _ = try await io.in("room1").count()
        _ = try await io.countByRoom()
    }

    static func namespaces(_ io: Server, _ namespace: Namespace, _ socket: Socket, id: String) async {
        _ = (namespace.name, namespace.socketCount, namespace.adapter, socket.namespace.name, io.namespaces.count)
        _ = await namespace.sockets()
        _ = await namespace.socket(id)
        namespace.onConnection { socket in print(socket.id) }
        namespace.to("room1").emit("hello")
        namespace.on("hello") { (from: String) in print(from) }
        _ = (namespace.eventNames(), namespace.listeners("hello"))
        _ = io.of(/^\/dynamic-\d+$/)
        _ = io.of { name, auth in auth["token"] != nil }
    }

    static func attributes(_ socket: Socket) {
        _ = (socket.id, socket.connected, socket.recovered, socket.namespace, socket.conn, socket.conn.transport)
        _ = socket.handshake.auth["token"]?.string
        _ = socket.handshake.query["x"]
        _ = socket.handshake.headers.first(name: "cookie")
        _ = (socket.handshake.address, socket.handshake.request)
        socket.data["name"] = "Ada"
        socket.set(User(name: "Ada"))
        _ = socket.get(User.self)
        socket.disconnect(close: true)
        socket.conn.onUpgrade { transport in print(transport) }
        socket.conn.onPacket { packet in print(packet) }
        socket.conn.onDrain { print("all sent") }
        socket.conn.onClose { reason, detail in print(reason.rawValue, detail ?? "") }
        socket.onAnyOutgoing { event, _ in print(event) }
        socket.onMessagesDropped { count in print(count) }
    }

    static func engine(_ io: Server) {
        _ = (io.engine.clientsCount, io.configuration.engine)
        var configuration = ServerConfiguration()
        configuration.engine.generateId = { request in makeID(request.url) }
        configuration.engine.middlewares.append { request in .next() }
        configuration.engine.initialHeaders = { headers, request in headers.add(name: "X-Hello", value: request.url) }
        configuration.engine.headers = { headers, _ in headers.add(name: "X-Hello", value: "1") }
        configuration.engine.onConnectionError = { error in print(error.message, error.context) }
        configuration.engine.allowRequest = { request in request.query["v"] == "2" ? .allow : .refuse("old version") }
        _ = configuration
    }

    static func cluster(loop: any EventLoop) async throws {
        var configuration = ServerConfiguration()
        let cluster = try RedisCluster(url: "redis://127.0.0.1:6379")
        configuration.adapter = cluster.adapter
        configuration.engine.forwarding = ForwardingConfiguration(directory: cluster)
        let emitter = try RedisEmitter(url: "redis://127.0.0.1:6379", eventLoop: loop)
        try await emitter.to("room1").emit("hello", "world")
        var settings = RedisClusterConfiguration()
        settings.streams = RedisStreams()
        _ = try RedisCluster(url: "redis://127.0.0.1:6379", configuration: settings)
        _ = Server(configuration: configuration)
        do {
            var configuration = RedisClusterConfiguration()
            configuration.sharded = ShardedPubSub(subscriptionMode: .dynamic)
            _ = try RedisCluster(url: "redis://127.0.0.1:6379", configuration: configuration)
        }
    }

    /// The second column of the table of options, and what the texts beside it name.
    static func options() {
        var configuration = ServerConfiguration()
        _ = (
            configuration.engine.path, configuration.engine.serveClient, configuration.engine.clientDirectory,
            configuration.adapter, configuration.connectTimeout, configuration.cleanupEmptyChildNamespaces,
            configuration.connectionStateRecovery,
            configuration.engine.addTrailingSlash, configuration.engine.allowRequest,
            configuration.engine.allowUpgrades, configuration.engine.allowEIO3, configuration.parser,
            configuration.engine.cookie, configuration.engine.cors
        )
        configuration.engine.cookie = CookieConfiguration()
        _ = (
            configuration.engine.cookie?.name, configuration.engine.cookie?.path, configuration.engine.cookie?.domain,
            configuration.engine.cookie?.httpOnly, configuration.engine.cookie?.secure,
            configuration.engine.cookie?.sameSite, configuration.engine.cookie?.maxAge,
            configuration.engine.cookie?.expires
        )
        configuration.engine.cors = CORSConfiguration(origin: .any)
        _ = (
            configuration.engine.cors?.origin, configuration.engine.cors?.methods,
            configuration.engine.cors?.allowedHeaders, configuration.engine.cors?.exposedHeaders,
            configuration.engine.cors?.credentials, configuration.engine.cors?.maxAge,
            configuration.engine.cors?.preflightContinue, configuration.engine.cors?.optionsSuccessStatus
        )
        _ = (
            configuration.engine.httpCompression, configuration.engine.maxHttpBufferSize,
            configuration.engine.perMessageDeflate, configuration.engine.perMessageDeflate?.threshold,
            configuration.engine.perMessageDeflate?.level, configuration.engine.pingInterval,
            configuration.engine.pingTimeout, configuration.engine.transports, configuration.engine.upgradeTimeout
        )
        _ = (
            configuration.engine.destroyUpgrade, configuration.engine.destroyUpgradeTimeout,
            configuration.engine.initialPacket, configuration.engine.generateId, configuration.engine.tls
        )
        let redis = RedisClusterConfiguration()
        _ = (redis.requestsTimeout, redis.publishOnSpecificResponseChannel)
    }
}
