// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// When a client is warned that its token will expire, and when it is disconnected. Times are seconds since 1970.
struct TokenDeadlines: Equatable {
    /// The step that is due.
    enum Step: Equatable {
        /// No step is due yet.
        case wait
        /// Warn the client; due once.
        case warn
        /// Disconnect the client.
        case expire
    }

    /// The longest single wait. After it the deadline is checked again against the wall clock, which may have been
    /// adjusted.
    private static let longest = 86_400.0 * 30

    /// When the token expires.
    let end: Double
    /// When the client is disconnected: after the leeway for clocks and the grace period for a fresh token.
    let limit: Double
    private var warnAt: Double

    /// - Parameter end: when the token expires.
    init(end: Double, _ options: TokenAuthentication.Options) {
        self.end = end
        limit = end + Self.seconds(options.rules.leeway) + Self.seconds(options.grace)
        warnAt = options.warning > .zero ? end - Self.seconds(options.warning) : .infinity
    }

    /// How long to wait until the next step is due, rounded up to milliseconds.
    func delay(at now: Double) -> TimeAmount {
        .milliseconds(Int64(min(max(min(warnAt, limit) - now, 0), Self.longest) * 1000) + 1)
    }

    /// The step that is due at a time.
    mutating func step(at now: Double) -> Step {
        if now >= limit { return .expire }
        guard now >= warnAt else { return .wait }
        warnAt = .infinity
        return .warn
    }

    private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
}
