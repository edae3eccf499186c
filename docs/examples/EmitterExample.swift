// Part of socketio-server, MIT licence; see LICENSE.

import NIOPosix
import SocketIORedis

/// Sends an event to the clients of a cluster from a process that is no server, such as a job or a web hook.
///
/// - Returns: How many servers got it; 0 when none is running.
func emitterExample(url: String) async throws -> Int {
    let emitter = try RedisEmitter(url: url, eventLoop: MultiThreadedEventLoopGroup.singleton.any())
    do {
        let servers = try await emitter.to("lobby").emit("say", "We close in five minutes")
        await emitter.close()
        return servers
    } catch {
        // Redis did not answer within five seconds.
        await emitter.close()
        throw error
    }
}
