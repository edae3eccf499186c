// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
package import SocketIOServer

/// `mixed`: every operation of a cluster, driven by events; the handlers below are the table.
package enum AllOperationsApp: SocketApplication {
    package static func configuration(_ settings: ApplicationSettings) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.engine = settings.engine(
            pingInterval: .seconds(25), pingTimeout: .seconds(20), cors: CORSConfiguration())
        return configuration
    }

    package static func install(on io: Server, _ settings: ApplicationSettings) {
        for name in ["/", "/chat"] {
            let namespace = io.of(name)
            let log = ServerEventLog()
            install(log, on: namespace, name: settings.name)
            let handled = HandledOnce(in: namespace, name: settings.name)
            namespace.onConnection { socket async throws in
                installSocket(on: socket, name: settings.name)
                installBroadcasts(on: socket)
                installQueries(on: socket)
                installServerSide(on: socket, log)
                installDurable(on: socket, handled)
                try await replayAsAsked(socket)
            }
        }
    }

    // MARK: One socket

    private static func installSocket(on socket: Socket, name: String) {
        socket.on("whoami") { () -> SocketValue in
            .object([
                "name": .string(name), "id": .string(socket.id), "nsp": .string(socket.namespace.name),
                "transport": .string(socket.conn.transport.rawValue), "recovered": .bool(socket.recovered),
            ])
        }
        socket.on("echo", arguments: { arguments, ack in ack(relaying: arguments) })
        socket.on("set-data") { (data: SocketValue) -> String in
            socket.data = data
            return "ok"
        }
        socket.on("join") { (rooms: Rooms) -> String in
            socket.join(rooms.names)
            return "ok"
        }
        socket.on("leave") { (room: String) -> String in
            socket.leave(room)
            return "ok"
        }
        socket.on("rooms") { () -> [String] in Array(socket.rooms) }
        socket.on("farewell") { (count: Int, close: Bool?) in
            for number in 1...max(count, 1) { socket.emit("bye", number) }
            socket.namespace.to(socket.id).emit("bye", count + 1)
            socket.disconnect(close: close ?? false)
        }
        socket.on("kick-me") { (close: Bool?) in socket.disconnect(close: close ?? false) }
        socket.on("emit-with-ack-to-me") { (arguments: [SocketValue]) async -> Outcome in
            await Outcome.of {
                try await socket.timeout(.seconds(1)).emitWithAck("ask", arguments: arguments)[0]
            }
        }
    }

    // MARK: Many sockets

    private static func installBroadcasts(on socket: Socket) {
        let all = socket.namespace.to([])
        socket.on("bcast") { (options: Options, event: String, arguments: [SocketValue]) -> String in
            options.applied(to: all).emit(event, arguments: arguments)
            return "ok"
        }
        socket.on("sbcast") { (options: Options, event: String, arguments: [SocketValue]) -> String in
            options.applied(to: socket.broadcast).emit(event, arguments: arguments)
            return "ok"
        }
        socket.on("bcast-ack") { (options: Options, event: String, arguments: [SocketValue]) async -> Outcome in
            let target = options.applied(to: all.timeout(.seconds(1)))
            return await Outcome.of {
                .array(try await target.emitWithAck(event, arguments: arguments).map { $0[0] })
            }
        }
        socket.on("sockets-join") { (options: Options, rooms: Rooms) -> String in
            options.applied(to: all).socketsJoin(rooms.names)
            return "ok"
        }
        socket.on("sockets-leave") { (options: Options, rooms: Rooms) -> String in
            options.applied(to: all).socketsLeave(rooms.names)
            return "ok"
        }
        socket.on("disconnect-sockets") { (options: Options, close: Bool?) -> String in
            options.applied(to: all).disconnectSockets(close: close ?? false)
            return "ok"
        }
    }

    private static func installQueries(on socket: Socket) {
        let all = socket.namespace.to([])
        let adapter = socket.namespace.adapter
        socket.on("fetch") { (options: Options) async -> Outcome in
            await Outcome.of {
                .array(try await options.applied(to: all).fetchSockets().map(describe))
            }
        }
        socket.on("all-rooms") { () async throws -> [String] in try await adapter.allRooms().sorted() }
        socket.on("sockets-in") { (rooms: [String]) async throws -> [String] in
            try await adapter.sockets(in: NameSet(rooms)).sorted()
        }
        socket.on("server-count") { () async throws -> Int in try await adapter.serverCount() }
    }

    private static func describe(_ socket: RemoteSocket) -> SocketValue {
        .object([
            "id": .string(socket.id), "rooms": .array(socket.rooms.sorted().map(SocketValue.string)),
            "data": socket.data, "hs": .array(Handshake.memberNames.map(SocketValue.string)),
            "auth": socket.handshake.auth, "query": socket.handshake.query["EIO"].map(SocketValue.string) ?? .null,
        ])
    }

    // MARK: Other servers

    private static func installServerSide(on socket: Socket, _ log: ServerEventLog) {
        let namespace = socket.namespace
        socket.on("sse-emit") { (event: String, arguments: [SocketValue]) async throws -> String in
            try await namespace.serverSideEmit(event, arguments: arguments)
            return "ok"
        }
        socket.on("sse-emit-ack") { (event: String, arguments: [SocketValue]) async -> Outcome in
            await Outcome.of {
                .array(try await namespace.serverSideEmitWithAck(event, arguments: arguments, as: SocketValue.self))
            }
        }
        socket.on("sse-log") { () -> [[SocketValue]] in log.entries }
        socket.on("sse-clear") { () -> String in
            log.clear()
            return "ok"
        }
    }

    private static func install(_ log: ServerEventLog, on namespace: Namespace, name: String) {
        namespace.on("sse", arguments: { arguments, _ in log.append(arguments.values) })
        namespace.on(
            "sse-ask",
            arguments: { arguments, ack in
                ack(["from": .string(name), "args": .array(arguments.values)] as SocketValue)
            })
        namespace.on("sse-silent") { () in }
    }
}

/// What the server-side event `sse` received in one namespace.
private final class ServerEventLog: Sendable {
    private let state = NIOLockedValueBox<[[SocketValue]]>([])

    var entries: [[SocketValue]] { state.withLockedValue { $0 } }

    func append(_ arguments: [SocketValue]) { state.withLockedValue { $0.append(arguments) } }

    func clear() { state.withLockedValue { $0 = [] } }
}
