// Part of socketio-server, MIT licence; see LICENSE.

import SocketIORedis
import SocketIOServer

/// A server that shares rooms and broadcasts with all servers that use the same Redis, those of Node.js with
/// `@socket.io/redis-adapter` included.
func redisExample(url: String) throws -> (io: Server, cluster: RedisCluster) {
    let cluster = try RedisCluster(url: url)
    var configuration = ServerConfiguration()
    configuration.adapter = cluster.adapter
    // Requests that reach the wrong server are carried to the right one.
    configuration.engine.forwarding = ForwardingConfiguration(directory: cluster)
    let io = Server(configuration: configuration)

    cluster.onStatus { status in print("The cluster is \(status)") }
    io.onConnection { socket in
        socket.join("lobby")
        socket.on("count") { () async throws -> Int in
            // Of all servers. One that does not answer within a second is left out.
            try await io.in("lobby").count(timeout: .seconds(1), partialResults: .accepted)
        }
        socket.on("say") { (text: String) in io.to("lobby").emit("say", text) }
    }
    return (io, cluster)  // try await io.run()
}
