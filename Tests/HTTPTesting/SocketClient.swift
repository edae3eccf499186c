// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix

/// A TCP client that collects what it receives.
package final class SocketClient: Sendable {
    package struct TimedOut: Error {
        package var received: String
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = NIOLockedValueBox((bytes: ByteBuffer(), isClosed: false))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            state.withLockedValue { _ = $0.bytes.writeBuffer(&bytes) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            state.withLockedValue { $0.isClosed = true }
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    package let channel: any Channel
    private let collector: Collector

    private init(channel: any Channel, collector: Collector) {
        self.channel = channel
        self.collector = collector
    }

    package static func connect(
        port: Int, group: any EventLoopGroup,
        handlers: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) async throws -> SocketClient {
        let collector = Collector()
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try handlers(channel)
                    try channel.pipeline.syncOperations.addHandler(collector)
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return SocketClient(channel: channel, collector: collector)
    }

    package var received: String { collector.state.withLockedValue { String(buffer: $0.bytes) } }
    /// What `body` says of all bytes received. A buffer taken out of the lock would share its memory with the next read.
    package func received<Result>(_ body: (ByteBufferView) -> Result) -> Result {
        collector.state.withLockedValue { body($0.bytes.readableBytesView) }
    }
    package var isClosed: Bool { collector.state.withLockedValue { $0.isClosed } }

    package func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// Waits until `condition` holds for what has been received.
    package func wait(
        seconds: Int = 5, for condition: @Sendable (_ received: String, _ isClosed: Bool) -> Bool
    ) async throws {
        guard await holdsSoon(seconds: seconds, { condition(received, isClosed) }) else {
            throw TimedOut(received: received)
        }
    }

    /// Waits for so many complete answers with `Content-Length`.
    package func answers(_ count: Int) async throws -> [(status: Int, head: String, body: String)] {
        try await wait { received, _ in received.answers().count >= count }
        return received.answers()
    }

    package func close() async throws {
        try await channel.close()
    }
}

/// Polls a condition until it holds or the time is over.
package func holdsSoon(seconds: Int = 5, _ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !condition() {
        if ContinuousClock.now > deadline { return false }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return true
}
