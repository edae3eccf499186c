// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// Whether a handshake may open a session now. Asked once per handshake, never for a request of an open session.
///
/// Its lock is taken for a handshake, and for the opening and the end of a session while addresses are counted.
final class AdmissionControl: Sendable {
    /// The limit that refuses a handshake; the raw values are labels of a metric.
    enum AdmissionLimit: String, CaseIterable, Sendable {
        case draining
        case sessions
        case rate
        case sessionsOfAddress = "address_sessions"
        case rateOfAddress = "address_rate"

        /// What the client is told.
        var message: String {
            switch self {
            case .draining: "Server is draining"
            case .sessions: "Too many sessions"
            case .rate: "Too many handshakes"
            case .sessionsOfAddress: "Too many sessions of this address"
            case .rateOfAddress: "Too many handshakes of this address"
            }
        }

        /// Whether handshakes of other addresses may still be accepted.
        var isOfOneAddress: Bool { self == .sessionsOfAddress || self == .rateOfAddress }
    }

    /// A handshake that is not let in, and when it is worth another try.
    struct Denial {
        let limit: AdmissionLimit
        let retryAfterSeconds: Int
    }

    fileprivate struct Limits: Sendable {
        var maxSessions: Int
        var handshakesPerSecond: Int?
        var bucket: TokenBucket?
        /// When a handshake was last refused because of the rate.
        var lastRateDenial: UInt64?

        var maxSessionsPerAddress: Int?
        var addressRate: CellRate?
        var addresses = AddressTable()
    }

    /// How long a refusal for the rate counts as a limit that is reached.
    private static let memory: UInt64 = 5_000_000_000

    private let limits: NIOLockedValueBox<Limits>
    private let draining = Atomic(false)
    /// Whether there is a limit of sessions for one address.
    private let countsSessions = Atomic(false)

    init(_ configuration: EngineConfiguration) {
        limits = NIOLockedValueBox(Limits(maxSessions: .max))
        reload(configuration)
    }

    /// Takes other limits; a bucket whose rate has not changed stays as full as it is.
    ///
    /// - Returns: whether sessions are counted by address from now on and were not before. The caller then has to
    ///   report the open sessions with ``opened(_:)``.
    @discardableResult
    func reload(_ configuration: EngineConfiguration) -> Bool {
        let maxSessions = configuration.maxSessions ?? Self.defaultMaxSessions
        limits.withLockedValue { limits in
            limits.maxSessions = maxSessions
            limits.maxSessionsPerAddress = configuration.maxSessionsPerAddress
            limits.addressRate = configuration.maxHandshakesPerSecondPerAddress.map { CellRate(perSecond: $0) }
            guard limits.handshakesPerSecond != configuration.maxHandshakesPerSecond else { return }
            limits.handshakesPerSecond = configuration.maxHandshakesPerSecond
            limits.bucket = configuration.maxHandshakesPerSecond.map { TokenBucket(perSecond: $0) }
        }
        guard configuration.maxSessionsPerAddress != nil else { return false }
        return !countsSessions.exchange(true, ordering: .acquiringAndReleasing)
    }

    /// Nine tenths of the descriptors the process may have open.
    private static var defaultMaxSessions: Int {
        DescriptorLimit.current.map(DescriptorLimit.sessions(within:)) ?? .max
    }

    /// How many sessions may be open.
    var maxSessions: Int { limits.withLockedValue { $0.maxSessions } }

    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// From now on nobody is let in.
    func beginDraining() { draining.store(true, ordering: .releasing) }

    /// - Parameters:
    ///   - sessions: how many are open.
    ///   - address: the client's, as text.
    ///   - now: the time of the event loop that the handshake has reached.
    func check(sessions: Int, address: @autoclosure () -> String, now: NIODeadline) -> Denial? {
        if let denial = checkDraining() { return denial }
        let now = now.uptimeNanoseconds
        return limits.withLockedValue { limits in
            if let denial = limits.checkSessions(sessions, address) { return denial }
            if let rate = limits.addressRate, let key = AddressKey(address()),
                let wait = limits.addresses.takeHandshake(of: key, rate: rate, now: now)
            {
                return Denial(limit: .rateOfAddress, retryAfterSeconds: Int(wait / 1_000_000_000) + 1)
            }
            guard let wait = limits.bucket?.take(now: now) else { return nil }
            limits.lastRateDenial = now
            return Denial(limit: .rate, retryAfterSeconds: Int(wait / 1_000_000_000) + 1)
        }
    }

    /// Repeats ``check(sessions:address:now:)`` for a handshake that passed it some time ago.
    func checkAgain(sessions: Int, address: @autoclosure () -> String) -> Denial? {
        if let denial = checkDraining() { return denial }
        return limits.withLockedValue { $0.checkSessions(sessions, address) }
    }

    private func checkDraining() -> Denial? {
        isDraining ? Denial(limit: .draining, retryAfterSeconds: .random(in: 1...5)) : nil
    }

    /// The limit that refuses all new sessions now, or did so a moment ago. Limits of one address do not count.
    func reachedLimit(sessions: Int) -> String? {
        let now = NIODeadline.now().uptimeNanoseconds
        return limits.withLockedValue { limits in
            if sessions >= limits.maxSessions { return "\(sessions) of \(limits.maxSessions) sessions are open" }
            guard let last = limits.lastRateDenial, now &- last < Self.memory else { return nil }
            return "more than \(limits.handshakesPerSecond ?? 0) handshakes per second"
        }
    }

    // MARK: Sessions by address

    /// A session has been opened. On its loop.
    func opened(_ session: SessionCore) {
        guard countsSessions.load(ordering: .relaxed), !session.isCountedByAddress,
            let key = AddressKey(session.remoteAddress)
        else { return }
        session.isCountedByAddress = true
        limits.withLockedValue { $0.addresses.opened(key) }
    }

    /// A session has ended. On its loop.
    func closed(_ session: SessionCore) {
        guard session.isCountedByAddress, let key = AddressKey(session.remoteAddress) else { return }
        session.isCountedByAddress = false
        let now = session.eventLoop.now.uptimeNanoseconds
        limits.withLockedValue { $0.addresses.closed(key, now: now) }
    }
}

extension AdmissionControl.Limits {
    fileprivate func checkSessions(_ sessions: Int, _ address: () -> String) -> AdmissionControl.Denial? {
        // Randomised, so that clients refused at the same time do not all retry at the same time.
        guard sessions < maxSessions else {
            return AdmissionControl.Denial(limit: .sessions, retryAfterSeconds: .random(in: 1...5))
        }
        guard let maxSessionsPerAddress, let key = AddressKey(address()),
            addresses.sessions(of: key) >= maxSessionsPerAddress
        else { return nil }
        return AdmissionControl.Denial(limit: .sessionsOfAddress, retryAfterSeconds: .random(in: 1...5))
    }
}
