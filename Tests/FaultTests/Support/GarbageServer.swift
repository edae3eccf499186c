// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import NIOCore
import NIOPosix
import RedisTesting

/// Answers everything with bytes that are no RESP2.
final class GarbageServer: Sendable {
    private let listener: any Channel
    let connections: Recorder<Int>
    var eventLoop: any EventLoop { listener.eventLoop }
    var configuration: RedisConfiguration {
        RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: listener.localAddress?.port ?? 0)))
    }

    init() async throws {
        let connections = Recorder<Int>()
        self.connections = connections
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.append(1)
                    let texts = [
                        "*4294967296\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n+OK\r\n+OK\r\n+OK\r\n", "$x\r\n",
                    ]
                    try channel.pipeline.syncOperations.addHandler(Answer(texts[connections.count % texts.count]))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func close() async throws {
        try await listener.close()
    }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let text: String
        init(_ text: String) { self.text = text }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
