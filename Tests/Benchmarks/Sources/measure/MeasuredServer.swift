// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import EngineIOServer
internal import Glibc
internal import LoadApplication
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SocketIOServer

/// A server, mostly of one event loop, and the ``LoadApplication``, for clients of the same process: what they cost it can be measured,
/// and counted under a tool that runs one process.
struct MeasuredServer {
    let io: Server
    let loop: any EventLoop
    let port: Int

    init(eventLoops: Int = 1) throws {
        LargeAllocations.keepApart()
        DescriptorLimit.raise()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: eventLoops)
        loop = group.next()
        var configuration = ServerConfiguration()
        // Clients here answer no ping, and a run under callgrind takes long.
        configuration.engine.pingInterval = .seconds(3_600)
        configuration.logger.logLevel = .error
        let io = Server(configuration: configuration, eventLoopGroup: group)
        LoadApplication.install(on: io)
        self.io = io
        guard let port = try loop.makeFutureWithTask({ try await io.listen()?.port }).wait() else {
            throw ValidationError("no port to listen on")
        }
        self.port = port
    }

    /// Runs `work` so often after a few times that do not count, and prints what each has cost the event loop.
    /// - Parameters:
    ///   - name: what is measured; the first word of the line.
    ///   - conditions: under which, and what has come of it; asked for in the end.
    ///   - pieces: how many parts of each time there are whose cost is meant.
    func measure(
        _ name: String, _ conditions: @autoclosure () -> String, count: Int, pieces: Int = 1, _ work: () throws -> Void
    ) throws {
        // The first rounds fill what is kept for others, and show transports that their sockets take everything.
        for _ in 0..<Self.warmUp { try work() }
        let before = try loop.processorTime().wait()
        for _ in 0..<count { try work() }
        let used = try loop.processorTime().wait() - before
        let each = used * 1e6 / Double(count * pieces)
        print("\(name)\t\(conditions())\tCPU \((each * 1000).rounded() / 1000) us each")
    }

    func close() throws {
        let io = io
        try loop.makeFutureWithTask({ await io.close() }).wait()
    }

    private static let warmUp = 5
}

extension EventLoop {
    /// Seconds of CPU time this event loop has used, user and system.
    func processorTime() -> EventLoopFuture<Double> {
        submit {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
    }
}
