// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import HiredisNIO
import NIOCore
import NIOPosix
import ProcessTesting
import SocketIOTesting

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A real redis-server on a free port of 127.0.0.1, in a directory of its own.
///
/// `@unchecked Sendable`: used by one test at a time.
final class RedisServer: @unchecked Sendable {
    static let executable = "/usr/bin/redis-server"
    static let sentinelExecutable = "/usr/bin/redis-sentinel"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: executable) }
    static var isSentinelInstalled: Bool { FileManager.default.isExecutableFile(atPath: sentinelExecutable) }

    let port: Int
    private let directory: URL
    private let executable: String
    private var process: RunningProcess?

    var configuration: RedisConfiguration {
        RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: port)))
    }

    /// A server that does not run yet.
    ///
    /// - Parameter settings: Lines of its configuration file.
    init(_ settings: [String] = [], isSentinel: Bool = false, usesTLS: Bool = false) async throws {
        executable = isSentinel ? Self.sentinelExecutable : Self.executable
        directory = URL(fileURLWithPath: "/tmp/sio-redis-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        try await channel.close()
        var lines = ["bind 127.0.0.1", "dir \(directory.path)"]
        lines += usesTLS ? ["port 0", "tls-port \(port)"] : ["port \(port)"]
        if !isSentinel { lines += ["save \"\"", "appendonly no", "enable-debug-command yes"] }
        try (lines + settings).joined(separator: "\n").appending("\n").write(
            to: file, atomically: true, encoding: .utf8)
    }

    private var file: URL { directory.appendingPathComponent("redis.conf") }

    static func started(
        _ settings: [String] = [], isSentinel: Bool = false, usesTLS: Bool = false
    ) async throws -> RedisServer {
        let server = try await RedisServer(settings, isSentinel: isSentinel, usesTLS: usesTLS)
        try await server.start()
        return server
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(at: directory)
    }

    func start() async throws {
        process = try RunningProcess(executable, [file.path])
        try await eventually("redis-server listens") {
            let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: self.port).get()
            try? await channel?.close()
            return channel != nil
        }
    }

    /// Kills it, by its own process id.
    func stop() {
        process?.kill()
        process = nil
    }

    func signal(_ number: Int32) {
        process?.signal(number)
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
