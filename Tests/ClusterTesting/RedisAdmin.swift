// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
internal import NIOCore
internal import NIOPosix
package import ProcessTesting

package struct TestFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

extension RedisServer {
    package var configuration: RedisConfiguration {
        RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: port)))
    }

    /// A client for what a test does to the server.
    package func admin() async throws -> RedisAdmin { try await RedisAdmin(configuration) }
}

/// Runs commands.
package final class RedisAdmin: Sendable {
    private let client: RedisClient

    package init(_ configuration: RedisConfiguration) async throws {
        client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger, name: "admin")
        client.start()
        try await client.waitUntilUp(within: .seconds(10))
    }

    @discardableResult
    package func run(_ words: String...) async throws -> RESPValue {
        try await run(words: words)
    }

    @discardableResult
    package func run(words: [String]) async throws -> RESPValue {
        try await client.execute(RESPCommand(words[0], arguments: Array(words.dropFirst())))
    }

    package func execute(_ command: RESPCommand) async throws -> RESPValue { try await client.execute(command) }

    @discardableResult
    package func publish(_ channel: String, _ bytes: [UInt8]) async throws -> Int {
        try await client.publish(ByteBuffer(bytes: bytes), to: channel)
    }

    package func close() async { await client.close() }
}
