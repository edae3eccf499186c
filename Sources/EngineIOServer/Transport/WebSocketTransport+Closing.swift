// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Glibc
internal import NIOCore

/// Closes a connection whose peer does not. An object, because most connections never have one.
final class CloseTimer {
    private let scheduled: Scheduled<Void>

    init(_ transport: WebSocketTransport, on eventLoop: any EventLoop) {
        scheduled = eventLoop.scheduleTask(in: WebSocketTransport.closeTimeout) { transport.closeChannel() }
    }

    func cancel() { scheduled.cancel() }
}

// The end of a WebSocket. Everything here runs on the connection's loop.
extension WebSocketTransport {
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed, !endsLater(.closed("end of stream")) {
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
        if !endsLater(.closed("connection ended")) { report(.closed("connection ended")) }
        if hop != nil { hopIn() }
        context.fireChannelInactive()
    }

    func close(isBroken: Bool) {
        guard state == .open else { return }
        if isBroken { closeChannel() } else { sayGoodbye(code: nil, thenFinish: false) }
    }

    /// Answers the peer's close frame, which was the last thing it may send (RFC 6455, 5.5.1): the connection need not be
    /// read any more. Returns whether the answer has left, so that the channel can be closed; otherwise that happens when
    /// it has.
    func answerGoodbye(code: UInt16?) -> Bool {
        guard let context, context.channel.isActive else { return true }
        let frame = ServerFrame.close(code: code)
        let direct = directSocket(context)
        state = .closing
        let sent = direct?.send(frame, isLast: true) ?? 0
        guard sent < frame.readableBytes else { return true }
        closeTimer = CloseTimer(self, on: context.eventLoop)
        let rest = frame.getSlice(at: frame.readerIndex + sent, length: frame.readableBytes - sent) ?? frame
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in self.closeChannel() }
        context.writeAndFlush(wrapOutboundOut(rest), promise: promise)
        return false
    }

    /// Sends our close frame and gives the peer a moment.
    /// - Parameter thenFinish: the peer's input cannot be read any more: end our side of the stream as well. What still
    ///   arrives is read and dropped, lest a reset destroys the frame on its way.
    func sayGoodbye(code: UInt16?, thenFinish: Bool) {
        guard let context, context.channel.isActive else { return }
        writeResponse(context)
        state = .closing
        closeTimer = CloseTimer(self, on: context.eventLoop)
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
