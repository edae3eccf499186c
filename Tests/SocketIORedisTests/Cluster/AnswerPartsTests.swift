// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

@Suite("Answers in parts")
struct AnswerPartsTests {
    typealias Requests = ClusterRequestTable<String, Int>

    private func parts(_ sizes: [Int], limit: Int) throws -> [[Int]] {
        try AnswerParts(sizes, limit: limit, name: "limit", size: { $0 }).parts
    }

    @Test("elements are divided so that no part is over the limit, in their order")
    func division() throws {
        let envelope = AnswerParts<Int>.envelopeBytes
        #expect(try parts([], limit: envelope + 10) == [[]])
        #expect(try parts([4, 6], limit: envelope + 10) == [[4, 6]])
        #expect(try parts([4, 7], limit: envelope + 10) == [[4], [7]])
        #expect(try parts([10, 10, 1, 9, 1], limit: envelope + 10) == [[10], [10], [1, 9], [1]])
        let error = #expect(throws: ClusterError.self) { try parts([3, 11], limit: envelope + 10) }
        #expect(error?.code == .oversized)
        // However large messages may be, parts stay small.
        let usual = AnswerParts<Int>.usualBytes
        #expect(
            try parts([usual, 1, usual - 1, 5 * usual, 1], limit: 16 << 20) == [
                [usual], [1, usual - 1], [5 * usual], [1],
            ])
        let most = Requests.maximumParts
        #expect(try parts(Array(repeating: 10, count: most), limit: envelope + 10).count == most)
        #expect(throws: ClusterError.self) { try parts(Array(repeating: 10, count: most + 1), limit: envelope + 10) }
    }

    @Test("parts are numbered, all but the last say that more follow; one piece is not marked")
    func marks() throws {
        var marks: [String] = []
        try AnswerParts([4, 7, 8], limit: AnswerParts<Int>.envelopeBytes + 10, name: "limit", size: { $0 }).forEach {
            marks.append("\($0) \($1 ?? -1) \($2 ?? false)")
        }
        #expect(marks == ["[4] 0 true", "[7] 1 true", "[8] 2 false"])
        marks = []
        try AnswerParts([4, 6], limit: AnswerParts<Int>.envelopeBytes + 10, name: "limit", size: { $0 }).forEach {
            marks.append("\($0) \($1 ?? -1) \($2 ?? false)")
        }
        #expect(marks == ["[4, 6] -1 false"])
    }

    @Test("an answer in parts counts once, when the last part has come")
    func table() {
        var table = Requests()
        _ = table.begin("r", nodes: 2, peers: ["a": "A", "b": "B"], context: 0)
        #expect(isPending(table.received(part: 0, of: "r", by: "a", "a0")))
        #expect(isPending(table.answered("r", by: "b", "b")))
        #expect(isPending(table.received(part: 1, of: "r", by: "a", "a1")))
        guard case .completed(let outcome) = table.answered("r", by: "a", "a2", lastPart: 2) else {
            Issue.record("not completed")
            return
        }
        #expect(outcome.answers == ["b", "a0", "a1", "a2"])
        #expect(outcome.answered == 2 && outcome.expected == 2 && outcome.isComplete)
        #expect(table.count == 0)
    }

    @Test("an answer with a hole is none: its node is named when the time is up, and its parts are not used")
    func holes() {
        var table = Requests()
        _ = table.begin("r", nodes: 2, peers: ["a": "A", "b": "B"], context: 0)
        #expect(isPending(table.received(part: 0, of: "r", by: "a", "a0")))
        #expect(isDuplicate(table.received(part: 0, of: "r", by: "a", "a0")), "twice")
        #expect(isDuplicate(table.received(part: 2, of: "r", by: "a", "a2")), "1 is missing")
        #expect(isDuplicate(table.answered("r", by: "a", "a3", lastPart: 3)))
        #expect(isDuplicate(table.received(part: -1, of: "r", by: "a", "x")))
        #expect(isPending(table.answered("r", by: "b", "b")))
        #expect(isDuplicate(table.received(part: 0, of: "r", by: "b", "b0")), "has answered")
        #expect(isDuplicate(table.answered("r", by: "b", "b0", lastPart: 0)))
        let outcome = table.timedOut("r")
        #expect(outcome?.answers == ["b"] && outcome?.answered == 1 && outcome?.missing == ["A"])
        #expect(isUnknown(table.received(part: 1, of: "r", by: "a", "a1")))
        #expect(isUnknown(table.answered("r", by: "a", "a1", lastPart: 1)))
    }

    @Test("the parts of a node that dies are forgotten")
    func death() {
        var table = Requests()
        _ = table.begin("r", nodes: 2, peers: ["a": "A", "b": "B"], context: 0)
        #expect(isPending(table.received(part: 0, of: "r", by: "a", "a0")))
        #expect(table.lost(peer: "a").isEmpty)
        guard case .completed(let outcome) = table.answered("r", by: "b", "b") else {
            Issue.record("not completed")
            return
        }
        #expect(outcome.answers == ["b"])
    }

    @Test("a node that sends parts without end is stopped")
    func endless() {
        var table = Requests()
        _ = table.begin("r", nodes: 1, peers: ["a": "A"], context: 0)
        for number in 0..<Requests.maximumParts - 1 {
            #expect(isPending(table.received(part: number, of: "r", by: "a", "x")))
        }
        #expect(isDuplicate(table.received(part: Requests.maximumParts - 1, of: "r", by: "a", "x")))
        guard case .completed(let outcome) = table.answered("r", by: "a", "x", lastPart: Requests.maximumParts - 1)
        else {
            Issue.record("not completed")
            return
        }
        #expect(outcome.answers.count == Requests.maximumParts)
    }

    private func isPending(_ event: Requests.Event) -> Bool { if case .pending = event { true } else { false } }
    private func isDuplicate(_ event: Requests.Event) -> Bool { if case .duplicate = event { true } else { false } }
    private func isUnknown(_ event: Requests.Event) -> Bool { if case .unknown = event { true } else { false } }
}
