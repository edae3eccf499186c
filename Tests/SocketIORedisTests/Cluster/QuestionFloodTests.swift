// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import LoopConfinement
import NIOConcurrencyHelpers
import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// What somebody can cause who asks nodes more than they can answer, or poses as many of them, told by a Redis that the test plays.
@Suite("Floods of questions between nodes")
struct QuestionFloodTests {
    private func withNode(
        _ body: (NodeUnderTest, ScriptedTransport, ClusterAdapter) async throws -> Void
    ) async throws {
        try await NodeUnderTest.runScripted({ _ in }, setUp: { _ in }, body)
    }

    @Test("answers are made two at a time; those whom nobody waits for any more, and those beyond 1,024, are not made")
    func gate() async throws {
        let gate = AnswerGate(patience: .seconds(5))
        let start = NIODeadline.now()
        #expect(await gate.enter(at: start))
        #expect(await gate.enter(at: start))
        #expect(gate.load == (2, 0))
        let order = NIOLockedValueBox<[Int]>([])
        let first = Task { await gate.enter(at: start) }
        try await eventually("the first waits") { gate.load.waiting == 1 }
        let waiting = (1..<AnswerGate.depth).map { number in
            Task { if await gate.enter(at: start + .seconds(1)) { order.withLockedValue { $0.append(number) } } }
        }
        try await eventually("all wait") { gate.load.waiting == AnswerGate.depth }
        #expect(await gate.enter(at: start) == false)
        // The first is late: nobody is waiting for it any more.
        gate.leave(at: start + .seconds(5))
        try await eventually("one more") { order.withLockedValue { $0.count } == 1 }
        #expect(await first.value == false)
        #expect(gate.load == (2, AnswerGate.depth - 2))
        gate.leave(at: start + .seconds(6))
        gate.leave(at: start + .seconds(6))
        for task in waiting { await task.value }
        #expect(gate.load == (0, 0))
        #expect(order.withLockedValue { $0.count } == 1)
    }

    @Test("5,000 forged questions at once: a bounded number waits, the others are refused and counted")
    func forgedQuestions() async throws {
        try await withNode { node, transport, adapter in
            for _ in 0..<4 {
                _ = try await SocketTestClient.connect(to: node.address)
                    .join(auth: ["x": .string(String(repeating: "a", count: 10_000))])
            }
            transport.forget()
            let questions = (0..<5_000).map { number in
                Array(
                    #"{"uid":"node","requestId":"\#(number)","type":5,"opts":{"rooms":[],"except":[]}}"#.utf8)
            }
            try await transport.deliver("socket.io-request#/#", all: questions)
            try await eventually("all are done with", within: .seconds(60)) {
                transport.published.count + adapter.counters.refusals(.answers) == 5_000
            }
            #expect(adapter.counters.refusals(.answers) > 0)
            #expect(node.cluster.cluster.answers.load == (0, 0))
        }
    }

    @Test(
        "questions of a peer wait for their turn as all others do", arguments: PeerQuestions.Subject.allCases,
        [false, true])
    func forgedQuestionsOfAPeer(subject: PeerQuestions.Subject, takesParts: Bool) async throws {
        try await NodeUnderTest.runScripted({ $0.requestsTimeout = .seconds(600) }, setUp: { _ in }) {
            node, transport, adapter in
            try await eventually("its adapter is known") {
                await adapter.core.get { $0.directory.heartbeat.members["/"] != nil }
            }
            let heartbeat = #"{"type":"alive","node":"peer","tag":"peer","uids":{"/":"uid-p"},"parts":\#(takesParts)}"#
            try await transport.deliver("socket.io-node#", Array(heartbeat.utf8))
            let gate = node.cluster.cluster.answers
            for _ in 0..<AnswerGate.width { #expect(await gate.enter()) }
            let questions = (0..<1_500).map { number in
                Array(
                    #"{"type":"ask","node":"peer","id":"\#(number)","nsp":"/","what":"\#(subject.rawValue)"}"#.utf8)
            }
            try await transport.deliver("socket.io-node#", all: questions)
            let refused = 1_500 - AnswerGate.depth
            try await eventually("the others are refused", within: .seconds(60)) {
                adapter.counters.refusals(.answers) == refused
            }
            #expect(gate.load == (AnswerGate.width, AnswerGate.depth))
            for _ in 0..<AnswerGate.width { gate.leave() }
            let channel = PeerMessage.channel(of: "peer", key: "socket.io")
            // A peer that understands it is told of the refusals, too.
            let expected = AnswerGate.depth + (takesParts ? refused : 0)
            try await eventually("all are done with", within: .seconds(60)) {
                transport.with { $0.published.count { $0.channel == channel } } == expected
            }
            try await eventually("nobody is at work") { gate.load == (0, 0) }
            #expect(adapter.counters.refusals(.answers) == refused && adapter.counters.refusals(.answerBytes) == 0)
        }
    }

    @Test("fifty calls of fetchSockets at once ask the others twice")
    func sharedLooks() async throws {
        try await withNode { node, transport, adapter in
            let heartbeat = #"{"type":"alive","node":"peer","tag":"peer","uids":{"/":"uid-p"},"parts":true}"#
            try await transport.deliver("socket.io-node#", Array(heartbeat.utf8))
            transport.forget()
            let first = Task { try await node.io.fetchSockets().count }
            try await eventually("asked") { transport.published.count == 1 }
            let others = (0..<50).map { _ in Task { try await node.io.fetchSockets().count } }
            try await eventually("they wait") { adapter.socketQueries.waiting(for: .init(BroadcastOptions())) == 50 }
            // Another question is not kept waiting by them.
            let room = Task { try await node.io.in("r").fetchSockets().count }
            try await eventually("asked too") { transport.published.count == 2 }
            for number in 0..<3 {
                try await eventually("question \(number)") { transport.published.count > number }
                let id = try #require(try TestValue(json: transport.published[number].text)["requestId"]?.string)
                let answer =
                    #"{"requestId":"\#(id)","uid":"uid-p","sockets":[{"id":"s","rooms":[],"handshake":{},"data":{}}]}"#
                try await transport.deliver("socket.io-response#/#\(adapter.uid)#", Array(answer.utf8))
            }
            #expect(try await first.value == 1)
            #expect(try await room.value == 1)
            for other in others { #expect(try await other.value == 1) }
            #expect(transport.published.count == 3)
        }
    }

    @Test("a thousand forged nodes that say hello are answered once in a while, and published once in a while")
    func forgedNodes() async throws {
        try await withNode { node, transport, adapter in
            transport.forget()
            let hellos = (0..<1_000).map { number in
                Array(#"{"type":"alive","node":"n\#(number)","tag":"t","uids":{"/":"u\#(number)"},"hello":true}"#.utf8)
            }
            let before = await adapter.core.get { $0.directory.publications }
            try await transport.deliver("socket.io-node#", all: hellos)
            try await eventually("published") { node.cluster.nodes.count == 1_000 }
            let after = await adapter.core.get { $0.directory.publications }
            // One for each of the first few, and one for each 50 ms that it took.
            #expect(after - before < 200)
            let answers = transport.with { $0.published.count { $0.channel == "socket.io-node#" } }
            #expect(answers >= 1 && answers < 200)
        }
    }
}
