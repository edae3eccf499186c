// Part of socketio-server, MIT licence; see LICENSE.

/// Decides from one sample a second whether the process has more to do than it can: no clock, no server.
struct OverloadJudge {
    /// What is seen at one moment.
    struct Sample {
        /// How late the latest event loop is, in milliseconds.
        var lagMs = 0
        /// The limit of admission that is reached, in words.
        var limit: String?
        /// Whether connections are refused because descriptors have run out.
        var isShortOfDescriptors = false
        /// Memory in use.
        var residentBytes: Int?
    }

    let settings: Settings.Overload
    private var lateSinceMs: Int?

    init(_ settings: Settings.Overload) { self.settings = settings }

    /// - Parameter now: a time in milliseconds that only grows.
    /// - Returns: what there is too much of, by part.
    mutating func judge(_ sample: Sample, now: Int) -> [String: String] {
        var parts: [String: String] = [:]
        if let limit = settings.maxLoopLagMs, sample.lagMs >= limit {
            let since = lateSinceMs ?? now
            lateSinceMs = since
            if now - since >= settings.afterMs {
                let seconds = (now - since) / 1_000
                parts["event loops"] = "\(sample.lagMs) ms late, and at least \(limit) ms for \(seconds) s"
            }
        } else {
            lateSinceMs = nil
        }
        if let limit = sample.limit { parts["admission"] = limit }
        if sample.isShortOfDescriptors {
            parts["descriptors"] = "connections are refused because the limit of open files is reached"
        }
        if let limit = settings.maxResidentBytes, let resident = sample.residentBytes, resident > limit {
            parts["memory"] = "\(resident) bytes in use, more than \(limit)"
        }
        return parts
    }
}
