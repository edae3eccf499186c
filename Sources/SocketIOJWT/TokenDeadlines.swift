// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// When a client is warned that its token ends, and when it is disconnected. Times are seconds since 1970.
struct TokenDeadlines: Equatable {
    /// What is to be done at a moment.
    enum Step: Equatable {
        /// Nothing yet.
        case wait
        /// The client is to be told; that is due once.
        case warn
        /// It is to be disconnected.
        case expire
    }

    /// The longest time waited at once. Looked at again then, and by the wall clock, which may have been put right.
    private static let longest = 86_400.0 * 30

    /// When the token ends.
    let end: Double
    /// When the client is disconnected: the leeway for clocks and the time to bring a fresh token are over.
    let limit: Double
    private var warnAt: Double

    /// - Parameter end: when the token ends.
    init(end: Double, _ options: TokenAuthentication.Options) {
        self.end = end
        limit = end + Double(options.rules.leewaySeconds) + Self.seconds(options.grace)
        warnAt = options.warning > .zero ? end - Self.seconds(options.warning) : .infinity
    }

    /// How long to wait until the next step is due, rounded up to milliseconds.
    func delay(at now: Double) -> TimeAmount {
        .milliseconds(Int64(min(max(min(warnAt, limit) - now, 0), Self.longest) * 1000) + 1)
    }

    /// What is due.
    mutating func step(at now: Double) -> Step {
        if now >= limit { return .expire }
        guard now >= warnAt else { return .wait }
        warnAt = .infinity
        return .warn
    }

    private static func seconds(_ amount: TimeAmount) -> Double { Double(amount.nanoseconds) / 1e9 }
}
