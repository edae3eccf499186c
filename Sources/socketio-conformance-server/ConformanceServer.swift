// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Dispatch
internal import EngineIOServer
internal import Glibc
internal import NIOCore
internal import SocketIORedis
internal import SocketIOServer

/// Serves the applications that independent test suites expect, on the real server; see `docs/testing.md`.
@main
struct ConformanceServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "socketio-conformance-server",
        abstract: "Applications of the Engine.IO and Socket.IO conformance suites.",
        discussion: "Prints \"listening PORT\" when it accepts connections. SIGTERM ends it with 0.")

    @Option(help: "eio, protocol, client-suite, mixed, bench or ws-echo.")
    var app: ConformanceApplication

    @Option(help: "Port to listen on; 0 takes any free one.")
    var port: Int

    @Option(help: "Address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "memory, redis, sharded or streams.")
    var adapter = AdapterChoice.memory

    @Option(help: "URL of Redis; default redis://127.0.0.1:6379.")
    var redis: String?

    @Option(help: "First part of all channel names; default socket.io.")
    var key: String?

    @Option(help: "With --adapter sharded: static, dynamic (the default) or dynamic-private.")
    var mode: ModeChoice?

    @Flag(help: "The adapter's publishOnSpecificResponseChannel.")
    var specificResponseChannel = false

    @Option(help: "Milliseconds to wait for answers of other servers; default 5000.")
    var requestsTimeout: Int?

    @Option(help: "Name that `mixed` reports.")
    var name = "node"

    @Flag(help: "Clients of revision 3 of Engine.IO are accepted as well.")
    var eio3 = false

    @Option(help: "Milliseconds between pings; default as the application has it.")
    var ping: Int?

    @Option(help: "Milliseconds a pong may take; default as the application has it.")
    var pingTimeout: Int?

    @Flag(help: "Connection state recovery, with its defaults.")
    var recovery = false

    @Flag(help: "With --recovery and --adapter streams: sessions may be continued at Node's servers, and theirs here.")
    var shareWithNode = false

    @Flag(help: "Rooms may have a history, with the defaults.")
    var durable = false

    @Option(help: "How clients write their packets: default, msgpack or auto.")
    var parser = ParserChoice.default

    @Flag(help: "WebSocket compression for messages of 1,024 bytes and more; `ws-echo` always has it.")
    var deflate = false

    @Option(help: "Number of event loops.")
    var eventLoops = 1

    mutating func validate() throws {
        var problems: [String] = []
        if mode != nil, adapter != .sharded { problems.append("--mode needs --adapter sharded") }
        if adapter == .memory {
            let needing: [(given: Bool, option: String)] = [
                (redis != nil, "--redis"), (key != nil, "--key"),
                (specificResponseChannel, "--specific-response-channel"),
                (requestsTimeout != nil, "--requests-timeout"),
            ]
            for (given, option) in needing where given {
                problems.append("\(option) needs --adapter redis, sharded or streams")
            }
        }
        if shareWithNode, !recovery || adapter != .streams {
            problems.append("--share-with-node needs --recovery and --adapter streams")
        }
        if adapter != .memory, app == .eio || app == .wsEcho {
            problems.append("--app \(app.rawValue) has no rooms that an adapter could share")
        }
        if !(0...65535).contains(port) { problems.append("--port must be 0 to 65535") }
        if !(1...256).contains(eventLoops) { problems.append("--event-loops must be 1 to 256") }
        for (value, option) in [
            (ping, "--ping"), (pingTimeout, "--ping-timeout"), (requestsTimeout, "--requests-timeout"),
        ] {
            if let value, !(1...86_400_000).contains(value) {
                problems.append("\(option) must be 1 to 86400000 milliseconds")
            }
        }
        // Wrong usage: exit code 64.
        guard problems.isEmpty else { throw ValidationError(problems.joined(separator: "\n")) }
    }

    func run() async throws {
        LargeAllocations.keepApart()
        DescriptorLimit.raise()
        var settings = ApplicationSettings(
            host: host, port: port, eventLoops: eventLoops, name: name,
            pingInterval: ping.map { .milliseconds($0) },
            pingTimeout: pingTimeout.map { .milliseconds($0) },
            configure: { [deflate, eio3] in
                if deflate { $0.perMessageDeflate = PerMessageDeflateConfiguration() }
                $0.allowEIO3 = eio3
            })
        let cluster = adapter == .memory ? nil : try makeCluster()
        settings.configureServer = { [recovery, durable, parser] in
            $0.parser = PacketParser(rawValue: parser.rawValue) ?? .default
            if recovery { $0.connectionStateRecovery = ConnectionStateRecovery() }
            if durable { $0.durableRooms = DurableRooms() }
            guard let cluster else { return }
            $0.adapter = cluster.adapter
            // Clients may come by plain round robin.
            $0.engine.forwarding = ForwardingConfiguration(directory: cluster)
        }
        let running = try await app.start(settings)
        do {
            // A program that waits for the line below may expect the others to be reached.
            try await cluster?.waitUntilUp(within: .seconds(10))
        } catch {
            await running.stop()
            throw error
        }
        print("listening \(running.port)")
        fflush(nil)
        await Self.terminated()
        await running.stop()
    }

    private func makeCluster() throws -> RedisCluster {
        var configuration = RedisClusterConfiguration()
        if adapter == .sharded {
            configuration.sharded = ShardedPubSub(
                subscriptionMode: mode.flatMap { .init(rawValue: $0.rawValue) } ?? .dynamic)
        }
        if adapter == .streams {
            var streams = RedisStreams()
            // Tests divide one Redis by keys.
            if let key { streams.name = key }
            streams.sharesSessionsWithNode = shareWithNode
            configuration.streams = streams
        }
        if let key { configuration.key = key }
        if let requestsTimeout { configuration.requestsTimeout = .milliseconds(requestsTimeout) }
        configuration.publishOnSpecificResponseChannel = specificResponseChannel
        return try RedisCluster(url: redis ?? "redis://127.0.0.1:6379", configuration: configuration)
    }

    /// Waits for SIGTERM or SIGINT.
    private static func terminated() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        for await _ in stream { break }
        for source in sources { source.cancel() }
    }
}

extension ConformanceApplication: ExpressibleByArgument {}

enum ModeChoice: String, ExpressibleByArgument {
    case `static`
    case dynamic
    case dynamicPrivate = "dynamic-private"
}

enum AdapterChoice: String, ExpressibleByArgument {
    case memory
    case redis
    case sharded
    case streams
}

enum ParserChoice: String, ExpressibleByArgument {
    case `default`
    case msgpack
    case auto
}
