// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SocketIOServer

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a broadcast costs an event loop for each recipient, over real sockets of this process.
struct FanOutSpeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fan-out-speed",
        abstract: "Measures a broadcast to clients that do nothing but read; see docs/performance.md.",
        discussion: """
            From emit to the last send: the frame, the room, the staged messages, one system call for each recipient. CPU time is \
            that of the event loop alone, user and system. Under callgrind, which sees no kernel, the server's part is counted.
            """)

    @Option(help: "Clients in the room.")
    var recipients = 1_000

    @Option(help: "Broadcasts to measure.")
    var count = 1_000

    @Option(help: "Characters of the message.")
    var size = 64

    mutating func validate() throws {
        guard (1...50_000).contains(recipients), count > 0, (0...16_000).contains(size) else {
            throw ValidationError("--recipients must be 1 to 50000, --count above 0, and --size 0 to 16000")
        }
    }

    func run() throws {
        DescriptorLimit.raise()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        var configuration = ServerConfiguration()
        // Clients here answer no ping, and a run under callgrind takes long.
        configuration.engine.pingInterval = .hours(1)
        configuration.logger.logLevel = .error
        let io = Server(configuration: configuration, eventLoopGroup: group)
        io.onConnection { $0.join("everybody") }
        guard let port = try loop.makeFutureWithTask({ try await io.listen()?.port }).wait() else {
            throw ValidationError("no port to listen on")
        }

        var readers: [PassiveClient] = []
        for _ in 0..<recipients { readers.append(try PassiveClient(port: port)) }
        let text = String(repeating: "x", count: size)
        let room = io.to("everybody")
        // `42["msg","…"]` with the header of its frame.
        let length = size + 11
        let frame = length + (length < 126 ? 2 : 4)
        // The first rounds show the transports that their sockets take everything.
        var before = 0.0
        for round in 0..<(Self.warmUp + count) {
            if round == Self.warmUp { before = try processorTime(of: loop) }
            try loop.submit { room.emit("msg", text) }.wait()
            for reader in readers { try reader.skip(frame) }
        }
        let used = try processorTime(of: loop) - before
        let each = used * 1e6 / Double(count * recipients)
        print("fan-out\trecipients \(recipients)\tbroadcasts \(count)\tCPU \((each * 1000).rounded() / 1000) us each")
        for reader in readers { reader.close() }
        try loop.makeFutureWithTask({ await io.close() }).wait()
    }

    private static let warmUp = 5

    /// Seconds of CPU time the event loop has used.
    private func processorTime(of loop: any EventLoop) throws -> Double {
        try loop.submit {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }.wait()
    }
}
