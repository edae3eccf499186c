// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Removes the ``ProxyHeader`` from a connection of a trusted proxy, tells the handlers behind it, and leaves the
/// pipeline. It does not touch connections of other peers.
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let server: HTTPServer
    private var bytes = ByteBuffer()
    private var isDone = false

    init(server: HTTPServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return context.fireChannelRead(data) }
        var new = unwrapInboundIn(data)
        guard server.configuration.trustedProxies.isTrusted(context.channel.remoteAddress?.ipAddress ?? "") else {
            return leave(context, with: new)
        }
        bytes.writeBuffer(&new)
        switch ProxyHeader.take(from: &bytes) {
        case .incomplete:
            break
        case .malformed:
            isDone = true
            bytes = ByteBuffer()
            server.service.proxyHeaderMissing(
                from: context.channel.remoteAddress?.ipAddress ?? "", on: context.eventLoop)
            context.close(promise: nil)
        case .complete(let header):
            context.fireUserInboundEventTriggered(header)
            leave(context, with: bytes)
        }
    }

    private func leave(_ context: ChannelHandlerContext, with rest: ByteBuffer) {
        isDone = true
        bytes = ByteBuffer()
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
