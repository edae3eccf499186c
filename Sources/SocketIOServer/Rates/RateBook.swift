// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOConcurrencyHelpers
package import SocketIOCore

/// The rate state of a server: the accounts of users and addresses, the reports of other nodes, and the metrics. May be
/// used from any thread.
package final class RateBook: Sendable {
    /// A node's report about one user: what the user has used in the last second.
    package struct Report: Sendable, Equatable {
        package var key: RateKey
        package var events: Int
        package var bytes: Int

        package init(key: RateKey, events: Int, bytes: Int) {
            self.key = key
            self.events = events
            self.bytes = bytes
        }
    }

    /// The largest number of users in a node's report.
    package static let maximumReports = 64

    let users = RateAccountTable()
    let addresses = RateAccountTable()
    let metrics: RateMetrics
    private let shares = NIOLockedValueBox(RateShares())

    init(isCounted: Bool, policy: RatePolicy?) {
        metrics = RateMetrics(isCounted: isCounted)
        reload(policy)
    }

    /// Applies new rates; nil when there are none for users.
    func reload(_ policy: RatePolicy?) {
        shares.withLockedValue { $0.rules = policy?.user ?? RateRules() }
    }

    // MARK: Other nodes

    /// The users that have used a quarter of a rate or more since the last call, the busiest first.
    package func reports(after seconds: Double) -> [Report] {
        let rules = shares.withLockedValue { $0.rules }
        guard seconds > 0, rules.events != nil || rules.bytes != nil else { return [] }
        var busy: [(report: Report, load: Double)] = []
        for account in users.active() {
            let used = account.takeUsage()
            let report = Report(
                key: account.key, events: Self.rate(used.events, seconds), bytes: Self.rate(used.bytes, seconds))
            let load = RateShares.load(events: report.events, bytes: report.bytes, rules)
            if load >= 0.25 { busy.append((report, load)) }
        }
        busy.sort { $0.load > $1.load }
        return busy.prefix(Self.maximumReports).map(\.report)
    }

    private static func rate(_ count: Int, _ seconds: Double) -> Int { Int(min(max(Double(count) / seconds, 0), 1e12)) }

    /// Stores another node's report, which replaces its last one. The list is empty when the node has gone.
    package func heard(_ reports: [Report], from node: String) {
        let uses = reports.prefix(Self.maximumReports).map { (key: $0.key, use: (events: $0.events, bytes: $0.bytes)) }
        let changes = shares.withLockedValue { $0.heard(uses, from: Array(node.utf8)) }
        for (key, share) in changes { users.account(key)?.share = share }
    }

    /// The share of a user who opens the first session on this node.
    package func openUser(_ key: RateKey, now: UInt64) -> RateAccount {
        let account = users.open(key, now: now)
        account.share = shares.withLockedValue { $0.share(of: key) }
        return account
    }
}

extension Server {
    /// The rate state of the server.
    package var rateBook: RateBook { context.rates }
}

extension RateKey {
    /// The key of a user name. Nobody can choose a name with the key of another one.
    init(user: String) {
        let digest = KeyDigest.make(user)
        self.init(high: digest.high, low: digest.low)
    }

    /// The key of an address given as text, of IPv6 its first 64 bits. Nil if the text is not an address.
    init?(address: String) {
        guard let packed = KeyDigest.address(address) else { return nil }
        self.init(high: packed.high, low: packed.low)
    }
}
