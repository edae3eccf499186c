// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// Whether new clients should be sent to this process, and how well it works. May be used from any thread.
///
/// Three things decide: whether it accepts at all (``accept()``, ``refuse(_:reason:)``), of what there is too much
/// (``overload(_:)``), and which of its parts work less well than they should (``degrade(_:reason:)``, ``recover(_:)``). A
/// part that is degraded keeps nobody away: a balancer that took away every node whose Redis is lost would turn half a
/// fault into a whole one. Too much to do keeps newcomers away only if the settings say so, for the same reason.
final class Readiness: Sendable {
    /// What a balancer, or a person, is told in one word.
    enum Status: String, Sendable {
        /// Not listening yet, or waiting for what it needs.
        case starting
        /// All is well.
        case ready
        /// Serves, but something is missing; the reasons say what.
        case degraded
        /// About to end: clients are sent away.
        case draining
        /// Has more to do than it can.
        case overloaded
    }

    /// Everything there is to say at one moment.
    struct Report: Equatable, Sendable {
        let status: Status
        /// Sentences for people, `part: what is wrong with it`.
        let reasons: [String]
        /// Whether an overload keeps newcomers away.
        var isOverloadRefusal = false

        /// Whether new clients should come here.
        var isAccepting: Bool {
            switch status {
            case .ready, .degraded: true
            case .overloaded: !isOverloadRefusal
            case .starting, .draining: false
            }
        }

        /// `{"status":"degraded","reasons":["redis: …"]}`
        var json: String {
            var text = "{\"status\":\"\(status.rawValue)\",\"reasons\":["
            for (index, reason) in reasons.enumerated() {
                if index > 0 { text += "," }
                LogLine.appendString(reason, to: &text)
            }
            return text + "]}\n"
        }
    }

    private struct State {
        var refusal: (status: Status, reason: String)? = (.starting, "the server does not listen yet")
        var degraded: [String: String] = [:]
        var overloaded: [String: String] = [:]
    }

    private let refusesWhenOverloaded: Bool
    private let state = NIOLockedValueBox(State())

    /// - Parameter refusesWhenOverloaded: whether newcomers should go elsewhere while there is too much to do.
    init(refusesWhenOverloaded: Bool = false) {
        self.refusesWhenOverloaded = refusesWhenOverloaded
    }

    /// The state of this moment.
    var report: Report {
        state.withLockedValue { state in
            let overloaded = state.overloaded.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            let degraded = state.degraded.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            if let refusal = state.refusal {
                return Report(status: refusal.status, reasons: [refusal.reason] + overloaded + degraded)
            }
            guard overloaded.isEmpty else {
                return Report(
                    status: .overloaded, reasons: overloaded + degraded, isOverloadRefusal: refusesWhenOverloaded)
            }
            return Report(status: degraded.isEmpty ? .ready : .degraded, reasons: degraded)
        }
    }

    /// Whether new clients should come here.
    var isAccepting: Bool { report.isAccepting }

    /// New clients are welcome.
    func accept() {
        state.withLockedValue { $0.refusal = nil }
    }

    /// New clients should go elsewhere. `status` is one of those that say so.
    func refuse(_ status: Status, reason: String) {
        state.withLockedValue { $0.refusal = (status, reason) }
    }

    /// A part works less well than it should; an earlier reason of the same part is replaced.
    func degrade(_ part: String, reason: String) {
        state.withLockedValue { $0.degraded[part] = reason }
    }

    /// What there is too much of at this moment, by part; nothing when it is empty.
    func overload(_ parts: [String: String]) {
        state.withLockedValue { $0.overloaded = parts }
    }

    /// A part works again.
    func recover(_ part: String) {
        state.withLockedValue { $0.degraded[part] = nil }
    }
}
