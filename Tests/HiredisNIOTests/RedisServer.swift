// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import Logging
import NIOCore
import NIOPosix
import ProcessTesting

@testable import HiredisNIO

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A real redis-server (or sentinel) on a free port of 127.0.0.1, in a directory of its own.
final class RedisServer: @unchecked Sendable {
    // Unchecked: used by one test at a time.
    let directory: URL
    let port: Int
    private let executable: String
    private let arguments: [String]
    private var process: RunningProcess?

    var pid: pid_t { process?.identifier ?? 0 }
    var host: RedisHost { RedisHost(host: "127.0.0.1", port: port) }
    var configuration: RedisConfiguration { RedisConfiguration(endpoint: .tcp(host)) }

    /// Starts a server and waits until it listens.
    ///
    /// - Parameter settings: lines of its configuration file; `{dir}` stands for its directory.
    init(_ settings: [String] = [], sentinel: Bool = false, tls: Bool = false, port: Int? = nil) async throws {
        executable = sentinel ? "/usr/bin/redis-sentinel" : "/usr/bin/redis-server"
        let package = sentinel ? "redis-sentinel" : "redis-server"
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw TestFailure("\(executable) is missing: install the Debian package \(package)")
        }
        directory = try Self.makeDirectory()
        if let port { self.port = port } else { self.port = try await Self.freePort() }
        var lines = ["bind 127.0.0.1", "dir \(directory.path)", "logfile \(directory.path)/log"]
        lines.append(tls ? "port 0" : "port \(self.port)")
        if tls { lines.append("tls-port \(self.port)") }
        if !sentinel { lines += ["save \"\"", "appendonly no", "enable-debug-command yes"] }
        for line in settings { lines.append(line.replacingOccurrences(of: "{dir}", with: directory.path)) }
        let file = directory.appendingPathComponent("redis.conf")
        try lines.joined(separator: "\n").appending("\n").write(to: file, atomically: true, encoding: .utf8)
        arguments = [file.path]
        try await start()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(at: directory)
    }

    static func makeDirectory() throws -> URL {
        // Short: the path of a Unix socket has 103 bytes at most.
        let directory = URL(fileURLWithPath: "/tmp/hiredis-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        return directory
    }

    static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close()
        return port
    }

    func start() async throws {
        let process = try RunningProcess(executable, arguments)
        self.process = process
        try await eventually("\(executable) listens") {
            guard process.isRunning else {
                throw TestFailure("\(executable) ended: \((try? String(contentsOf: self.log, encoding: .utf8)) ?? "")")
            }
            let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: self.port).get()
            try? await channel?.close()
            return channel != nil
        }
    }

    private var log: URL { directory.appendingPathComponent("log") }

    /// Ends it at once, by its own process id.
    func stop() {
        process?.kill()
    }

    func signal(_ number: Int32) {
        process?.signal(number)
    }

    /// A connected client for what a test does to the server.
    func admin(_ change: (inout RedisConfiguration) -> Void = { _ in }) async throws -> RedisClient {
        var configuration = configuration
        change(&configuration)
        return try await RedisClient.connected(configuration)
    }
}

extension RedisClient {
    static func connected(_ configuration: RedisConfiguration, handlers: RedisClientHandlers = RedisClientHandlers())
        async throws -> RedisClient
    {
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
            case .delivered: delivered.append(tag)
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
        let client = client
        return try await client.eventLoop.submit {
            tags.count { client.publish(RedisPublish(ByteBuffer(string: "\($0)"), to: channel), tag: $0) == .accepted }
        }.get()
    }
}
