// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import NIOCore
import ProcessTesting

/// Counts as a subscriber of the requests and answers none.
final class DeadNode: Sendable {
    private let subscriber: RedisSubscriber

    init(_ redis: RedisServer) async throws {
        subscriber = RedisSubscriber(
            configuration: redis.configuration, eventLoop: MultiThreadedLoop.next(), logger: silentLogger,
            name: "dead", handlers: RedisSubscriberHandlers { _ in })
        subscriber.start()
        try await subscriber.subscribe(["socket.io-request#/#"])
    }

    func close() async { await subscriber.close() }
}
