// Part of socketio-server, MIT licence; see LICENSE.

internal import PairExample
internal import SocketIOCluster
internal import SocketIOServer
internal import UnixBus

/// The short blocks of docs/adapters.md, word for word, so that they compile; `ExampleTests` compares them.
enum AdapterPageExamples {
    static func cluster() throws -> Server {
        let cluster = try Cluster(transport: UnixTransport(path: "/run/chat.sock"))
        var configuration = ServerConfiguration()
        configuration.adapter = cluster.adapter
        let io = Server(configuration: configuration)
        return io
    }

    static func broker(_ transport: any ClusterTransport) throws -> Cluster {
        /// A name as one token of a NATS subject, or one level of an MQTT topic: `n` and the bytes of the name in hexadecimal.
        func token(of name: String) -> String {
            name.utf8.reduce(into: "n") { text, byte in
                text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }

        var configuration = ClusterConfiguration()
        configuration.maxMessageBytes = 1_000_000  // less than the broker accepts
        let cluster = try Cluster(transport: transport, configuration: configuration)
        _ = token(of: "")
        return cluster
    }

    static func installed(_ configuration: inout ServerConfiguration, _ cluster: Cluster) {
        configuration.adapter = { context in CountingAdapter(around: context.local) }
        configuration.adapter = { context in CountingAdapter(around: cluster.adapter(context)) }
    }

    static func pair(_ configuration: inout ServerConfiguration) {
        let pair = Pair()
        configuration.adapter = pair.adapter  // in the configuration of both servers
    }
}
