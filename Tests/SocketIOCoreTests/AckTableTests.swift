// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import Testing

@Suite struct AckTableTests {
    private static func time(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .milliseconds(milliseconds)
    }

    @Test func anAnswerIsTakenOnce() {
        var table = AckTable<String>()
        #expect(table.register(id: 0, deadline: nil, handler: "a") == .registered)
        #expect(table.register(id: 0, deadline: nil, handler: "b") == .duplicate)
        #expect(table.isPending(0))
        #expect(table.take(1) == nil)
        #expect(table.take(0) == "a")
        #expect(table.take(0) == nil)
        #expect(table.isEmpty)
    }

    @Test func limit() {
        var table = AckTable<Int>()
        #expect(table.limit == 1024)
        for id in 0..<1024 { #expect(table.register(id: id, deadline: nil, handler: id) == .registered) }
        #expect(table.register(id: 1024, deadline: nil, handler: 1024) == .tooManyPending)
        #expect(table.count == 1024)
        #expect(table.take(500) == 500)
        #expect(table.register(id: 1024, deadline: nil, handler: 1024) == .registered)
    }

    @Test func deadlinesInOrder() {
        var table = AckTable<String>()
        #expect(table.nextDeadline == nil)
        _ = table.register(id: 1, deadline: Self.time(300), handler: "late")
        #expect(table.nextDeadline == Self.time(300))
        _ = table.register(id: 2, deadline: Self.time(100), handler: "early")
        _ = table.register(id: 3, deadline: nil, handler: "never")
        _ = table.register(id: 4, deadline: Self.time(200), handler: "middle")
        #expect(table.nextDeadline == Self.time(100))
        #expect(table.expire(at: Self.time(99)).isEmpty)
        #expect(table.expire(at: Self.time(200)).map(\.handler) == ["early", "middle"])
        #expect(table.nextDeadline == Self.time(300))
        #expect(table.take(2) == nil)
        #expect(table.expire(at: Self.time(1000)).map(\.id) == [1])
        #expect(table.nextDeadline == nil)
        #expect(table.isPending(3))
    }

    /// An answer removes its deadline at the latest when that passes.
    @Test func answeredOnesDoNotExpire() {
        var table = AckTable<Int>()
        _ = table.register(id: 1, deadline: Self.time(100), handler: 1)
        _ = table.register(id: 2, deadline: Self.time(200), handler: 2)
        #expect(table.take(1) == 1)
        #expect(table.expire(at: Self.time(150)).isEmpty)
        #expect(table.nextDeadline == Self.time(200))
        #expect(table.take(2) == 2)
        #expect(table.nextDeadline == nil)
    }

    @Test func disconnectionFailsAll() {
        var table = AckTable<Int>()
        for id in [5, 3, 9] { _ = table.register(id: id, deadline: Self.time(10), handler: id * 10) }
        #expect(table.failAll().map(\.handler) == [30, 50, 90])
        #expect(table.failAll().isEmpty)
        #expect(table.nextDeadline == nil)
        #expect(table.take(5) == nil)
    }
}

@Suite struct AckBroadcastCounterTests {
    typealias Counter = BroadcastAckCounter<String>

    @Test func nobodyToAnswer() {
        var counter = Counter(expectedServers: 1)
        #expect(counter.serverReported(clients: 0) == Counter.Result(responses: [], missing: [], isComplete: true))
        #expect(counter.serverReported(clients: 0) == nil)
        #expect(counter.timedOut() == nil)
    }

    @Test func answersInArrivalOrder() {
        var counter = Counter(expectedServers: 1)
        #expect(counter.serverReported(clients: 3) == nil)
        #expect(counter.responded("b") == nil)
        #expect(counter.responded("a") == nil)
        #expect(
            counter.responded("c") == Counter.Result(responses: ["b", "a", "c"], missing: [], isComplete: true))
        #expect(counter.responded("d") == nil)
    }

    @Test func answersOvertakeReports() {
        var counter = Counter(expectedServers: 3)
        #expect(counter.responded("a") == nil)
        #expect(counter.serverReported(clients: 1) == nil)
        #expect(counter.responded("b") == nil)
        #expect(counter.serverReported(clients: 0) == nil)
        #expect(counter.serverReported(clients: 1)?.responses == ["a", "b"])
    }

    @Test func aClientThatLeavesCompletesEarly() {
        var counter = Counter(expectedServers: 1)
        #expect(counter.serverReported(clients: 2) == nil)
        #expect(counter.disconnected(socketID: "s1") == nil)
        #expect(
            counter.responded("a") == Counter.Result(responses: ["a"], missing: ["s1"], isComplete: false))
        #expect(counter.timedOut() == nil)
    }

    @Test func aClientThatLeavesBeforeTheReport() {
        var counter = Counter(expectedServers: 1)
        #expect(counter.disconnected(socketID: "s1") == nil)
        #expect(counter.serverReported(clients: 1)?.missing == ["s1"])
    }

    @Test func partialAtTheTimeout() {
        var counter = Counter(expectedServers: 2)
        #expect(counter.serverReported(clients: 3) == nil)
        #expect(counter.responded("a") == nil)
        #expect(counter.disconnected(socketID: "s1") == nil)
        #expect(counter.responseCount == 1)
        #expect(
            counter.timedOut(stillPending: ["s2"])
                == Counter.Result(responses: ["a"], missing: ["s1", "s2"], isComplete: false))
        #expect(counter.timedOut() == nil)
        #expect(counter.responded("b") == nil)
        #expect(counter.serverReported(clients: 0) == nil)
    }

    @Test func aServerThatIsGone() {
        var counter = Counter(expectedServers: 2)
        #expect(counter.serverReported(clients: 1) == nil)
        #expect(counter.responded("a") == nil)
        #expect(counter.serverLost()?.responses == ["a"])
    }

    /// Counts from the network neither trap nor complete a request.
    @Test func absurdCounts() {
        var counter = Counter(expectedServers: 3)
        #expect(counter.serverReported(clients: .min) == nil)
        #expect(counter.serverReported(clients: .max) == nil)
        #expect(counter.serverReported(clients: .max) == nil)
        #expect(counter.responded("a") == nil)
        #expect(counter.timedOut()?.isComplete == false)
        var none = Counter(expectedServers: -1)
        #expect(none.serverReported(clients: 1) == nil)
        #expect(none.timedOut()?.responses == [])
    }
}
