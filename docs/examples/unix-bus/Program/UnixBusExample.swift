// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import SocketIOCluster
internal import SocketIOServer
internal import UnixBus

/// A server of a cluster over a Unix domain socket:
///
///     unix-bus-example /tmp/bus.sock one --hub
///     unix-bus-example /tmp/bus.sock two
@main
enum UnixBusExample {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { return print("usage: unix-bus-example <socket> <name> [--hub]") }
        let (path, name) = (arguments[1], arguments[2])
        let hub = UnixHub()
        if arguments.contains("--hub") { try await hub.listen(path: path) }

        var settings = ClusterConfiguration()
        settings.heartbeatInterval = .milliseconds(500)
        settings.peerTimeout = .seconds(2)
        let cluster = try Cluster(transport: UnixTransport(path: path), configuration: settings)
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.adapter = cluster.adapter
        let io = Server(configuration: configuration)

        io.onConnection { socket in
            socket.join("lobby")
            // To everybody in the room, on all servers; binary data as it is.
            socket.on("say", arguments: { arguments, _ in io.to("lobby").emit("said", arguments: arguments) })
            // Asks all other clients, on all servers, and answers with their answers.
            socket.on("ask") { (question: String) async throws -> [String] in
                try await io.except(socket.id).timeout(.seconds(5)).emitWithAck("question", question, as: String.self)
            }
            // Who is connected, to which server ever.
            socket.on("who") { () async throws -> [String] in try await io.fetchSockets().map(\.id) }
            // The names of the other servers.
            socket.on("servers") { () async throws -> [String] in
                try await io.serverSideEmitWithAck("name", as: String.self)
            }
        }
        io.of("/").on("name") { () in name }

        try await io.run { address in
            print("\(name) listens on \(address?.description ?? "nothing")")
            // What reads it may be a program.
            fflush(nil)
        }
    }
}
