// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import SocketIOCore
internal import SocketIOServer

/// `emit`: sends something to the clients or servers of a cluster, from a shell.
struct EmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emit",
        abstract: "Send an event to clients, or change their rooms, over Redis or the HTTP API of a node.",
        discussion: """
            With --url or SOCKETIO_URL it asks the HTTP API of that node, which needs a token with the scope 'emit', or
            'manage' to change rooms. Otherwise the settings of the file, SOCKETIO_CONFIG and the environment say how:
            over Redis, with redis.*, so that no password needs to stand in the command; or, for a node on its own, over
            its operations listener with one of api.tokens.

            Examples:
              socketio-server emit news '{"text":"we are open"}' 42
              socketio-server emit temperature -3.5
              socketio-server emit --url http://10.0.0.1:9464 --token-file token.txt news
              socketio-server emit --text -- note --not-an-option    # what follows -- is no option
              socketio-server emit --namespace /chat --to lobby --except vip --text message 'good morning'
              socketio-server emit --to lobby --join party
              socketio-server emit --to lobby --leave party
              socketio-server emit --to spammers --disconnect --close
              socketio-server emit --server-side reload '["prices"]'

            Exit codes: 0 at least one server received it, 1 Redis or the node could not be reached or did not take it,
            2 there was no server to receive it, 64 wrong usage, 78 wrong settings, or no cluster and no node.
            """)

    /// The options that take a value in an argument of its own.
    static let optionsWithValue = [
        "--config", "--redis", "--key", "--timeout-ms", "--url", "--token-file", "--namespace", "--to", "--except",
        "--join", "--leave",
    ]

    @OptionGroup var cluster: ClusterOptions

    @OptionGroup var place: RemotePlace

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
        if place.url != nil, cluster.redis != nil || cluster.key != nil {
            throw ValidationError("Give either --url or the options of Redis.")
        }
        if place.url != nil, serverSide {
            throw ValidationError("--server-side goes over Redis only; the HTTP API sends to clients.")
        }
        if event?.isEmpty == true { throw ValidationError("The name of the event is empty.") }
        if !serverSide, event != nil, EventName.isReserved(eventName) {
            throw ValidationError("'\(eventName)' is reserved by the protocol; choose another name.")
        }
        if close, !disconnect { throw ValidationError("--close goes with --disconnect.") }
        if serverSide, event == nil || !to.isEmpty || !except.isEmpty || volatile {
            throw ValidationError("--server-side is for an event, and all servers get it.")
        }
        if volatile, event == nil { throw ValidationError("--volatile is for an event.") }
        _ = try values()
    }

    /// The name as it was given.
    var eventName: String { CommandLineArguments.original(event ?? "") }

    func run() async throws {
        switch try await way() {
        case .redis(let loaded): try await sendOverRedis(loaded)
        case .node(let node): try await send(to: node)
        }
    }

    func values() throws -> [RawJSON] {
        try arguments.map(CommandLineArguments.original).enumerated().map { index, argument in
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
