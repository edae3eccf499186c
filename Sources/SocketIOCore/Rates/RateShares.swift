// Part of socketio-server, MIT licence; see LICENSE.

/// Divides the rates of users among the nodes, based on the busy users that each node reports.
///
/// When several nodes have the same busy user, each node subtracts what the user takes on the others, but keeps at
/// least an equal share. The sum therefore approaches the rate within one or two heartbeats. A user that connects to a
/// second node may use twice the rate until the nodes have exchanged reports; use below a quarter of the rate on a node
/// is not reported.
package struct RateShares: Sendable {
    package typealias Use = (events: Int, bytes: Int)

    package var rules = RateRules()
    private struct Foreign {
        var events = 0
        var bytes = 0
        var nodes = 0
    }
    /// By the bytes of the node's name.
    private var told: [[UInt8]: [(key: RateKey, use: Use)]] = [:]
    private var foreign: [RateKey: Foreign] = [:]
    private static let maximumNodes = 1024

    package init() {}

    /// The reported use as a fraction of the rates: 1 is the full rate.
    package static func load(events: Int, bytes: Int, _ rules: RateRules) -> Double {
        max(
            rules.events.map { Double(events) / Double($0.perSecond) } ?? 0,
            rules.bytes.map { Double(bytes) / Double($0.perSecond) } ?? 0)
    }

    /// Stores a node's report of its busy users. Returns the shares that may have changed.
    package mutating func heard(_ uses: [(key: RateKey, use: Use)], from node: [UInt8]) -> [(
        key: RateKey, share: UInt32
    )] {
        let before = told[node] ?? []
        guard !(before.isEmpty && uses.isEmpty) else { return [] }
        if uses.isEmpty {
            told[node] = nil
        } else {
            guard told[node] != nil || told.count < Self.maximumNodes else { return [] }
            told[node] = uses
        }
        var touched: Set<RateKey> = []
        for (key, use) in before {
            touched.insert(key)
            foreign[key]?.events -= use.events
            foreign[key]?.bytes -= use.bytes
            foreign[key]?.nodes -= 1
            if foreign[key].map({ $0.nodes <= 0 }) ?? false { foreign[key] = nil }
        }
        for (key, use) in uses {
            touched.insert(key)
            foreign[key, default: Foreign()].events += use.events
            foreign[key, default: Foreign()].bytes += use.bytes
            foreign[key, default: Foreign()].nodes += 1
        }
        return touched.map { ($0, share(of: $0)) }
    }

    /// This node's share of a user's rates, in thousandths.
    package func share(of key: RateKey) -> UInt32 {
        guard let others = foreign[key] else { return RateAccount.whole }
        let load = Self.load(events: others.events, bytes: others.bytes, rules)
        let equal = 1 / Double(others.nodes + 1)
        return max(1, UInt32(max(1 - load, equal) * Double(RateAccount.whole)))
    }
}
