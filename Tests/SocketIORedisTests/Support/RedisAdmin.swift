// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import NIOCore
import NIOPosix
import ProcessTesting
import SocketIOTesting

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension RedisServer {
    var configuration: RedisConfiguration {
        RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: port)))
    }

    /// A client for what a test does to the server.
    func admin() async throws -> RedisAdmin { try await RedisAdmin(configuration) }
}

/// Runs commands.
final class RedisAdmin: Sendable {
    private let client: RedisClient

    init(_ configuration: RedisConfiguration) async throws {
        client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger, name: "admin")
        client.start()
        try await client.waitUntilUp(within: .seconds(10))
    }

    @discardableResult
    func run(_ words: String...) async throws -> RESPValue {
        try await run(words: words)
    }

    @discardableResult
    func run(words: [String]) async throws -> RESPValue {
        try await client.execute(RESPCommand(words[0], arguments: Array(words.dropFirst())))
    }

    @discardableResult
    func publish(_ channel: String, _ bytes: [UInt8]) async throws -> Int {
        try await client.publish(ByteBuffer(bytes: bytes), to: channel)
    }

    func close() async { await client.close() }
}
