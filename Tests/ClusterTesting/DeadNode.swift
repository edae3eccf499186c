// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
package import ProcessTesting
internal import class RedisTesting.RedisSubscriber

/// Counts as a subscriber of the requests and answers none.
package final class DeadNode: Sendable {
    private let subscriber: RedisSubscriber

    package init(_ redis: RedisServer) async throws {
        subscriber = RedisSubscriber(
            configuration: redis.configuration, eventLoop: MultiThreadedLoop.next(), logger: silentLogger,
            name: "dead", handlers: RedisSubscriberHandlers { _ in })
        subscriber.start()
        try await subscriber.subscribe(["socket.io-request#/#"])
    }

    package func close() async { await subscriber.close() }
}
