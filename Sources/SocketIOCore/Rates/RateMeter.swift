// Part of socketio-server, MIT licence; see LICENSE.

/// A client has exceeded a rate.
package struct RateExcess: Sendable, Equatable {
    package var kind: RateKind
    package var scope: RateScope
    /// Nanoseconds until the debt is paid and a whole grant is available again.
    package var wait: UInt64

    package init(kind: RateKind, scope: RateScope, wait: UInt64) {
        self.kind = kind
        self.scope = scope
        self.wait = wait
    }
}

/// Measures what one session uses, and charges it to the session, its user and its address: pure arithmetic, time comes
/// in as an argument.
///
/// It does not check the buckets for each packet. The owner uses up a grant, counting down, and then settles. The
/// session's own buckets are exact to the packet, because a grant is never larger than what they hold; buckets shared
/// with other sessions may be overdrawn by one grant of each. Confined to its session's loop.
package final class RateMeter {
    package let policy: RatePolicy
    package let user: RateAccount?
    package let address: RateAccount?
    /// When each bucket of the session is full again.
    private var own = PerRateKind<UInt64>(all: 0)

    package init(_ policy: RatePolicy, user: RateAccount? = nil, address: RateAccount? = nil) {
        self.policy = policy
        self.user = user
        self.address = address
    }

    /// The session keeps the debt it had under other rules or another name.
    package func takeOver(from other: RateMeter) { own = other.own }

    // MARK: Taking

    /// Charges what has been used since the last time.
    package func pay(events: Int, bytes: Int, now: UInt64) {
        _ = take(events, .events, now: now)
        _ = take(bytes, .bytes, now: now)
    }

    /// Charges what has been used since the last time, and the current packet.
    ///
    /// - Parameters:
    ///   - passedEvents: earlier packets since the last time; `passedBytes` are their bytes.
    ///   - bytes: the bytes of this packet.
    ///   - isDroppable: with ``RateAction/drop`` the current packet is not charged when it exceeds the rate.
    /// - Returns: the exceeded rate, if any; of several, the one with the longest wait.
    package func settle(
        passedEvents: Int, passedBytes: Int, bytes: Int, isDroppable: Bool, now: UInt64
    ) -> RateExcess? {
        pay(events: passedEvents, bytes: passedBytes, now: now)
        if isDroppable, policy.action == .drop,
            let excess = missing(1, .events, now: now) ?? missing(bytes, .bytes, now: now)
        {
            return excess
        }
        return Self.worse(take(1, .events, now: now), take(bytes, .bytes, now: now))
    }

    /// Charges units of another kind. With ``RateAction/drop`` units that exceed the rate are not charged.
    package func charge(_ kind: RateKind, _ count: Int = 1, now: UInt64) -> RateExcess? {
        if policy.action == .drop, let excess = missing(count, kind, now: now) { return excess }
        return take(count, kind, now: now)
    }

    /// The grant: what may be used before the next settlement.
    package func grant(now: UInt64) -> RateGrant {
        RateGrant(
            events: grant(.events, policy.step.events, now: now), bytes: grant(.bytes, policy.step.bytes, now: now))
    }

    private func grant(_ kind: RateKind, _ step: Int32, now: UInt64) -> Int32 {
        var left = Int(step)
        forEachScope { scope, rule in left = min(left, available(kind, scope, rule[kind], now: now)) }
        return Int32(clamping: left)
    }

    private func take(_ count: Int, _ kind: RateKind, now: UInt64) -> RateExcess? {
        guard count > 0 else { return nil }
        var worst: RateExcess?
        forEachScope { scope, rules in
            guard let rule = rules[kind] else { return }
            let wait: UInt64
            switch scope {
            case .session:
                let charged = rule.charged(own[kind], cost: rule.cost(count), now: now)
                own[kind] = charged.fullAt
                wait = charged.wait
            case .user: wait = user?.take(count, kind, rule, now: now) ?? 0
            case .address: wait = address?.take(count, kind, rule, now: now) ?? 0
            }
            guard wait > 0 else { return }
            let excess = RateExcess(kind: kind, scope: scope, wait: wait + rule.cost(stepCount(kind)))
            worst = Self.worse(worst, excess)
        }
        return worst
    }

    /// The bucket that is exhausted.
    private func missing(_ count: Int, _ kind: RateKind, now: UInt64) -> RateExcess? {
        var worst: RateExcess?
        forEachScope { scope, rules in
            guard let rule = rules[kind], available(kind, scope, rule, now: now) < count else { return }
            worst = Self.worse(worst, RateExcess(kind: kind, scope: scope, wait: rule.cost(count)))
        }
        return worst
    }

    private func available(_ kind: RateKind, _ scope: RateScope, _ rule: RateRule?, now: UInt64) -> Int {
        guard let rule else { return .max }
        return switch scope {
        case .session: rule.available(own[kind], now: now)
        case .user: user?.available(kind, rule, now: now) ?? .max
        case .address: address?.available(kind, rule, now: now) ?? .max
        }
    }

    private func stepCount(_ kind: RateKind) -> Int {
        switch kind {
        case .events: Int(policy.step.events)
        case .bytes: Int(policy.step.bytes)
        default: 1
        }
    }

    @inline(__always)
    private func forEachScope(_ body: (RateScope, RateRules) -> Void) {
        body(.session, policy.session)
        if user != nil { body(.user, policy.user) }
        if address != nil { body(.address, policy.address) }
    }

    private static func worse(_ one: RateExcess?, _ other: RateExcess?) -> RateExcess? {
        guard let one else { return other }
        guard let other else { return one }
        return other.wait > one.wait ? other : one
    }
}
