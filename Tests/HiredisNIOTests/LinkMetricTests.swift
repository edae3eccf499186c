// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOCore
import ProcessTesting
import Testing

@testable import HiredisNIO

/// Every figure of a link to Redis counts what its name says.
@Suite("What a link to Redis counts", .serialized, .enabled(if: RedisServer.isInstalled))
struct LinkMetricTests {
    private static let commands = [("link", "commands")]
    private static let subscriptions = [("link", "subscriptions")]

    @Test("connections, attempts, publishes, refused publishes, messages, and those that are too large")
    func everything() async throws {
        let server = try await RedisServer.started()
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            var few = server.configuration
            few.maximumWaitingCommands = 2
            let publisher = try await Publisher(few)
            var small = server.configuration
            small.limits.maximumBulkLength = 100
            let subscription = try await Subscription(small, channels: ["a"])
            for labels in [Self.commands, Self.subscriptions] {
                #expect(metrics["socketio_redis_up", labels] == 1)
                #expect(metrics["socketio_redis_connections_total", labels] == 1)
                #expect(metrics["socketio_redis_failed_attempts_total", labels] == 0)
            }
            try await publisher.publish(1...20, to: "a")
            try await eventually("delivered") { publisher.delivered.count == 20 }
            try await eventually("counted") { metrics["socketio_redis_publishes_total", Self.commands] == 20 }
            try await eventually("received") {
                metrics["socketio_redis_messages_received_total", Self.subscriptions] == 20
            }
            #expect(metrics["socketio_redis_publish_errors_total", Self.commands] == 0)
            _ = try await publisher.client.publish(ByteBuffer(repeating: 0x61, count: 101), to: "a")
            try await eventually("too large") {
                metrics["socketio_redis_messages_oversized_total", Self.subscriptions] == 1
            }
            _ = try await publisher.client.run("ACL", "SETUSER", "default", "resetchannels")
            try await publisher.publish(21...23, to: "b")
            try await eventually("refused") { publisher.lost.count == 3 }
            try await eventually("counted") { metrics["socketio_redis_publish_errors_total", Self.commands] == 3 }

            server.stop()
            try await eventually("failed attempts") {
                [Self.commands, Self.subscriptions].allSatisfy {
                    metrics["socketio_redis_failed_attempts_total", $0] ?? 0 > 0
                }
            }
            #expect(metrics["socketio_redis_up", Self.commands] == 0)
            let client = publisher.client
            let failures = Recorder<RedisError>()
            for number in 0..<3 {
                client.send(RESPCommand("SET", "k", "\(number)"), whenDown: .wait(.seconds(60))) { outcome in
                    if case .failure(let error) = outcome { failures.append(error) }
                }
            }
            try await eventually("the third one is refused") { failures.values.map(\.code) == [.overloaded] }
            #expect(metrics["socketio_redis_commands_refused_total", Self.commands] == 1)
            #expect(metrics["socketio_redis_up", Self.subscriptions] == 0)
            // Redis has cut the subscriber when it took the channels away, and it may have come back before the end.
            let subscriptions = try #require(metrics["socketio_redis_connections_total", Self.subscriptions])
            try await server.start()
            try await eventually("back") { metrics["socketio_redis_connections_total", Self.commands] == 2 }
            try await eventually("back") {
                metrics["socketio_redis_connections_total", Self.subscriptions] == subscriptions + 1
            }
            await publisher.client.close()
            await subscription.subscriber.close()
        }
    }
}
