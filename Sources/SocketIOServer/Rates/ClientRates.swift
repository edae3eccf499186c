// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import SocketIOCore

/// The rate state of a client, created at its first settlement. An object, because most connections are idle.
final class ClientRates {
    var meter: RateMeter?
    /// The user that the application has named, see ``Socket/rateIdentity``.
    var user: RateKey?
    /// The grant between the last settlement and the next one.
    var granted: RateGrant
    /// When the client may be warned again, in monotonic time.
    var nextWarning: UInt64 = 0

    init(granted: RateGrant) { self.granted = granted }
}

/// The argument of the event `rate_limited`, see ``RateLimits/Action/warn``.
struct RateWarning: Encodable, Sendable {
    let kind: String
    let scope: String
    let retryAfterMs: Int
}

/// All on the session's loop.
extension Client {
    private var now: UInt64 { session.eventLoop.now.uptimeNanoseconds }

    /// The current packet has used up the grant.
    /// - Parameter isEvent: whether the packet is an event, which may be dropped.
    /// - Returns: whether the packet is dropped.
    @inline(never)
    func settleRates(bytes: Int32, isEvent: Bool) -> Bool {
        guard let policy = shard.rates else {
            allowance = .unlimited
            rates?.granted = .unlimited
            return false
        }
        let now = now
        let rates = makeRates(policy)
        let meter = openMeter(of: rates, policy, now: now)
        let excess = meter.settle(
            passedEvents: Int(rates.granted.events) - Int(allowance.events) - 1,
            passedBytes: Int(rates.granted.bytes) - Int(allowance.bytes) - Int(bytes), bytes: Int(bytes),
            isDroppable: isEvent, now: now)
        rates.granted = meter.grant(now: now)
        allowance = rates.granted
        guard let excess else { return false }
        return overstepped(excess, policy, rates, now: now) && isEvent
    }

    /// Charges one unit of another kind. Returns whether it is refused.
    func isRefused(_ kind: RateKind) -> Bool {
        guard let policy = shard.rates, policy.limits(kind), session.isOpen else { return false }
        let now = now
        let rates = makeRates(policy)
        guard let excess = openMeter(of: rates, policy, now: now).charge(kind, now: now) else { return false }
        return overstepped(excess, policy, rates, now: now)
    }

    /// - Returns: whether the request that exceeded the rate must not be carried out.
    private func overstepped(_ excess: RateExcess, _ policy: RatePolicy, _ rates: ClientRates, now: UInt64) -> Bool {
        context.rates.metrics.happened(excess.kind, policy.action)
        context.log.log(.overRate, on: session.eventLoop, describe(excess, policy.action))
        switch policy.action {
        case .delay:
            session.holdInput(until: session.eventLoop.now + .nanoseconds(Int64(clamping: excess.wait)))
            return false
        case .warn:
            guard now >= rates.nextWarning else { return false }
            rates.nextWarning = now + 1_000_000_000
            connectedSockets.first?.handle?.emit(
                "rate_limited",
                RateWarning(
                    kind: excess.kind.rawValue, scope: excess.scope.rawValue,
                    retryAfterMs: Int(clamping: excess.wait / 1_000_000 + 1)))
            return false
        case .drop:
            return true
        case .disconnect:
            let setting = "rates.\(excess.scope.rawValue).\(excess.kind.rawValue)PerSecond"
            close(
                detail:
                    "more \(excess.kind.rawValue) per second than its \(excess.scope.rawValue) may have (\(setting))")
            return true
        }
    }

    private func describe(_ excess: RateExcess, _ action: RateAction) -> Logger.Metadata {
        var metadata = LogMetadata.session(session, reason: "\(excess.kind.rawValue) per second")
        metadata["remote"] = "\(session.remoteAddress)"
        metadata["scope"] = "\(excess.scope.rawValue)"
        metadata["action"] = "\(action.rawValue)"
        if excess.scope == .user, let user = rateUser { metadata["user"] = "\(user.prefix(maximumBytes: 256))" }
        // All clients behind an unlisted proxy have the proxy's address.
        if excess.scope == .address { metadata["hint"] = "if it is a proxy, list it in trustedProxies" }
        return metadata
    }

    /// The user as the application has named them.
    private var rateUser: String? {
        connectedSockets.lazy.compactMap { $0.handle?.rateIdentity }.first { RateKey(user: $0) == self.rates?.user }
    }

    private func makeRates(_ policy: RatePolicy) -> ClientRates {
        if let rates { return rates }
        let made = ClientRates(granted: policy.step)
        rates = made
        return made
    }

    private func openMeter(of rates: ClientRates, _ policy: RatePolicy, now: UInt64) -> RateMeter {
        if let meter = rates.meter { return meter }
        let address =
            policy.address.isEmpty
            ? nil : RateKey(address: session.remoteAddress).map { context.rates.addresses.open($0, now: now) }
        let user = policy.user.isEmpty ? nil : rates.user.map { context.rates.openUser($0, now: now) }
        let made = RateMeter(policy, user: user, address: address)
        rates.meter = made
        return made
    }

    // MARK: Changes

    /// The application has named the client's user.
    func setRateIdentity(_ key: RateKey?) {
        guard key != rates?.user, session.isOpen else { return }
        let rates = self.rates ?? ClientRates(granted: shard.rates?.step ?? .unlimited)
        self.rates = rates
        payRates()
        rates.user = key
        reopenMeter()
    }

    /// Applies new rates.
    func ratesChanged() {
        payRates()
        reopenMeter()
        allowance = shard.rates?.step ?? .unlimited
        rates?.granted = allowance
    }

    /// The client has disconnected: charges its user and address for what has not been settled.
    func endRates() {
        if let policy = shard.rates,
            !policy.address.isEmpty || (rates?.user != nil && !policy.user.isEmpty),
            allowance != rates?.granted ?? policy.step
        {
            _ = openMeter(of: makeRates(policy), policy, now: now)
        }
        payRates()
        closeMeter()
    }

    /// Charges what has been used since the last settlement. Without a meter this waits for the next settlement.
    private func payRates() {
        guard let rates, let meter = rates.meter else { return }
        meter.pay(
            events: Int(rates.granted.events) - Int(allowance.events),
            bytes: Int(rates.granted.bytes) - Int(allowance.bytes), now: now)
        allowance = rates.granted
    }

    /// The session continues under other rules, or another name, and keeps its debt.
    private func reopenMeter() {
        guard let rates, let before = rates.meter else { return }
        closeMeter()
        guard let policy = shard.rates else { return }
        openMeter(of: rates, policy, now: now).takeOver(from: before)
    }

    private func closeMeter() {
        guard let rates, let meter = rates.meter else { return }
        // Without rates there are no debts, so no account has to be kept.
        let now = shard.rates == nil ? .max : now
        if let user = meter.user { context.rates.users.close(user, now: now) }
        if let address = meter.address { context.rates.addresses.close(address, now: now) }
        rates.meter = nil
    }
}
