// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// Whether a handshake may open a session now. Asked once per handshake, never for a request of an open session.
final class AdmissionControl: Sendable {
    /// What stands in the way.
    enum Obstacle: String, CaseIterable, Sendable {
        case draining
        case sessions
        case rate

        /// What the client is told.
        var message: String {
            switch self {
            case .draining: "Server is draining"
            case .sessions: "Too many sessions"
            case .rate: "Too many handshakes"
            }
        }
    }

    /// A handshake that is not let in, and when it is worth another try.
    struct Denial {
        let obstacle: Obstacle
        let retryAfterSeconds: Int
    }

    private struct Limits {
        var maxSessions: Int
        var handshakesPerSecond: Int?
        var bucket: TokenBucket?
        /// When somebody was refused for the rate last.
        var lastRateDenial: UInt64?
    }

    /// How long a refusal for the rate counts as a limit that is reached.
    private static let memory: UInt64 = 5_000_000_000

    private let limits: NIOLockedValueBox<Limits>
    private let draining = Atomic(false)

    init(_ configuration: EngineConfiguration) {
        limits = NIOLockedValueBox(Limits(maxSessions: .max))
        reload(configuration)
    }

    /// Takes other limits; a bucket whose rate has not changed stays as full as it is.
    func reload(_ configuration: EngineConfiguration) {
        limits.withLockedValue { limits in
            limits.maxSessions = configuration.maxSessions ?? .max
            guard limits.handshakesPerSecond != configuration.maxHandshakesPerSecond else { return }
            limits.handshakesPerSecond = configuration.maxHandshakesPerSecond
            limits.bucket = configuration.maxHandshakesPerSecond.map { TokenBucket(perSecond: $0) }
        }
    }

    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// From now on nobody is let in.
    func beginDraining() { draining.store(true, ordering: .releasing) }

    /// - Parameter sessions: how many are open.
    func check(sessions: Int) -> Denial? {
        if let denial = checkDraining() { return denial }
        let now = NIODeadline.now().uptimeNanoseconds
        return limits.withLockedValue { limits in
            // Spread, so that those who were refused together do not come back together.
            guard sessions < limits.maxSessions else {
                return Denial(obstacle: .sessions, retryAfterSeconds: .random(in: 1...5))
            }
            guard let wait = limits.bucket?.take(now: now) else { return nil }
            limits.lastRateDenial = now
            return Denial(obstacle: .rate, retryAfterSeconds: Int(wait / 1_000_000_000) + 1)
        }
    }

    /// Which limit keeps newcomers away at this moment, or did a moment ago.
    func reachedLimit(sessions: Int) -> String? {
        let now = NIODeadline.now().uptimeNanoseconds
        return limits.withLockedValue { limits in
            if sessions >= limits.maxSessions { return "\(sessions) of \(limits.maxSessions) sessions are open" }
            guard let last = limits.lastRateDenial, now &- last < Self.memory else { return nil }
            return "more than \(limits.handshakesPerSecond ?? 0) handshakes per second"
        }
    }

    func checkDraining() -> Denial? {
        isDraining ? Denial(obstacle: .draining, retryAfterSeconds: .random(in: 1...5)) : nil
    }
}
