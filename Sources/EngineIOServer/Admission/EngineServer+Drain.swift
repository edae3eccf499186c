// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOCore

/// Drains a server (protocol 4.11): new handshakes are refused, and open sessions are closed a few at a time, so that the
/// servers their clients move to are not overloaded.
extension EngineServer {
    /// How often a few more sessions are closed.
    private static let step = Duration.milliseconds(20)
    /// How long the last sessions may take to end by themselves.
    private static let patience = Duration.seconds(2)

    /// Whether ``drain(over:leave:)`` was called.
    package var isDraining: Bool { admission.isDraining }

    /// From now on handshakes get 503; open sessions go on.
    package func beginDraining() { admission.beginDraining() }

    /// Refuses handshakes, has every session closed at its own moment within `window`, and returns when none is left, or
    /// two seconds after the last was asked to leave. Ends early when the server is closed or the task cancelled. Last, the
    /// clients of other nodes that poll through this one are sent away as well.
    ///
    /// - Parameter leave: closes one session, on its event loop.
    package func drain(over window: Duration, leave: @escaping @Sendable (SessionCore) -> Void) async {
        beginDraining()
        let drains = shards.map { shard in LoopBound(with: shard.core) { ShardDrain(shard: $0, leave: leave) } }
        let clock = ContinuousClock()
        let start = clock.now
        let length = max(window, .zero)
        while !isClosingNow, !Task.isCancelled {
            let elapsed = clock.now - start
            let share = length > .zero ? min(elapsed / length, 1) : 1
            for drain in drains { drain.run { $0.advance(to: share) } }
            if elapsed >= length || clientsCount == 0 { break }
            try? await Task.sleep(for: min(Self.step, length - elapsed))
        }
        let end = clock.now + Self.patience
        while clientsCount > 0, clock.now < end, !isClosingNow, !Task.isCancelled {
            try? await Task.sleep(for: Self.step)
        }
        await forwarder?.releasePolls()
    }
}

/// The sessions of one shard that are to leave, in random order. Lives on the shard's loop.
private final class ShardDrain {
    private let shard: ShardCore
    private let leave: @Sendable (SessionCore) -> Void
    private let sessions: [SessionCore]
    private var next = 0

    init(shard: ShardCore, leave: @escaping @Sendable (SessionCore) -> Void) {
        self.shard = shard
        self.leave = leave
        self.sessions = shard.allSessions().shuffled()
    }

    /// Closes as many sessions as are due after this share of the window.
    func advance(to share: Double) {
        let due = share >= 1 ? sessions.count : Int(Double(sessions.count) * share)
        while next < due {
            leave(sessions[next])
            next += 1
        }
        guard share >= 1 else { return }
        // Those whose handshake was let in just before.
        for session in shard.allSessions() where session.isOpen { leave(session) }
    }
}
