// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Gives accepted connections their handlers, instead of NIO's bootstrap, which goes to the connection's loop and back
/// and makes several futures for each connection. These futures cost more than the handlers.
///
///     accepted ─▶ Acceptor ─▶ bootstrap ─▶ way out ─▶ the channel, which registers the connection on its loop
///                     └───────────────────────┘
///
/// A connection of another loop gets its handlers there, right before it is registered: both steps are queued on that
/// loop, in this order.
///
/// Confined to the listener's event loop.
final class Acceptor: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// Stands behind the bootstrap's handler.
    private final class PipelineTail: ChannelInboundHandler {
        typealias InboundIn = any Channel
        var context: ChannelHandlerContext?

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }
        func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }
    }

    private let setUp: @Sendable (any Channel) throws -> Void
    private let handover: ConnectionHandover
    private let tail = PipelineTail()

    /// - Parameter setUp: gives a connection its handlers, on its loop, before it is active.
    init(_ handover: ConnectionHandover, _ setUp: @escaping @Sendable (any Channel) throws -> Void) {
        self.handover = handover
        self.setUp = setUp
    }

    /// Lets connections bypass the bootstrap of `listener`, whose handler must exist by now. Until then all of them
    /// pass through it.
    static func bypassBootstrap(of listener: any Channel) throws {
        let acceptor = try listener.pipeline.syncOperations.handler(type: Acceptor.self)
        try listener.pipeline.syncOperations.addHandler(acceptor.tail)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let accepted = unwrapInboundIn(data)
        guard let end = tail.context else { return context.fireChannelRead(data) }
        guard accepted.eventLoop === context.eventLoop else {
            handover.perform(on: accepted.eventLoop, from: context.eventLoop) { [setUp] in
                // A closed channel is not registered.
                do { try setUp(accepted) } catch { accepted.close(promise: nil) }
            }
            return end.fireChannelRead(data)
        }
        do {
            try setUp(accepted)
            end.fireChannelRead(data)
        } catch {
            accepted.close(promise: nil)
            context.fireErrorCaught(error)
        }
    }
}
