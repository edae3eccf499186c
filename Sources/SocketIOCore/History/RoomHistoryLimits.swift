// Part of socketio-server, MIT licence; see LICENSE.

/// How much of a room's events its history keeps. When one of the limits is exceeded, the oldest events are dropped; the
/// newest one stays unless it is older than ``maxAge``.
public struct RoomHistoryLimits: Sendable, Hashable {
    /// The most events, 1 to 1,000,000; default 1,000.
    public var maxEvents: Int
    /// The most bytes of all events together, 1,024 to 1 GiB; default 4 MiB. A single larger event is refused.
    public var maxBytes: Int
    /// How long an event is kept, 1 s to 365 days; default 24 hours.
    public var maxAge: Duration

    /// Limits of a room.
    public init(maxEvents: Int = 1_000, maxBytes: Int = 4 << 20, maxAge: Duration = .seconds(86_400)) {
        self.maxEvents = maxEvents
        self.maxBytes = maxBytes
        self.maxAge = maxAge
    }

    /// What is wrong with the limits.
    package var problems: [String] {
        var problems: [String] = []
        if !(1...1_000_000).contains(maxEvents) { problems.append("maxEvents must be 1 to 1,000,000") }
        if !(1_024...(1 << 30)).contains(maxBytes) { problems.append("maxBytes must be 1,024 to 1,073,741,824") }
        if !(Duration.seconds(1)...Duration.seconds(365 * 86_400)).contains(maxAge) {
            problems.append("maxAge must be 1 s to 365 days")
        }
        return problems
    }

    /// The age in milliseconds, at least 1.
    package var ageMilliseconds: Int {
        let (seconds, attoseconds) = maxAge.components
        let whole = Int(clamping: seconds.multipliedReportingOverflow(by: 1_000).partialValue)
        return max(1, whole + Int(attoseconds / 1_000_000_000_000_000))
    }
}
