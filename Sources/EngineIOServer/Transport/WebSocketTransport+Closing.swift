// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

// The end of a WebSocket. Everything here runs on the connection's loop.
extension WebSocketTransport {
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            report(.closed("end of stream"))
            if hop != nil { hopIn() }
            closeChannel()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset is an abnormal closure by the peer like any other; other errors are faults of the connection.
        let isPeerClosure = (error as? IOError).map { $0.errnoCode == ECONNRESET || $0.errnoCode == EPIPE } ?? false
        report(isPeerClosure ? .closed("connection reset") : .failed("socket error"))
        if hop != nil { hopIn() }
        closeChannel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closed
        closeTimer?.cancel()
        closeTimer = nil
        report(.closed("connection ended"))
        if hop != nil { hopIn() }
        context.fireChannelInactive()
    }

    func close(isBroken: Bool) {
        guard state == .open else { return }
        if isBroken { closeChannel() } else { sayGoodbye(code: nil, thenFinish: false) }
    }

    /// Sends our close frame and gives the peer a moment.
    /// - Parameter thenFinish: the peer's frame has come already, or its input cannot be read any more: end our side of
    ///   the stream as well. What still arrives is read and dropped, lest a reset destroys the frame on its way.
    func sayGoodbye(code: UInt16?, thenFinish: Bool) {
        guard let context, context.channel.isActive else { return }
        state = .closing
        closeTimer = context.eventLoop.scheduleTask(in: Self.closeTimeout) { self.closeChannel() }
        let frame = wrapOutboundOut(ServerFrame.close(code: code))
        guard thenFinish else { return context.writeAndFlush(frame, promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        promise.futureResult.whenSuccess { channel.close(mode: .output, promise: nil) }
        context.writeAndFlush(frame, promise: promise)
    }

    func closeChannel() {
        guard state != .closed else { return }
        state = .closed
        closeTimer?.cancel()
        closeTimer = nil
        context?.close(promise: nil)
    }
}
