// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import SocketIOServer

/// `kick`: disconnects sockets, from a shell.
struct KickCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kick",
        abstract: "Disconnect sockets, by their id or their rooms.",
        discussion: """
            Asks the HTTP API of a node, which reaches all nodes of its cluster. Needs a
            token with the scope 'manage' (api.tokens). With the scope 'read' as well,
            it first counts the sockets.

            Examples:
              socketio-server kick aBcDeFgHiJkLmNoPqRsT
              socketio-server kick spammers --close
              socketio-server kick --everyone --except staff

            Exit codes: 0 the node has done it, 1 the node could not be asked or refused,
            2 there is no such socket, 64 wrong usage, 78 wrong settings, or no node named.
            """)

    @OptionGroup var remote: RemoteOptions

    @Option(help: ArgumentHelp("Namespace of the sockets.", valueName: "name"))
    var namespace = "/"

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Not the sockets in this room; may be repeated.", valueName: "room"))
    var except: [String] = []

    @Flag(help: "All sockets of the namespace.")
    var everyone = false

    @Flag(help: "The whole connections, with their sockets of other namespaces.")
    var close = false

    @Argument(help: ArgumentHelp("Ids of sockets, or names of rooms.", valueName: "socket or room"))
    var rooms: [String] = []

    func validate() throws {
        if rooms.contains(where: \.isEmpty) { throw ValidationError("The name of a room is empty.") }
        if everyone == rooms.isEmpty { return }
        throw ValidationError(
            everyone ? "Give either names or --everyone." : "Name the sockets or rooms, or give --everyone.")
    }

    func run() async throws {
        let node = try await remote.client(for: .api(.manage))
        try await node.use { node in
            // Only a courtesy: a token may disconnect without being allowed to count. 'except' cannot be counted.
            let parameters = [("namespace", namespace)] + rooms.map { ("room", $0) }
            let count = try? await node.ask(.count, parameters)["count"]?.int
            if count == 0 {
                StandardError.write("there is no such socket; 'socketio-server sockets' lists them\n")
                throw ExitCode(2)
            }
            var body: SocketObject = ["namespace": .string(namespace), "close": .bool(close)]
            if everyone { body["everyone"] = true } else { body["to"] = .array(rooms.map(SocketValue.string)) }
            if !except.isEmpty { body["except"] = .array(except.map(SocketValue.string)) }
            _ = try await node.carryOut(.disconnect, body)
            guard let count, except.isEmpty else { return print("disconnected") }
            print("disconnected \(count) \(count == 1 ? "socket" : "sockets")")
        }
    }
}
