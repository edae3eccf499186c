// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import Testing

/// What the server relies on in SwiftNIO and NIO does not promise. When one of these fails after an update, the code that
/// it names has to change with it.
@Suite("The order in which NIO does things")
struct NIOOrderTests {
    /// Notes what happens to it.
    private final class Recorder: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        private(set) var events: [String] = []

        func channelActive(context: ChannelHandlerContext) { events.append("active") }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { events.append("read") }
        func handlerRemoved(context: ChannelHandlerContext) { events.append("removed") }
    }

    /// Two connected descriptors.
    private static func pair() throws -> (ours: CInt, peers: CInt) {
        var descriptors: [CInt] = [-1, -1]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &descriptors) == 0)
        return (descriptors[0], descriptors[1])
    }

    private static func adopt(_ descriptor: CInt, on loop: any EventLoop) async throws -> any Channel {
        try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Recorder()) }
            }
            .withConnectedSocket(descriptor).get()
    }

    /// `Rehoming` replays the bytes that it has gathered in `channelActive`, so nothing may be read before that.
    @Test func anAdoptedSocketIsActiveBeforeItReads() async throws {
        let (ours, peers) = try Self.pair()
        defer { Glibc.close(peers) }
        try #require(Glibc.write(peers, "x", 1) == 1)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let channel = try await Self.adopt(ours, on: loop)
        let events = try await loop.flatSubmit {
            // One more turn of the loop at least, in which the byte that waits is read.
            loop.scheduleTask(in: .milliseconds(20)) {
                try channel.pipeline.syncOperations.handler(type: Recorder.self).events
            }.futureResult
        }.get()
        #expect(events.first == "active")
        #expect(events.dropFirst().allSatisfy { $0 == "read" })
        try await channel.close()
    }

    /// `Rehoming` closes the channel of the old loop while a duplicate of its descriptor lives on: the peer may not see an end.
    @Test func closingOneOfTwoDescriptorsIsNotSeenByThePeer() async throws {
        let (ours, peers) = try Self.pair()
        defer { Glibc.close(peers) }
        let duplicate = try #require(Optional(fcntl(ours, F_DUPFD_CLOEXEC, 0)))
        try #require(duplicate >= 0)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let channel = try await Self.adopt(ours, on: loop)
        try await channel.close(mode: .all)
        var byte: UInt8 = 0
        #expect(recv(peers, &byte, 1, CInt(MSG_DONTWAIT)) == -1, "no end of the stream, and no byte")
        #expect(errno == EAGAIN)
        #expect(Glibc.write(duplicate, "y", 1) == 1)
        #expect(recv(peers, &byte, 1, 0) == 1)
        Glibc.close(duplicate)
        #expect(recv(peers, &byte, 1, 0) == 0, "the end comes with the last descriptor")
    }

    /// `HTTPConnectionHandler.detach` hands a connection over in the call that removes the handler.
    @Test func aHandlerIsGoneWhenItsRemovalReturns() async throws {
        let (ours, peers) = try Self.pair()
        defer { Glibc.close(peers) }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let channel = try await Self.adopt(ours, on: loop)
        let events = try await loop.submit {
            let pipeline = channel.pipeline.syncOperations
            let recorder = try pipeline.handler(type: Recorder.self)
            pipeline.removeHandler(context: try pipeline.context(handlerType: Recorder.self), promise: nil)
            return recorder.events
        }.get()
        #expect(events.last == "removed")
        try await channel.close()
    }

    /// Passes accepted connections by the bootstrap, as `Acceptor` does.
    private final class Bypass: ChannelInboundHandler, Sendable {
        typealias InboundIn = any Channel

        private final class End: ChannelInboundHandler {
            typealias InboundIn = any Channel
        }

        let accepted = NIOLockedValueBox<[any Channel]>([])

        static func add(behindTheBootstrapOf listener: any Channel) throws {
            try listener.pipeline.syncOperations.addHandler(End(), name: "end")
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let channel = unwrapInboundIn(data)
            accepted.withLockedValue { $0.append(channel) }
            channel.eventLoop.execute { try? channel.pipeline.syncOperations.addHandler(Recorder()) }
            guard let end = try? context.pipeline.syncOperations.context(name: "end") else { return }
            end.fireChannelRead(data)
        }
    }

    /// `Acceptor` relies on this: the listener's channel registers what comes to the end of its pipeline, on the loop of the
    /// connection and after what has been queued there; and the loops of a group are taken in turn, as `ConnectionHandover` counts.
    @Test func whatIsPassedByTheBootstrapIsRegisteredAfterItsHandlers() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let bypass = Bypass()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton, childGroup: group)
            .serverChannelInitializer { $0.pipeline.addHandler(bypass) }
            .bind(host: "127.0.0.1", port: 0).get()
        try await listener.eventLoop.submit { try Bypass.add(behindTheBootstrapOf: listener) }.get()
        let address = try #require(listener.localAddress)
        var clients: [any Channel] = []
        for _ in 0..<6 {
            clients.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address).get())
        }
        for client in clients { try await client.writeAndFlush(ByteBuffer(string: "x")).get() }
        let deadline = ContinuousClock.now + .seconds(60)
        var events: [[String]] = []
        repeat {
            events = []
            for channel in bypass.accepted.withLockedValue({ $0 }) {
                events.append(
                    try await channel.eventLoop.submit {
                        try channel.pipeline.syncOperations.handler(type: Recorder.self).events
                    }.get())
            }
        } while (events.count < 6 || events.contains { $0.count < 2 }) && ContinuousClock.now < deadline
        #expect(events == Array(repeating: ["active", "read"], count: 6))
        let loops = bypass.accepted.withLockedValue { $0.map { ObjectIdentifier($0.eventLoop) } }
        for (one, next) in zip(loops, loops.dropFirst()) { #expect(one != next) }
        for client in clients { try await client.close() }
        try await listener.close()
        try await group.shutdownGracefully()
    }
}
