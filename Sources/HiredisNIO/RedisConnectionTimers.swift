// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOCore

/// The clocks of one connection: the log-in, the oldest command, and the health checks. Used on its event loop.
struct RedisConnectionTimers {
    private let eventLoop: any EventLoop
    private var handshake: Scheduled<Void>?
    private var command: Scheduled<Void>?
    private var health: RepeatedTask?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    var hasBegun: Bool { handshake != nil }

    /// The log-in has begun.
    mutating func begin(handshake limit: TimeAmount, _ expired: @escaping () -> Void) {
        handshake = eventLoop.assumeIsolated().scheduleTask(in: limit, expired)
    }

    /// The log-in is done; the health is to be looked after from now on.
    mutating func handshakeDone(healthInterval: TimeAmount, _ check: @escaping () -> Void) {
        handshake?.cancel()
        health = eventLoop.assumeIsolated().scheduleRepeatedTask(
            initialDelay: healthInterval, delay: healthInterval
        ) { _ in check() }
    }

    /// A command has been sent. Those before it have the same time or less, as good as always: one clock is enough.
    mutating func expectCommand(until deadline: NIODeadline, _ expired: @escaping () -> Void) {
        guard command == nil else { return }
        command = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, expired)
    }

    mutating func commandsExpired() { command = nil }

    mutating func cancel() {
        handshake?.cancel()
        command?.cancel()
        health?.cancel()
    }
}

extension TimeAmount {
    static func / (amount: TimeAmount, divisor: Int64) -> TimeAmount {
        .nanoseconds(max(1, amount.nanoseconds / divisor))
    }
}
