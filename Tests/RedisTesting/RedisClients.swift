// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import Logging
internal import LoopConfinement
internal import NIOCore
internal import NIOPosix
package import ProcessTesting

/// Writes nothing.
package let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

extension RedisServer {
    package var host: RedisHost { RedisHost(host: "127.0.0.1", port: port) }
    package var configuration: RedisConfiguration { RedisConfiguration(endpoint: .tcp(host)) }

    /// A connected client for what a test does to the server.
    package func admin(_ change: (inout RedisConfiguration) -> Void = { _ in }) async throws -> RedisClient {
        var configuration = configuration
        change(&configuration)
        return try await RedisClient.connected(configuration)
    }
}

extension RedisClient {
    package static func connected(
        _ configuration: RedisConfiguration, handlers: sending RedisClientHandlers = RedisClientHandlers()
    ) async throws -> RedisClient {
        let client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger, handlers: handlers)
        client.start()
        try await client.waitUntilUp(within: .seconds(20))
        return client
    }

    package func run(_ words: String...) async throws -> RESPValue {
        try await execute(RESPCommand(words[0], arguments: Array(words.dropFirst())), timeout: .seconds(20))
    }
}

/// What a subscriber told, and the subscriber.
package final class Subscription: Sendable {
    package let subscriber: RedisSubscriber
    package let messages: Recorder<String>
    package let outages: Recorder<RedisOutage>
    package let states: Recorder<RedisLinkState>
    package let oversized: Recorder<Int>

    package init(_ configuration: RedisConfiguration, channels: [String], patterns: [String] = []) async throws {
        let messages = Recorder<String>()
        let outages = Recorder<RedisOutage>()
        let states = Recorder<RedisLinkState>()
        let oversized = Recorder<Int>()
        var handlers = RedisSubscriberHandlers { message in
            let pattern = message.pattern.map { "\(String(buffer: $0)) " } ?? ""
            messages.append("\(pattern)\(String(buffer: message.channel)) \(String(buffer: message.payload))")
        }
        handlers.onOutage = { outages.append($0) }
        handlers.onState = { states.append($0) }
        handlers.onOversized = { oversized.append(1) }
        (self.messages, self.outages, self.states, self.oversized) = (messages, outages, states, oversized)
        subscriber = RedisSubscriber(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger, handlers: handlers)
        subscriber.start()
        try await subscriber.subscribe(channels)
        try await subscriber.subscribe(patterns, kind: .pattern)
    }
}

/// Numbered publishes with what became of them, all on the client's loop.
package final class Publisher: Sendable {
    package let client: RedisClient
    package let delivered: Recorder<UInt64>
    package let lost: Recorder<String>

    package init(_ configuration: RedisConfiguration) async throws {
        let delivered = Recorder<UInt64>()
        let lost = Recorder<String>()
        (self.delivered, self.lost) = (delivered, lost)
        var handlers = RedisClientHandlers()
        handlers.onPublished = { tag, outcome in
            switch outcome {
            case .delivered, .appended: delivered.append(tag)
            case .refused(let error): lost.append("\(tag) \(error)")
            case .notSent: lost.append("\(tag) notSent")
            case .unknown: lost.append("\(tag) unknown")
            }
        }
        client = try await RedisClient.connected(configuration, handlers: handlers)
    }

    /// Publishes `tags` to a channel in one tick; returns how many were accepted.
    @discardableResult
    package func publish(_ tags: ClosedRange<UInt64>, to channel: String) async throws -> Int {
        await client.core.get { core in
            tags.count { core.publish(RedisPublish(ByteBuffer(string: "\($0)"), to: channel), tag: $0) == .accepted }
        }
    }
}
