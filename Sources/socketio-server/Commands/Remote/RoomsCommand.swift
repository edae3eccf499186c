// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import SocketIOServer

/// `rooms`: the rooms of a cluster, from a shell.
struct RoomsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rooms",
        abstract: "List the rooms, the largest first, as a running node tells them.",
        discussion: """
            Asks the HTTP API of a node, which answers for all nodes of its cluster.
            Needs a token with the scope 'read' (api.tokens).

            Examples:
              socketio-server rooms --config /etc/socketio/socketio.yaml
              SOCKETIO_TOKEN=… socketio-server rooms --url http://10.0.0.1:9464 --limit 20
              socketio-server rooms --namespace /chat --json

            Exit codes: 0 there is an answer, 1 the node could not be asked or refused,
            64 wrong usage, 78 wrong settings, or no node named.
            """)

    @OptionGroup var remote: RemoteOptions

    @Option(help: ArgumentHelp("Namespace of the rooms.", valueName: "name"))
    var namespace = "/"

    @Option(help: ArgumentHelp("How many rooms at most, 1 to 1000.", valueName: "number"))
    var limit = 100

    @Flag(help: "Print the answer of the API, one JSON object, instead of a table.")
    var json = false

    func validate() throws { try validateLimit(limit) }

    func run() async throws {
        let node = try await remote.client(for: .api(.read))
        let answer = try await node.use {
            try await $0.ask(.rooms, [("namespace", namespace), ("limit", "\(limit)")])
        }
        if json { return print(try RawJSON(encoding: answer).json) }
        let rooms = answer["rooms"]?.array ?? []
        var table = TextTable(.init(title: "SOCKETS", isNumber: true), .init(title: "ROOM"))
        table.rows = rooms.map { ["\($0["sockets"]?.int ?? 0)", $0["name"]?.string ?? ""] }
        if !rooms.isEmpty { print(table.text, terminator: "") }
        printTotal("rooms", shown: rooms.count, answer)
    }
}

/// `sockets`: the sockets of a cluster, from a shell.
struct SocketsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sockets",
        abstract: "List the sockets of a namespace or of rooms, as a running node tells them.",
        discussion: """
            Asks the HTTP API of a node, which answers for all nodes of its cluster.
            Needs a token with the scope 'read' (api.tokens).

            Examples:
              socketio-server sockets --config /etc/socketio/socketio.yaml
              socketio-server sockets --room lobby --room vip
              socketio-server sockets --json | jq '.sockets[].address'

            Exit codes: 0 there is an answer, 1 the node could not be asked or refused,
            64 wrong usage, 78 wrong settings, or no node named.
            """)

    @OptionGroup var remote: RemoteOptions

    @Option(help: ArgumentHelp("Namespace of the sockets.", valueName: "name"))
    var namespace = "/"

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Sockets in this room only; repeated, those in any of them.", valueName: "room"))
    var room: [String] = []

    @Option(help: ArgumentHelp("How many sockets at most, 1 to 1000.", valueName: "number"))
    var limit = 100

    @Flag(help: "Print the answer of the API, one JSON object with the sockets' data, instead of a table.")
    var json = false

    func validate() throws { try validateLimit(limit) }

    func run() async throws {
        let node = try await remote.client(for: .api(.read))
        let parameters = [("namespace", namespace), ("limit", "\(limit)")] + room.map { ("room", $0) }
        let answer = try await node.use { try await $0.ask(.sockets, parameters) }
        if json { return print(try RawJSON(encoding: answer).json) }
        let sockets = answer["sockets"]?.array ?? []
        var table = TextTable(
            .init(title: "SOCKET"), .init(title: "ADDRESS"), .init(title: "CONNECTED"), .init(title: "ROOMS"))
        table.rows = sockets.map { socket in
            let id = socket["id"]?.string ?? ""
            let rooms = (socket["rooms"]?.array ?? []).compactMap(\.string).filter { !$0.hasSameBytes(as: id) }
            return [
                id, socket["address"]?.string ?? "", socket["connected"]?.string ?? "", rooms.joined(separator: " "),
            ]
        }
        if !sockets.isEmpty { print(table.text, terminator: "") }
        printTotal("sockets", shown: sockets.count, answer)
    }
}

private func validateLimit(_ limit: Int) throws {
    let most = APILimits().maxListed
    if limit < 1 || limit > most { throw ValidationError("--limit must be 1 to \(most).") }
}

private func printTotal(_ name: String, shown: Int, _ answer: SocketValue) {
    let total = answer["total"]?.int ?? shown
    print("\(name): \(total)" + (total > shown ? ", of which \(shown) are shown (--limit)" : ""))
}
