// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import SocketIOCore

/// What a client has about rates once it was looked at. An object, because most connections are idle.
final class ClientRates {
    var meter: RateMeter?
    /// Whom the application takes it for.
    var user: RateKey?
    /// What may pass between the last look and the next.
    var granted: RateGrant
    /// When it may be warned again, monotonic.
    var nextWarning: UInt64 = 0

    init(granted: RateGrant) { self.granted = granted }
}

/// What the event `rate_limited` tells a client, see ``RateLimits/Action/warn``.
struct RateWarning: Encodable, Sendable {
    let kind: String
    let scope: String
    let retryAfterMs: Int
}

/// All on the session's loop.
extension Client {
    private var now: UInt64 { session.eventLoop.now.uptimeNanoseconds }

    /// What was granted has passed with the packet at hand.
    /// - Parameter isEvent: it may be dropped.
    /// - Returns: whether it is dropped.
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

    /// Takes one of another kind. Returns whether it is refused.
    func isRefused(_ kind: RateKind) -> Bool {
        guard let policy = shard.rates, policy.limits(kind), session.isOpen else { return false }
        let now = now
        let rates = makeRates(policy)
        guard let excess = openMeter(of: rates, policy, now: now).charge(kind, now: now) else { return false }
        return overstepped(excess, policy, rates, now: now)
    }

    /// - Returns: whether what went over the rate is not to be done.
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
            connectedSockets.first?.emit(
                "rate_limited",
                RateWarning(
                    kind: excess.kind.rawValue, scope: excess.scope.rawValue,
                    retryAfterMs: Int(clamping: excess.wait / 1_000_000 + 1)))
            return false
        case .drop:
            return true
        case .disconnect:
            close()
            return true
        }
    }

    private func describe(_ excess: RateExcess, _ action: RateAction) -> Logger.Metadata {
        var metadata = LogMetadata.session(session, reason: "\(excess.kind.rawValue) per second")
        metadata["remote"] = "\(session.handshake.remoteAddress)"
        metadata["scope"] = "\(excess.scope.rawValue)"
        metadata["action"] = "\(action.rawValue)"
        // Everybody behind a proxy that is not known has the proxy's address.
        if excess.scope == .address { metadata["hint"] = "if it is a proxy, list it in trustedProxies" }
        return metadata
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
            ? nil : RateKey(address: session.handshake.remoteAddress).map { context.rates.addresses.open($0, now: now) }
        let user = policy.user.isEmpty ? nil : rates.user.map { context.rates.openUser($0, now: now) }
        let made = RateMeter(policy, user: user, address: address)
        rates.meter = made
        return made
    }

    // MARK: Changes

    /// The application has told who the client is.
    func setRateIdentity(_ key: RateKey?) {
        guard key != rates?.user, session.isOpen else { return }
        let rates = self.rates ?? ClientRates(granted: shard.rates?.step ?? .unlimited)
        self.rates = rates
        payRates()
        rates.user = key
        reopenMeter()
    }

    /// Other rates hold from now on.
    func ratesChanged() {
        payRates()
        reopenMeter()
        allowance = shard.rates?.step ?? .unlimited
        rates?.granted = allowance
    }

    /// The client ends: user and address are charged for what was not looked at.
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

    /// Counts what has passed since the last look. Without a meter it is left to the next look.
    private func payRates() {
        guard let rates, let meter = rates.meter else { return }
        meter.pay(
            events: Int(rates.granted.events) - Int(allowance.events),
            bytes: Int(rates.granted.bytes) - Int(allowance.bytes), now: now)
        allowance = rates.granted
    }

    /// The session goes on under other rules, or another name, and owes what it owes.
    private func reopenMeter() {
        guard let rates, let before = rates.meter else { return }
        closeMeter()
        guard let policy = shard.rates else { return }
        openMeter(of: rates, policy, now: now).takeOver(from: before)
    }

    private func closeMeter() {
        guard let rates, let meter = rates.meter else { return }
        // Once no rates hold, nobody owes anything, so that no account has to be remembered.
        let now = shard.rates == nil ? .max : now
        if let user = meter.user { context.rates.users.close(user, now: now) }
        if let address = meter.address { context.rates.addresses.close(address, now: now) }
        rates.meter = nil
    }
}
