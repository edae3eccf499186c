// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOCore
import Testing

@Suite struct AckTableTests {
    @Test func anAnswerIsTakenOnce() {
        var table = AckTable<String>()
        #expect(table.register(id: 0, limit: 2, handler: "a") == .registered)
        #expect(table.register(id: 0, limit: 2, handler: "b") == .duplicate)
        #expect(table.isPending(0))
        #expect(table.take(1) == nil)
        #expect(table.take(0) == "a")
        #expect(table.take(0) == nil)
        #expect(table.isEmpty)
    }

    @Test func limit() {
        var table = AckTable<Int>()
        for id in 0..<1024 { #expect(table.register(id: id, limit: 1024, handler: id) == .registered) }
        #expect(table.register(id: 1024, limit: 1024, handler: 1024) == .tooManyPending)
        #expect(table.count == 1024)
        #expect(table.take(500) == 500)
        #expect(table.register(id: 1024, limit: 1024, handler: 1024) == .registered)
    }

    @Test func disconnectionFailsAll() {
        var table = AckTable<Int>()
        for id in [5, 3, 9] { _ = table.register(id: id, limit: 10, handler: id * 10) }
        #expect(table.failAll().map(\.handler) == [30, 50, 90])
        #expect(table.failAll().isEmpty)
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

    @Test func numberOfServersBecomesKnownLater() {
        var counter = Counter(expectedServers: nil)
        #expect(counter.serverReported(clients: 1) == nil)
        #expect(counter.serverReported(clients: 0) == nil)
        #expect(counter.responded("a") == nil)
        let result = counter.expect(servers: 2)
        #expect(result == Counter.Result(responses: ["a"], missing: [], isComplete: true))
        #expect(counter.expect(servers: 2) == nil)

        var waiting = Counter(expectedServers: nil)
        #expect(waiting.serverReported(clients: 0) == nil)
        #expect(waiting.expect(servers: 2) == nil)
        #expect(waiting.serverReported(clients: 0)?.isComplete == true)

        var late = Counter(expectedServers: nil)
        #expect(late.serverReported(clients: 0) == nil)
        #expect(late.timedOut()?.isComplete == false)
        #expect(late.expect(servers: 1) == nil)
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
        #expect(counter.serverReported(clients: 0)?.responses == ["a"])
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
