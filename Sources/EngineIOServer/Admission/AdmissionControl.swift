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

    private let maxSessions: Int
    private let bucket: NIOLockedValueBox<TokenBucket>?
    private let draining = Atomic(false)

    init(_ configuration: EngineConfiguration) {
        maxSessions = configuration.maxSessions ?? .max
        bucket = configuration.maxHandshakesPerSecond.map { NIOLockedValueBox(TokenBucket(perSecond: $0)) }
    }

    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// From now on nobody is let in.
    func beginDraining() { draining.store(true, ordering: .releasing) }

    /// - Parameter sessions: how many are open.
    func check(sessions: Int) -> Denial? {
        if let denial = checkDraining() { return denial }
        // Spread, so that those who were refused together do not come back together.
        guard sessions < maxSessions else { return Denial(obstacle: .sessions, retryAfterSeconds: .random(in: 1...5)) }
        guard let bucket else { return nil }
        let now = NIODeadline.now().uptimeNanoseconds
        guard let wait = bucket.withLockedValue({ $0.take(now: now) }) else { return nil }
        return Denial(obstacle: .rate, retryAfterSeconds: Int(wait / 1_000_000_000) + 1)
    }

    func checkDraining() -> Denial? {
        isDraining ? Denial(obstacle: .draining, retryAfterSeconds: .random(in: 1...5)) : nil
    }
}
