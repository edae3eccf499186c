// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import socketio_load

@Suite struct DeliveryCheckerTests {
    private func verdicts(_ sequences: [UInt32]) -> (DeliveryChecker, [DeliveryChecker.Verdict]) {
        var checker = DeliveryChecker()
        _ = checker.reserve(1)
        let verdicts = sequences.map { checker.receive($0, slot: 0) }
        return (checker, verdicts)
    }

    @Test func takesWhatComesInOrder() {
        let (checker, verdicts) = verdicts([0, 1, 2])
        #expect(verdicts == [.new, .new, .new])
        #expect(checker.lost(slot: 0, sent: 3) == 0)
        #expect(checker.lost(slot: 0, sent: 5) == 2)
    }

    @Test func tellsLateFromDoubled() {
        let (checker, verdicts) = verdicts([0, 4, 2, 2, 1, 4, 0, 3])
        #expect(
            verdicts == [.new, .new, .outOfOrder, .doubled, .outOfOrder, .doubled, .doubled, .outOfOrder])
        #expect(checker.lost(slot: 0, sent: 5) == 0)
    }

    @Test func countsGapsAsLost() {
        let (checker, verdicts) = verdicts([2, 3, 7, 5])
        #expect(verdicts == [.new, .new, .new, .outOfOrder])
        // 0, 1, 4, 6, 8, 9
        #expect(checker.lost(slot: 0, sent: 10) == 6)
    }

    @Test func refusesWhatCannotBe() {
        let (checker, verdicts) = verdicts([.max, 0, DeliveryChecker.greatestGap + 1])
        #expect(verdicts == [.implausible, .new, .implausible])
        #expect(checker.lost(slot: 0, sent: 1) == 0)
    }

    @Test func keepsSlotsApart() {
        var checker = DeliveryChecker()
        #expect(checker.reserve(2) == 0)
        #expect(checker.reserve(1) == 2)
        #expect(checker.receive(0, slot: 2) == .new)
        #expect(checker.receive(0, slot: 1) == .new)
        #expect((0..<3).map { checker.lost(slot: $0, sent: 1) } == [1, 0, 0])
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func agreesWithASetInAnyOrder(seed: UInt64) {
        var random = Xorshift(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        var checker = DeliveryChecker()
        _ = checker.reserve(1)
        var seen: Set<UInt32> = []
        for _ in 0..<500 {
            let sequence = UInt32.random(in: 0..<300, using: &random)
            let isNew = seen.insert(sequence).inserted
            let verdict = checker.receive(sequence, slot: 0)
            #expect((verdict == .doubled) == !isNew)
        }
        #expect(checker.lost(slot: 0, sent: 300) == 300 - seen.count)
    }
}

/// Repeatable random numbers.
private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
