// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Every question to other nodes, asked of one that never answers: it ends when its time is over, to the nanosecond, and
/// says who is missing.
@Suite("Exact times: other nodes that stay silent")
struct SilentPeerTests {
    /// Everything that is asked of other nodes.
    enum Question: CaseIterable {
        case count, countExcept, countByRoom, rooms, allSockets, fetchSockets, serverSideEmitWithAck

        func ask(_ node: ManualNode) async throws {
            switch self {
            case .count: _ = try await node.io.count()
            case .countExcept: _ = try await node.io.except("a").count()
            case .countByRoom: _ = try await node.io.countByRoom()
            case .rooms: _ = try await node.adapter.allRooms()
            case .allSockets: _ = try await node.io.allSockets()
            case .fetchSockets: _ = try await node.io.fetchSockets()
            case .serverSideEmitWithAck:
                _ = try await node.io.serverSideEmitWithAck("ask", as: Int.self, timeout: .seconds(3))
            }
        }

        /// The same with a time-out of its own.
        func ask(_ node: ManualNode, _ own: QueryOptions) async throws {
            let (timeout, partial) = (own.timeout, own.partialResults)
            switch self {
            case .count: _ = try await node.io.count(timeout: timeout, partialResults: partial)
            case .countExcept: _ = try await node.io.except("a").count(timeout: timeout, partialResults: partial)
            case .countByRoom: _ = try await node.io.countByRoom(timeout: timeout, partialResults: partial)
            case .rooms: _ = try await node.io.rooms(timeout: timeout, partialResults: partial)
            case .allSockets: _ = try await node.io.allSockets(timeout: timeout, partialResults: partial)
            case .fetchSockets: _ = try await node.io.fetchSockets(timeout: timeout, partialResults: partial)
            case .serverSideEmitWithAck:
                _ = try await node.io.serverSideEmitWithAck("ask", as: Int.self, timeout: timeout ?? .seconds(3))
            }
        }

        /// What the application is told.
        func message(amongPeers: Bool) -> String {
            guard self != .serverSideEmitWithAck else {
                return "timeout reached: only 0 responses received out of 1"
            }
            return "timeout reached while waiting for \(name(amongPeers: amongPeers)) response"
        }

        private func name(amongPeers: Bool) -> String {
            switch self {
            case .count: amongPeers ? "count" : "sockets"
            case .countExcept: amongPeers ? "count" : "fetchSockets"
            case .countByRoom: amongPeers ? "rooms" : "fetchSockets"
            case .rooms: "allRooms"
            case .allSockets: "sockets"
            case .fetchSockets: "fetchSockets"
            case .serverSideEmitWithAck: "none"
            }
        }
    }

    /// Asks, and waits until the question has been published.
    private func begin(_ question: Question, _ node: ManualNode) async throws -> Task<Void, any Error> {
        node.transport.forget()
        let asking = Task { try await question.ask(node) }
        try await eventually("the question is asked") { !node.questions.isEmpty }
        #expect(try await node.isWaiting())
        return asking
    }

    @Test("a node of this kind", arguments: Question.allCases)
    func peer(question: Question) async throws {
        try await ManualNode.run(subscribers: 2, { $0.requestsTimeout = .seconds(3) }) { node in
            try await node.meet("sil1")
            let asking = try await begin(question, node)
            await node.advance(.seconds(3) - .nanoseconds(1))
            #expect(try await node.isWaiting())
            await node.advance(.nanoseconds(1))
            try #require(try await !node.isWaiting())
            let error = await #expect(throws: ClusterError.self) { try await asking.value }
            #expect(error?.code == .timeout && error?.missing == ["sil1"] && error?.missingForeign == 0)
            #expect(error?.message == question.message(amongPeers: true))
            #expect(node.cluster.statistics.requestTimeouts == 1)
        }
    }

    @Test("a node of another kind", arguments: Question.allCases)
    func foreign(question: Question) async throws {
        try await ManualNode.run(subscribers: 2, { $0.requestsTimeout = .seconds(3) }) { node in
            let asking = try await begin(question, node)
            #expect(node.questions.allSatisfy { $0.channel == "socket.io-request#/#" })
            await node.advance(.seconds(3) - .nanoseconds(1))
            #expect(try await node.isWaiting())
            await node.advance(.nanoseconds(1))
            try #require(try await !node.isWaiting())
            let error = await #expect(throws: ClusterError.self) { try await asking.value }
            #expect(error?.code == .timeout && error?.missing == [] && error?.missingForeign == 1)
            #expect(error?.message == question.message(amongPeers: false))
            #expect(node.cluster.statistics.requestTimeouts == 1)
        }
    }

    @Test("what there is, when that is asked for", arguments: Question.allCases.dropLast())
    func partial(question: Question) async throws {
        try await ManualNode.run(
            subscribers: 2,
            {
                $0.requestsTimeout = .seconds(3)
                $0.onRequestTimeout = .partial
            }
        ) { node in
            try await node.meet("sil1")
            let asking = try await begin(question, node)
            await node.advance(.seconds(3) - .nanoseconds(1))
            #expect(try await node.isWaiting())
            await node.advance(.nanoseconds(1))
            try #require(try await !node.isWaiting())
            try await asking.value
            #expect(node.cluster.statistics.requestTimeouts == 1)
        }
    }

    @Test(
        "a call's own time and policy count instead of the settings", arguments: Question.allCases.dropLast(),
        [true, false])
    func ownOptions(question: Question, amongPeers: Bool) async throws {
        for partial in [QueryOptions.PartialResults.accepted, .refused] {
            try await ManualNode.run(
                subscribers: 2,
                {
                    $0.requestsTimeout = .seconds(3)
                    // The opposite of what the call asks for.
                    $0.onRequestTimeout = partial == .accepted ? .fail : .partial
                }
            ) { node in
                if amongPeers { try await node.meet("sil1") }
                node.transport.forget()
                let own = QueryOptions(timeout: .seconds(1), partialResults: partial)
                let asking = Task { try await question.ask(node, own) }
                try await eventually("the question is asked") { !node.questions.isEmpty }
                #expect(try await node.isWaiting())
                await node.advance(.seconds(1) - .nanoseconds(1))
                #expect(try await node.isWaiting())
                await node.advance(.nanoseconds(1))
                #expect(try await !node.isWaiting())
                if partial == .accepted {
                    try await asking.value
                } else {
                    let error = await #expect(throws: ClusterError.self) { try await asking.value }
                    #expect(error?.code == .timeout)
                }
            }
        }
    }

    @Test("a broadcast that wants acknowledgements")
    func broadcast() async throws {
        try await ManualNode.run(subscribers: 2) { node in
            try await node.meet("sil1")
            node.transport.forget()
            let asking = Task { try await node.io.timeout(.seconds(4)).emitWithAck("ask", as: Int.self) }
            try await eventually("the event is published") { !node.questions.isEmpty }
            await node.advance(.seconds(4) - .nanoseconds(1))
            #expect(try await node.isWaiting())
            await node.advance(.nanoseconds(1))
            try #require(try await !node.isWaiting())
            let error = await #expect(throws: BroadcastAckError.self) { try await asking.value }
            #expect(error?.message == "operation has timed out" && error?.responses.isEmpty == true)
        }
    }

    @Test("the default is 5 s; an answer in the last moment is in time")
    func lastMoment() async throws {
        try await ManualNode.run(subscribers: 2) { node in
            try await node.meet("slow")
            node.transport.forget()
            let asking = Task { try await node.io.count() }
            try await eventually("the question is asked") { !node.questions.isEmpty }
            let id = try #require(try TestValue(json: node.questions[0].text)["id"]?.string)
            await node.advance(.seconds(5) - .nanoseconds(1))
            try await node.hear(fromPeer: #"{"type":"answer","node":"slow","id":"\#(id)","nsp":"/","count":7}"#)
            #expect(try await asking.value == 7)
            #expect(node.cluster.statistics.requestTimeouts == 0)
        }
    }

    // MARK: Heartbeats

    @Test("a node tells that it lives every 2 s, and not before")
    func heartbeats() async throws {
        try await ManualNode.run { node in
            for _ in 0..<3 {
                node.transport.forget()
                await node.advance(.seconds(2) - .nanoseconds(1))
                #expect(node.transport.with { $0.published }.isEmpty)
                await node.advance(.nanoseconds(1))
                try await eventually("a heartbeat") {
                    node.transport.with { $0.published }.filter { $0.text.contains(#""type":"alive""#) }.count == 1
                }
            }
        }
    }

    /// Heartbeats of one's own, at 2 s, 4 s and so on, are when one looks.
    @Test(
        "a node is gone when it has been silent for more than 6 s, and not before",
        arguments: [(1_999, 8), (2_001, 10), (3_999, 10)] as [(Int64, Int64)])
    func silence(heardAt: Int64, goneAt: Int64) async throws {
        let heard = TimeAmount.milliseconds(heardAt)
        try await ManualNode.run(subscribers: 2) { node in
            await node.advance(heard)
            try await node.meet("sil1")
            await node.advance(.seconds(goneAt) - heard - .nanoseconds(1))
            #expect(node.cluster.nodes.count == 1)
            await node.advance(.nanoseconds(1))
            #expect(node.cluster.nodes.isEmpty)
        }
    }

    @Test("whoever asks does not wait for a node that is gone", arguments: Question.allCases)
    func lost(question: Question) async throws {
        try await ManualNode.run(subscribers: 2, { $0.requestsTimeout = .seconds(3_600) }) { node in
            try await node.meet("sil1")
            // This question has a time of its own, which is shorter.
            let asking =
                question == .serverSideEmitWithAck
                ? Task { _ = try await node.io.serverSideEmitWithAck("ask", as: Int.self, timeout: .seconds(3600)) }
                : Task { try await question.ask(node) }
            node.transport.forget()
            try await eventually("it waits") { try await node.isWaiting() }
            await node.advance(.milliseconds(7_999))
            #expect(try await node.isWaiting())
            await node.advance(.milliseconds(1))
            try #require(try await !node.isWaiting())
            try await asking.value
            #expect(node.cluster.statistics.requestTimeouts == 0)
        }
    }
}
