// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// What all sessions of one user, or of one address, have used on this node: one number for each kind, which all event
/// loops change without a lock. A session charges it once for several events (``RatePolicy/step``), not for each one.
package final class RateAccount: Sendable {
    /// The full rate in the unit of ``share``.
    package static let whole: UInt32 = 1000

    package let key: RateKey
    private let events = Atomic<UInt64>(0)
    private let bytes = Atomic<UInt64>(0)
    private let joins = Atomic<UInt64>(0)
    private let connects = Atomic<UInt64>(0)
    private let questions = Atomic<UInt64>(0)
    private let usedEvents = Atomic<Int>(0)
    private let usedBytes = Atomic<Int>(0)
    private let parts = Atomic<UInt32>(RateAccount.whole)

    package init(_ key: RateKey) { self.key = key }

    /// This node's share of the rates, in thousandths; the rest belongs to other nodes. 1 to 1,000.
    package var share: UInt32 {
        get { parts.load(ordering: .relaxed) }
        set { parts.store(min(max(newValue, 1), Self.whole), ordering: .relaxed) }
    }

    /// Takes `count` units.
    /// - Returns: how long nothing more may be taken; 0 if the units were available.
    package func take(_ count: Int, _ kind: RateKind, _ rule: RateRule, now: UInt64) -> UInt64 {
        switch kind {
        case .events: usedEvents.wrappingAdd(count, ordering: .relaxed)
        case .bytes: usedBytes.wrappingAdd(count, ordering: .relaxed)
        default: break
        }
        let cost = scaled(rule.cost(count))
        return withBucket(kind) { bucket in
            var current = bucket.load(ordering: .relaxed)
            while true {
                let (fullAt, wait) = rule.charged(current, cost: cost, now: now)
                let result = bucket.weakCompareExchange(expected: current, desired: fullAt, ordering: .relaxed)
                if result.exchanged { return wait }
                current = result.original
            }
        }
    }

    /// How many units may be taken.
    package func available(_ kind: RateKind, _ rule: RateRule, now: UInt64) -> Int {
        let whole = rule.available(withBucket(kind) { $0.load(ordering: .relaxed) }, now: now)
        let share = share
        guard share < Self.whole, whole < Int.max / Int(Self.whole) else { return whole }
        return whole * Int(share) / Int(Self.whole)
    }

    private func scaled(_ cost: UInt64) -> UInt64 {
        let share = share
        guard share < Self.whole else { return cost }
        let (scaled, overflow) = cost.multipliedReportingOverflow(by: UInt64(Self.whole))
        return overflow ? RateRule.longest : min(scaled / UInt64(share), RateRule.longest)
    }

    private func withBucket<Result>(_ kind: RateKind, _ body: (borrowing Atomic<UInt64>) -> Result) -> Result {
        switch kind {
        case .events: body(events)
        case .bytes: body(bytes)
        case .joins: body(joins)
        case .connects: body(connects)
        case .questions: body(questions)
        }
    }

    /// When all buckets are full again.
    var fullAt: UInt64 {
        RateKind.allCases.reduce(0) { latest, kind in max(latest, withBucket(kind) { $0.load(ordering: .relaxed) }) }
    }

    /// The units used since the last call.
    package func takeUsage() -> (events: Int, bytes: Int) {
        (usedEvents.exchange(0, ordering: .relaxed), usedBytes.exchange(0, ordering: .relaxed))
    }
}
