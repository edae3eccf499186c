// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import LoopConfinement
import NIOCore
import NIOPosix
import ProcessTesting

@testable import HiredisNIO

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

extension RedisServer {
    var host: RedisHost { RedisHost(host: "127.0.0.1", port: port) }
    var configuration: RedisConfiguration { RedisConfiguration(endpoint: .tcp(host)) }

    /// A connected client for what a test does to the server.
    func admin(_ change: (inout RedisConfiguration) -> Void = { _ in }) async throws -> RedisClient {
        var configuration = configuration
        change(&configuration)
        return try await RedisClient.connected(configuration)
    }
}

extension RedisClient {
    static func connected(
        _ configuration: RedisConfiguration, handlers: sending RedisClientHandlers = RedisClientHandlers()
    ) async throws -> RedisClient {
        let client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger, handlers: handlers)
        client.start()
        try await client.waitUntilUp(within: .seconds(20))
        return client
    }

    func run(_ words: String...) async throws -> RESPValue {
        try await execute(RESPCommand(words[0], arguments: Array(words.dropFirst())), timeout: .seconds(20))
    }
}

/// What a subscriber told, and the subscriber.
final class Subscription: Sendable {
    let subscriber: RedisSubscriber
    let messages: Recorder<String>
    let outages: Recorder<RedisOutage>
    let states: Recorder<RedisLinkState>
    let oversized: Recorder<Int>

    init(_ configuration: RedisConfiguration, channels: [String], patterns: [String] = []) async throws {
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
final class Publisher: Sendable {
    let client: RedisClient
    let delivered: Recorder<UInt64>
    let lost: Recorder<String>

    init(_ configuration: RedisConfiguration) async throws {
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
    func publish(_ tags: ClosedRange<UInt64>, to channel: String) async throws -> Int {
        await client.core.get { core in
            tags.count { core.publish(RedisPublish(ByteBuffer(string: "\($0)"), to: channel), tag: $0) == .accepted }
        }
    }
}
