// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore

/// Keeps a listener from spinning, and its clients from hanging, when the process has no descriptors left.
///
/// While accept(2) fails, the listening socket stays readable, so a listener that keeps trying uses a whole core. This
/// one pauses instead:
///
///     accepting ── few descriptors left, or accept(2) failed ──▶ refusing ── enough again ──▶ accepting
///
/// While refusing, NIO accepts no connections. Ten times a second this guard accepts up to ``batch`` connections from
/// the kernel's queue, answers them with 503 and closes them, using a descriptor kept in reserve.
///
/// Each listener refuses clients before accept(2) fails. One that leaves headroom (``DescriptorLimit/headroom(of:)``) does
/// so earlier, so that the operations listener, Redis and files still get descriptors; the others leave what the Swift
/// runtime cannot do without (``DescriptorLimit/reserve(of:)``).
///
/// Confined to the event loop of the listener.
final class DescriptorGuard: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// How often the guard checks whether descriptors are available again.
    static let interval = TimeAmount.milliseconds(100)
    /// How many connections one check refuses at most.
    static let batch = 64

    private let watch: DescriptorWatch
    /// Whether this listener leaves descriptors for others than clients.
    private let leavesHeadroom: Bool
    private let speaksTLS: Bool
    private var reserve = ReservedDescriptor()
    private var limit = DescriptorLimit.current ?? .max
    private var retry: Scheduled<Void>?

    init(watch: DescriptorWatch, leavesHeadroom: Bool, speaksTLS: Bool) {
        self.watch = watch
        self.leavesHeadroom = leavesHeadroom
        self.speaksTLS = speaksTLS
    }

    // MARK: Channel events

    /// Refuses a connection that took one of the last descriptors. One read accepts several connections, and the kernel assigns
    /// the lowest free number: a high one tells that all below it are in use.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let connection = unwrapInboundIn(data)
        guard let number = DirectSocket(connection)?.descriptor, isReserved(Int(number)) else {
            return context.fireChannelRead(data)
        }
        RefusedConnection.refuse(number, answers: !speaksTLS)
        connection.close(promise: nil)
        watch.refused(1, on: context.eventLoop, limit: limit)
        if retry == nil { pause(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (error as? IOError)?.errnoCode {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: if retry == nil { pause(context) }
        default: context.fireErrorCaught(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    // MARK: Pausing

    private func pause(_ context: ChannelHandlerContext) {
        setAutoRead(false, context)
        refuseWaiting(context)
        lookAgain(context)
    }

    private func lookAgain(_ context: ChannelHandlerContext) {
        // The task runs on the listener's loop, to which the guard is confined.
        retry = context.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [self] in
            guard context.channel.isActive else { return }
            guard isShort() else {
                retry = nil
                return setAutoRead(true, context)
            }
            refuseWaiting(context)
            lookAgain(context)
        }
    }

    private func setAutoRead(_ value: Bool, _ context: ChannelHandlerContext) {
        // Fails only when the listener is closed.
        try? context.channel.syncOptions?.setOption(.autoRead, value: value)
    }

    private func stop() {
        retry?.cancel()
        retry = nil
        reserve.close()
    }

    /// Whether fewer descriptors are free than this listener has to leave.
    private func isShort() -> Bool {
        guard reserve.isHeld || reserve.open(), let lowest = reserve.lowestFreeDescriptor() else { return true }
        return isReserved(lowest)
    }

    /// Whether a descriptor is one of the last, which this listener does not use.
    private func isReserved(_ number: Int) -> Bool {
        guard number >= limit - unused else { return false }
        // The limit may have been changed at run time.
        limit = DescriptorLimit.current ?? .max
        return number >= limit - unused
    }

    /// How many of the last descriptors this listener does not use.
    private var unused: Int {
        leavesHeadroom ? DescriptorLimit.headroom(of: limit) : DescriptorLimit.reserve(of: limit)
    }

    private func refuseWaiting(_ context: ChannelHandlerContext) {
        guard let listener = DirectSocket(context.channel)?.descriptor else { return }
        var refused = 0
        while refused < Self.batch, let connection = accept(listener) {
            RefusedConnection.end(connection, answers: !speaksTLS)
            refused += 1
        }
        if !reserve.isHeld { _ = reserve.open() }
        watch.refused(refused, on: context.eventLoop, limit: limit)
    }

    /// Accepts a connection from the kernel's queue; nil when there is none, or no descriptor for it.
    private func accept(_ listener: CInt) -> CInt? {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            if connection >= 0 { return connection }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EMFILE, ENFILE:
                guard reserve.isHeld else { return nil }
                reserve.close()
            default: return nil
            }
        }
    }
}

/// A descriptor kept in reserve, which is closed when one is needed and none is left.
private struct ReservedDescriptor {
    private var descriptor: CInt = -1

    init() { _ = open() }

    var isHeld: Bool { descriptor >= 0 }

    mutating func open() -> Bool {
        descriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        return isHeld
    }

    mutating func close() {
        guard isHeld else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    /// The number of the next descriptor: the kernel always assigns the lowest free number, so all lower ones are in
    /// use. Nil when none is left.
    func lowestFreeDescriptor() -> Int? {
        let lowest = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard lowest >= 0 else { return nil }
        _ = Glibc.close(lowest)
        return Int(lowest)
    }
}

/// Refuses a connection for which no descriptor is left.
private enum RefusedConnection {
    private static let answer: StaticString = """
        HTTP/1.1 503 Service Unavailable\r
        Retry-After: 3\r
        Cache-Control: no-store\r
        Connection: close\r
        Content-Length: 0\r
        \r

        """

    /// Closes the connection, with a response if it can be written without waiting.
    static func end(_ connection: CInt, answers: Bool) {
        refuse(connection, answers: answers)
        _ = Glibc.close(connection)
    }

    /// Writes the response, if that needs no waiting. The caller closes the connection.
    static func refuse(_ connection: CInt, answers: Bool) {
        guard answers else { return }
        _ = send(connection, answer.utf8Start, answer.utf8CodeUnitCount, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
        _ = shutdown(connection, CInt(SHUT_WR))
        // Unread request bytes would turn the close into a reset, which discards the response.
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { memory in
            _ = recv(connection, memory.baseAddress, memory.count, CInt(MSG_DONTWAIT))
        }
    }
}
