// Part of socketio-server, MIT licence; see LICENSE.

/// A client has gone over a rate.
package struct RateExcess: Sendable, Equatable {
    package var kind: RateKind
    package var scope: RateScope
    /// Nanoseconds until the client has paid, and has again what may pass before the next look.
    package var wait: UInt64

    package init(kind: RateKind, scope: RateScope, wait: UInt64) {
        self.kind = kind
        self.scope = scope
        self.wait = wait
    }
}

/// What one session uses up, for itself, for its user and for its address: pure arithmetic, time comes in as an argument.
///
/// Not every packet is looked at. The owner lets a grant pass, counting down, and then settles: the session's own buckets are exact
/// to the packet because a grant is never larger than what they have; those shared with other sessions may be overdrawn by one grant
/// of each. Confined to its session's loop.
package final class RateMeter {
    package let policy: RatePolicy
    package let user: RateAccount?
    package let address: RateAccount?
    /// When each bucket of the session is full again.
    private var own = Buckets()

    private struct Buckets {
        var events: UInt64 = 0
        var bytes: UInt64 = 0
        var joins: UInt64 = 0
        var connects: UInt64 = 0
        var questions: UInt64 = 0

        subscript(kind: RateKind) -> UInt64 {
            get {
                switch kind {
                case .events: events
                case .bytes: bytes
                case .joins: joins
                case .connects: connects
                case .questions: questions
                }
            }
            set {
                switch kind {
                case .events: events = newValue
                case .bytes: bytes = newValue
                case .joins: joins = newValue
                case .connects: connects = newValue
                case .questions: questions = newValue
                }
            }
        }
    }

    package init(_ policy: RatePolicy, user: RateAccount? = nil, address: RateAccount? = nil) {
        self.policy = policy
        self.user = user
        self.address = address
    }

    /// The session owes what it owed under other rules, or under another name.
    package func takeOver(from other: RateMeter) { own = other.own }

    // MARK: Taking

    /// Counts what has passed since the last time.
    package func pay(events: Int, bytes: Int, now: UInt64) {
        _ = take(events, .events, now: now)
        _ = take(bytes, .bytes, now: now)
    }

    /// Counts what has passed, and asks about the packet at hand.
    ///
    /// - Parameters:
    ///   - passedEvents: packets before this one, since the last time; `passedBytes` are theirs.
    ///   - bytes: those of this packet.
    ///   - isDroppable: with ``RateAction/drop`` the packet at hand does not count when it does not fit.
    /// - Returns: what it is over, if it is; of several, what takes longest.
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

    /// Takes so many of another kind. With ``RateAction/drop`` nothing is taken of what does not fit.
    package func charge(_ kind: RateKind, _ count: Int = 1, now: UInt64) -> RateExcess? {
        if policy.action == .drop, let excess = missing(count, kind, now: now) { return excess }
        return take(count, kind, now: now)
    }

    /// What may pass before the next look.
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

    /// What there is too little of.
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
