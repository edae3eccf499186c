// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A program whose host dies while it answers: each request gets a head and the first bytes of a body, and then nothing.
final class HeadServer: Sendable {
    private struct Figures {
        var made = 0
        var ended = 0
    }

    private let figures = Mutex(Figures())
    private let listener = Mutex<(any Channel)?>(nil)

    init() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    self.figures.withLock { $0.made += 1 }
                    channel.closeFuture.whenComplete { _ in self.figures.withLock { $0.ended += 1 } }
                    try channel.pipeline.syncOperations.addHandler(Answer())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        listener.withLock { $0 = channel }
    }

    var url: String { "http://127.0.0.1:\(listener.withLock { $0?.localAddress?.port ?? 0 })" }
    /// How many connections have been made to it, and how many of them have ended.
    var connections: (made: Int, ended: Int) { figures.withLock { ($0.made, $0.ended) } }

    func close() async throws { try await listener.withLock { $0 }?.close() }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var isSent = false

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isSent else { return }
            isSent = true
            let text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
