// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SocketIOCore
internal import SocketIORedis
internal import SocketIOServer

/// `emit`: sends something to the clients or servers of a cluster, from a shell.
struct EmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emit",
        abstract: "Send an event to the clients of a cluster over Redis, or change their rooms.",
        discussion: """
            Where Redis is, and how to log in, comes from the settings redis.* of the file, SOCKETIO_CONFIG and the
            environment, so that no password needs to stand in the command.

            Examples:
              socketio-server emit news '{"text":"we are open"}' 42
              socketio-server emit -- temperature -3.5    # what follows -- is no option
              socketio-server emit --namespace /chat --to lobby --except vip --text message 'good morning'
              socketio-server emit --to lobby --join party
              socketio-server emit --to lobby --leave party
              socketio-server emit --to spammers --disconnect --close
              socketio-server emit --server-side reload '["prices"]'

            Exit codes: 0 at least one server received it, 1 Redis could not be reached or did not take it,
            2 there was no server to receive it, 64 wrong usage, 78 wrong settings.
            """)

    @OptionGroup var cluster: ClusterOptions

    @Option(help: ArgumentHelp("Namespace of the sockets meant.", valueName: "name"))
    var namespace = "/"

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Sockets in this room only; repeated, those in any of them. A socket's id is a room.", valueName: "room"))
    var to: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Not the sockets in this room; may be repeated.", valueName: "room"))
    var except: [String] = []

    @Flag(help: "Leave out clients that are not ready for the event.")
    var volatile = false

    @Flag(help: "Take the arguments as texts instead of as JSON.")
    var text = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Instead of an event: the sockets join this room; may be repeated.", valueName: "room"))
    var join: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Instead of an event: the sockets leave this room; may be repeated.", valueName: "room"))
    var leave: [String] = []

    @Flag(help: "Instead of an event: the sockets are disconnected.")
    var disconnect = false

    @Flag(help: "With --disconnect: the whole connections, with their sockets of other namespaces.")
    var close = false

    @Flag(help: "The event is for the servers, where namespace.on(…) listens, instead of for the clients.")
    var serverSide = false

    @Argument(help: "Name of the event.")
    var event: String?

    @Argument(help: ArgumentHelp("Arguments of the event, as JSON.", valueName: "json"))
    var arguments: [String] = []

    func validate() throws {
        let forms = [!join.isEmpty, !leave.isEmpty, disconnect, event != nil].filter { $0 }.count
        guard forms == 1 else {
            throw ValidationError("Give either an event or one of --join, --leave and --disconnect.")
        }
        if event?.isEmpty == true { throw ValidationError("The name of the event is empty.") }
        if close, !disconnect { throw ValidationError("--close goes with --disconnect.") }
        if serverSide, event == nil || !to.isEmpty || !except.isEmpty || volatile {
            throw ValidationError("--server-side is for an event, and all servers get it.")
        }
        if volatile, event == nil { throw ValidationError("--volatile is for an event.") }
        _ = try values()
    }

    func run() async throws {
        let loaded = try await cluster.load()
        let emitter: RedisEmitter
        do {
            emitter = try RedisEmitter(
                redis: try RedisSettings.redis(loaded), key: loaded.settings.redis.keyPrefix,
                streams: RedisSettings.streams(loaded.settings), isSharded: loaded.settings.adapter == .redisSharded,
                patience: Duration(cluster.patience),
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                logger: Logger(label: "socketio.emit") { _ in SwiftLogNoOpLogHandler() })
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            throw ExitCode.wrongSettings
        }
        let servers: Int
        do {
            servers = try await send(emitter)
        } catch let error as SocketError {
            await emitter.close()
            StandardError.write("Error: \(error)\n")
            throw ExitCode.validationFailure
        } catch {
            await emitter.close()
            StandardError.write("not sent: \(error)\n")
            throw ExitCode.failure
        }
        await emitter.close()
        guard servers > 0 else {
            StandardError.write(
                "received by 0 servers: none uses this Redis with the key prefix '\(loaded.settings.redis.keyPrefix)' and "
                    + "has the namespace '\(namespace)'\n")
            throw ExitCode(2)
        }
        print("received by \(servers) \(servers == 1 ? "server" : "servers")")
    }

    private func send(_ emitter: RedisEmitter) async throws -> Int {
        var target = emitter.of(namespace).to(to).except(except)
        if volatile { target = target.volatile }
        if !join.isEmpty { return try await target.socketsJoin(join) }
        if !leave.isEmpty { return try await target.socketsLeave(leave) }
        if disconnect { return try await target.disconnectSockets(close: close) }
        let values = try values()
        if serverSide { return try await target.serverSideEmit(event ?? "", arguments: values) }
        return try await target.emit(event ?? "", arguments: values)
    }

    private func values() throws -> [RawJSON] {
        try arguments.enumerated().map { index, argument in
            if text { return try RawJSON(encoding: argument) }
            do {
                return try RawJSON(argument)
            } catch {
                throw ValidationError(
                    "Argument \(index + 1) is not JSON; a text is written '\"so\"', or --text makes all arguments texts."
                )
            }
        }
    }
}
