// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import Testing

@Suite struct RateSharesTests {
    private static let key = RateKey(high: 1, low: 1)

    private static func shares() -> RateShares {
        var shares = RateShares()
        shares.rules.events = RateRule(perSecond: 1_000, burst: 5_000)
        shares.rules.bytes = RateRule(perSecond: 1_000_000, burst: 5_000_000)
        return shares
    }

    private static func heard(
        _ shares: inout RateShares, events: Int, bytes: Int = 0, from node: String, key: RateKey = RateSharesTests.key
    ) -> [UInt32] {
        shares.heard([(key, (events, bytes))], from: Array(node.utf8)).map(\.share)
    }

    @Test func aloneANodeGivesAll() {
        #expect(Self.shares().share(of: Self.key) == 1_000)
    }

    @Test func whatOthersGiveIsSubtracted() {
        var shares = Self.shares()
        #expect(Self.heard(&shares, events: 300, from: "a") == [700])
        #expect(shares.share(of: RateKey(high: 1, low: 2)) == 1_000)
        // What a node tells replaces what it told before.
        #expect(Self.heard(&shares, events: 400, from: "a") == [600])
        // The scarcer of the two counts.
        #expect(Self.heard(&shares, events: 100, bytes: 450_000, from: "a") == [550])
    }

    @Test func anEqualPartIsLeft() {
        var shares = Self.shares()
        #expect(Self.heard(&shares, events: 900, from: "a") == [500])
        #expect(Self.heard(&shares, events: 900, from: "b") == [333])
        #expect(Self.heard(&shares, events: 1_000_000, bytes: 1 << 40, from: "c") == [250])
    }

    @Test func whoFallsSilentOrLeavesGivesItBack() {
        var shares = Self.shares()
        _ = Self.heard(&shares, events: 900, from: "a")
        _ = Self.heard(&shares, events: 400, from: "b")
        let changes = shares.heard([], from: Array("a".utf8))
        #expect(changes.map(\.share) == [600])
        _ = shares.heard([], from: Array("b".utf8))
        #expect(shares.share(of: Self.key) == 1_000)
        #expect(shares.heard([], from: Array("b".utf8)).isEmpty)
    }

    /// Two nodes with the same flooding user, each hearing of the other after each round.
    @Test func floodsOnSeveralNodesComeNearTheRateTogether() {
        var nodes = [Self.shares(), Self.shares(), Self.shares()]
        var used = [1_000, 1_000, 1_000]
        for _ in 0..<4 {
            for from in nodes.indices {
                for to in nodes.indices where to != from {
                    _ = Self.heard(&nodes[to], events: used[from], from: "\(from)")
                }
            }
            used = nodes.map { Int($0.share(of: Self.key)) }
        }
        #expect((990...1_010).contains(used.reduce(0, +)))
    }

    @Test func nodesAreBounded() {
        var shares = Self.shares()
        for node in 0..<5_000 { _ = Self.heard(&shares, events: 1, from: "\(node)") }
        // 1,024 of them count.
        #expect(shares.share(of: Self.key) == max(1, UInt32(1_000 / 1_025)))
    }

    @Test func bytesOfNodesNamesCount() {
        var shares = Self.shares()
        _ = Self.heard(&shares, events: 300, from: "caf\u{e9}")
        #expect(Self.heard(&shares, events: 300, from: "cafe\u{301}") == [400])
    }
}
