// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import NIOCore

/// A client's connection and one to the node of its session, joined: bytes are copied both ways.
///
/// On one event loop, to which it is confined. Nothing is kept but what one side has read and the other not yet taken.
final class Tunnel {
    private let client: TunnelSide
    private let owner: TunnelSide
    private let eventLoop: any EventLoop
    private let idleTime: TimeAmount
    private let whenEnded: (Tunnel) -> Void
    private var timer = DeadlineTimer()
    private var isOver = false

    /// - Parameters:
    ///   - idleTime: heartbeats pass more often than that, so a tunnel that is silent for longer leads nowhere.
    ///   - whenEnded: called once, when both sides are closed or about to be.
    init(
        client: TunnelSide, owner: TunnelSide, eventLoop: any EventLoop, idleTime: TimeAmount,
        whenEnded: @escaping (Tunnel) -> Void
    ) {
        self.client = client
        self.owner = owner
        self.eventLoop = eventLoop
        self.idleTime = idleTime
        self.whenEnded = whenEnded
        client.partner = owner
        owner.partner = client
        client.tunnel = self
        owner.tunnel = self
        moved()
    }

    /// Bytes have passed.
    func moved() {
        guard !isOver, timer.move(to: eventLoop.now + idleTime) else { return }
        startTimer()
    }

    private func startTimer() {
        timer.start(on: eventLoop) { [weak self] in
            guard let self else { return }
            guard self.timer.hasFired(now: self.eventLoop.now) else {
                if self.timer.move(to: self.timer.deadline) { self.startTimer() }
                return
            }
            self.end()
        }
    }

    /// Closes both sides at once.
    func end() {
        client.close()
        owner.close()
        over()
    }

    /// One side is gone.
    func over() {
        guard !isOver else { return }
        isOver = true
        timer.cancel()
        whenEnded(self)
    }
}

/// One of the two connections of a ``Tunnel``.
final class TunnelSide: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What may be held before there is another side.
    private static let maximumHeld = 64 * 1024
    /// How long the other side may take for the last bytes.
    private static let closingTime = TimeAmount.seconds(5)

    var partner: TunnelSide?
    weak var tunnel: Tunnel?
    /// Told what has come so far, as long as there is no other side.
    var whenRead: ((ByteBuffer) -> Void)?
    /// Told that the connection has gone before there was another side.
    var whenLost: (() -> Void)?
    private var context: ChannelHandlerContext?
    private var held = ByteBuffer()
    private var isReadOwed = false

    /// Writes bytes and flushes.
    func send(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    /// Hands out what was held; from now on bytes go to the partner.
    func takeHeld() -> ByteBuffer {
        defer { held = ByteBuffer() }
        whenRead = nil
        whenLost = nil
        return held
    }

    func close() {
        whenRead = nil
        whenLost = nil
        context?.close(promise: nil)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard let partner else {
            held.writeBuffer(&bytes)
            whenRead?(held)
            return
        }
        tunnel?.moved()
        partner.context?.write(partner.wrapOutboundOut(bytes), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
    }

    func read(context: ChannelHandlerContext) {
        let isWelcome =
            partner.map { $0.context?.channel.isWritable ?? true } ?? (held.readableBytes < Self.maximumHeld)
        if isWelcome { context.read() } else { isReadOwed = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.readOn() }
    }

    private func readOn() {
        guard isReadOwed else { return }
        isReadOwed = false
        context?.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        // The other direction may go on.
        if let partner { partner.context?.close(mode: .output, promise: nil) } else { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        whenLost?()
        whenLost = nil
        whenRead = nil
        let partner = partner
        self.partner = nil
        partner?.partnerHasGone()
        tunnel?.over()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Lets what has been written leave, and closes.
    private func partnerHasGone() {
        partner = nil
        guard let context else { return }
        let channel = context.channel
        let deadline = context.eventLoop.scheduleTask(in: Self.closingTime) { channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            deadline.cancel()
            channel.close(promise: nil)
        }
    }
}
