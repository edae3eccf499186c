// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import NIOCore
import ProcessTesting

import class RedisTesting.RedisSubscriber

/// Hears what is published on a channel, as anybody can who may subscribe.
final class Eavesdropper: Sendable {
    private let subscriber: RedisSubscriber

    init(_ redis: RedisServer, _ channel: String, _ heard: @escaping @Sendable ([UInt8]) -> Void) async throws {
        subscriber = RedisSubscriber(
            configuration: redis.configuration, eventLoop: MultiThreadedLoop.next(), logger: silentLogger,
            name: "eavesdropper",
            handlers: RedisSubscriberHandlers { heard(Array($0.payload.readableBytesView)) })
        subscriber.start()
        try await subscriber.subscribe([channel])
    }

    func close() async { await subscriber.close() }
}
