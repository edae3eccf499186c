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

    @OptionGroup var list: ListOptions

    func run() async throws {
        try await list.print(.rooms) { rooms in
            var table = TextTable(.init(title: "SOCKETS", isNumber: true), .init(title: "ROOM"))
            table.rows = rooms.map { ["\($0["sockets"]?.int ?? 0)", $0["name"]?.string ?? ""] }
            return table
        }
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

    @OptionGroup var list: ListOptions

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Sockets in this room only; repeated, those in any of them.", valueName: "room"))
    var room: [String] = []

    func run() async throws {
        try await list.print(.sockets, room.map { ("room", $0) }) { sockets in
            var table = TextTable(
                .init(title: "SOCKET"), .init(title: "ADDRESS"), .init(title: "CONNECTED"), .init(title: "ROOMS"))
            table.rows = sockets.map { socket in
                let id = socket["id"]?.string ?? ""
                let rooms = (socket["rooms"]?.array ?? []).compactMap(\.string).filter { !$0.hasSameBytes(as: id) }
                return [
                    id, socket["address"]?.string ?? "", socket["connected"]?.string ?? "",
                    rooms.joined(separator: " "),
                ]
            }
            return table
        }
    }
}
