// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SocketIORedis
internal import SocketIOServer

/// What a message between nodes costs an event loop, over a real Redis and without clients.
struct RedisSpeed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis-speed",
        abstract: "Measures publishing and receiving between two nodes in this process; see docs/performance.md.",
        discussion: """
            CPU time is that of the node's event loop alone, user and system. A room that nobody is in makes the \
            receiving node drop messages unread; without a room it decodes them.
            """)

    @Option(help: "URL of Redis.")
    var redis = "redis://127.0.0.1:6379"

    @Option(help: "Messages to measure.")
    var count = 500_000

    @Option(help: "Characters of the message.")
    var size = 200

    @Option(help: "Room to publish to; without it messages are for everybody.")
    var room: String?

    @Flag(help: "Leave out the node that receives, as is best under a profiler.")
    var alone = false

    @Flag(help: "Streams instead of publish/subscribe.")
    var streams = false

    mutating func validate() throws {
        guard count >= Self.window, size >= 0 else {
            throw ValidationError("--count must be \(Self.window) or more, and --size not negative")
        }
    }

    /// Messages that leave in one tick, and are waited for together.
    private static let window = 1_000
    /// Windows on their way at a time.
    private static let windows = 4

    func run() async throws {
        let sender = try await Node(redis: redis, streams: streams)
        let receiver = alone ? nil : try await Node(redis: redis, streams: streams)
        // Caches, buffers and branch predictors as in a server that has worked for a while.
        try await publish(min(count, 50_000), from: sender)
        try await receiver?.arrived()

        let receiverBefore = try await receiver?.loop.processorTime().get()
        let (before, start) = (try await sender.loop.processorTime().get(), ContinuousClock.now)
        let published = try await publish(count, from: sender)
        let (after, elapsed) = (try await sender.loop.processorTime().get(), ContinuousClock.now - start)
        report("publish", messages: published, processorTime: after - before, elapsed: elapsed)
        if let receiver, let receiverBefore {
            try await receiver.arrived()
            report(
                room == nil ? "receive" : "filter", messages: published,
                processorTime: try await receiver.loop.processorTime().get() - receiverBefore,
                elapsed: ContinuousClock.now - start)
        }
        await sender.io.close()
        await receiver?.io.close()
    }

    /// Publishes at least so many messages, and returns how many, when Redis has confirmed all.
    @discardableResult
    private func publish(_ count: Int, from node: Node) async throws -> Int {
        let perTask = (count + Self.window * Self.windows - 1) / (Self.window * Self.windows)
        let text = String(repeating: "x", count: size)
        let target = room.map { node.io.to($0) } ?? node.io.everyone
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.windows {
                group.addTask {
                    for _ in 0..<perTask {
                        try await node.loop.submit {
                            for _ in 0..<Self.window { target.emit("msg", text) }
                        }.get()
                        // Answered after everything sent before it.
                        _ = try await node.io.adapter.serverCount()
                    }
                }
            }
            try await group.waitForAll()
        }
        return perTask * Self.window * Self.windows
    }

    private func report(_ what: String, messages: Int, processorTime: Double, elapsed: Duration) {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        let each = processorTime / Double(messages) * 1e6
        // Hundredths of a microsecond.
        let shown = (each * 100).rounded() / 100
        print(
            """
            \(what)\tmessages \(messages)\tCPU \(shown) us each\t\(Int(1e6 / each)) per second of CPU\t\
            \(Int(Double(messages) / seconds)) per second
            """)
    }

    /// A server of one event loop, with its part in the cluster.
    private struct Node {
        let io: Server
        let cluster: RedisCluster
        let loop: any EventLoop

        init(redis: String, streams: Bool) async throws {
            var settings = RedisClusterConfiguration()
            if streams {
                var streams = RedisStreams()
                // The reader may be behind the writer for a while.
                streams.maxLength = 1_000_000
                settings.streams = streams
            }
            cluster = try RedisCluster(url: redis, configuration: settings)
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            loop = group.next()
            var configuration = ServerConfiguration()
            configuration.adapter = cluster.adapter
            configuration.logger.logLevel = .error
            io = Server(configuration: configuration, eventLoopGroup: group)
            _ = io.sockets
            try await cluster.waitUntilUp(within: .seconds(10))
        }

        /// Waits until nothing more arrives; for long enough that a loop without a processor does not seem to be done.
        func arrived() async throws {
            var last = -1
            while true {
                let statistics = cluster.statistics
                let now = statistics.received + statistics.filtered
                if now == last { return }
                last = now
                try await Task.sleep(for: .milliseconds(400))
            }
        }
    }
}
