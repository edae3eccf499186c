// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import HiredisNIO
import NIOCore
import SocketIOCore
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

@Suite("Tables of requests and peers")
struct TableTests {
    typealias Requests = ClusterRequestTable<String, Int>

    private func outcome(_ event: Requests.Event) -> Requests.Outcome? {
        if case .completed(let outcome) = event { return outcome }
        return nil
    }

    @Test("a request waits for known peers and for as many foreign nodes as there are")
    func requests() {
        var table = Requests()
        let none = table.begin("none", nodes: 0, peers: [:], context: 0)
        #expect(none?.isComplete == true)
        let begun = table.begin("r", nodes: 3, peers: ["a": "A", "b": "B"], context: 7)
        #expect(begun == nil)
        #expect(outcome(table.answered("r", by: "a", "1")) == nil)
        guard case .duplicate = table.answered("r", by: "a", "2") else {
            Issue.record("duplicate")
            return
        }
        guard case .unknown = table.answered("x", by: "a", "2") else {
            Issue.record("unknown")
            return
        }
        #expect(outcome(table.answered("r", by: nil, "foreign")) == nil)
        let end = outcome(table.answered("r", by: "b", "3"))
        #expect(end?.answers == ["1", "foreign", "3"])
        #expect(end?.context == 7)
        #expect(end?.isComplete == true)
        guard case .unknown = table.answered("r", by: "c", "4") else {
            Issue.record("late")
            return
        }
        #expect(table.count == 0)
    }

    @Test("peers that do not know us yet answer without a name")
    func anonymous() {
        var table = Requests()
        _ = table.begin("r", nodes: 2, peers: ["a": "A", "b": "B"], context: 0)
        _ = table.answered("r", by: nil, "1")
        #expect(outcome(table.answered("r", by: nil, "2"))?.answers == ["1", "2"])
    }

    @Test("foreign nodes that have gone are struck, those that are left are waited for")
    func foreignLost() {
        var table = Requests()
        #expect(!table.isWaitingForForeign)
        _ = table.begin("r", nodes: 3, peers: ["a": "A"], context: 0)
        #expect(table.isWaitingForForeign)
        _ = table.answered("r", by: "a", "1")
        // More than there were is no reason to wait for more.
        #expect(table.left(foreign: 5, nodes: 6).isEmpty)
        #expect(table.left(foreign: 2, nodes: 3).isEmpty)
        #expect(table.left(foreign: 1, nodes: 2).isEmpty)
        #expect(table.left(foreign: 1, nodes: 2).isEmpty, "struck once")
        let end = outcome(table.answered("r", by: nil, "2"))
        #expect(end?.answers == ["1", "2"])
        #expect(end?.isComplete == true)

        // Two of two have gone; the peer is still waited for.
        _ = table.begin("s", nodes: 3, peers: ["a": "A"], context: 0)
        #expect(table.left(foreign: 0, nodes: 1).isEmpty)
        #expect(!table.isWaitingForForeign)
        #expect(outcome(table.answered("s", by: "a", "1"))?.isComplete == true)

        // Which of them are peers was not known.
        _ = table.begin("t", nodes: 2, peers: [:], context: 0)
        #expect(table.left(foreign: 0, nodes: 2).isEmpty)
        #expect(table.left(foreign: 0, nodes: 0).map(\.isComplete) == [true])
        #expect(table.count == 0)
    }

    @Test("a dead peer is struck; time-outs name who is missing")
    func lost() {
        var table = Requests()
        _ = table.begin("r", nodes: 3, peers: ["a": "A", "b": "B"], context: 0)
        _ = table.answered("r", by: "a", "1")
        #expect(table.lost(peer: "b").isEmpty)
        #expect(table.lost(peer: "nobody").isEmpty)
        #expect(outcome(table.answered("r", by: nil, "2"))?.isComplete == true)
        _ = table.begin("s", nodes: 2, peers: ["a": "A", "b": "B"], context: 0)
        _ = table.answered("s", by: "a", "1")
        #expect(table.lost(peer: "b").first?.answers == ["1"])
        _ = table.begin("t", nodes: 3, peers: ["a": "A", "b": "B"], context: 0)
        _ = table.answered("t", by: "a", "1")
        let end = table.timedOut("t")
        #expect(end?.missing == ["B"])
        #expect(end?.expected == 3)
        #expect(end?.isComplete == false)
        #expect(table.timedOut("t") == nil)
    }

    @Test("an answer that overtakes the report of its node counts once, also when the node goes")
    func earlyAnswers() {
        var table = ClusterBroadcastTable<Int>()
        table.begin("r", nodes: 1, peers: ["a": "A"], receiver: 1)
        #expect(table.answered("r", by: "a") == 1)
        #expect(table.reported("r", by: "a", clients: 3) == 1)
        #expect(table.lost(peer: "a").map(\.clients) == [2])
    }

    @Test("the late answer of a dead peer does not count as that of another one")
    func lateAnswers() {
        var table = Requests()
        let begun = table.begin("r", nodes: 2, peers: ["a": "A", "b": "B"], context: 7)
        #expect(begun == nil)
        #expect(table.lost(peer: "b").isEmpty)
        guard case .duplicate = table.answered("r", by: "b", "late") else {
            Issue.record("it counts")
            return
        }
        #expect(outcome(table.answered("r", by: "a", "1"))?.answers == ["1"])
    }

    @Test("acknowledged broadcasts: reports once each, and what dies with a peer")
    func broadcasts() {
        var table = ClusterBroadcastTable<Int>()
        table.begin("r", nodes: 3, peers: ["a": "A", "b": "B"], receiver: 1)
        #expect(table.reported("r", by: "a", clients: 3) == 1)
        #expect(table.reported("r", by: "a", clients: 3) == nil)
        #expect(table.reported("r", by: nil, clients: 1) == 1)
        #expect(table.answered("r", by: "a") == 1)
        let a = table.lost(peer: "a")
        #expect(a.map(\.clients) == [2])
        #expect(a.map(\.isReportMissing) == [false])
        #expect(table.lost(peer: "b").map(\.isReportMissing) == [true])
        #expect(table.lost(peer: "b").isEmpty)
        // What they sent before they went, and what arrives after that, counts for nobody else.
        #expect(table.reported("r", by: "b", clients: 1) == nil)
        #expect(table.answered("r", by: "a") == nil)
        table.remove("r")
        #expect(table.reported("r", by: nil, clients: 1) == nil)
        #expect(table.answered("r", by: nil) == nil)
    }

    @Test("peers come with a heartbeat and go with a goodbye or by silence")
    func peers() {
        var table = PeerTable(timeout: .seconds(6), maximumPeers: 2, maximumBytes: 64 << 20)
        let start = NIODeadline.now()
        let one = ClusterPeer(nodeID: "1", tag: "t1", uids: ["/": "a", "/chat": "b"])
        #expect(table.heard(one, at: start) == .joined)
        #expect(table.heard(one, at: start) == .updated(goneUIDs: []))
        #expect(table.adapters(of: "/") == ["a": "t1"])
        #expect(table.node(ofUID: "b")?.nodeID == "1")
        var changed = one
        changed.uids = ["/": "a", "/new": "c"]
        #expect(table.heard(changed, at: start + .seconds(5)) == .updated(goneUIDs: ["b"]))
        #expect(table.node(ofUID: "b") == nil)
        #expect(table.heard(ClusterPeer(nodeID: "2", tag: "t2"), at: start + .seconds(2)) == .joined)
        #expect(table.heard(ClusterPeer(nodeID: "3", tag: "t3"), at: start) == .refused(.peers))
        #expect(table.removeSilent(at: start + .seconds(8)).isEmpty)
        #expect(table.removeSilent(at: start + .seconds(9)).map(\.nodeID) == ["2"])
        // Parts of what a node has add to the rest, or leave it.
        let part = ClusterPeer(nodeID: "1", tag: "t1", uids: ["/more": "d"])
        #expect(table.heard(part, isPartial: true, at: start + .seconds(9)) == .updated(goneUIDs: []))
        #expect(table.node(ofUID: "d")?.uids == ["/": "a", "/new": "c", "/more": "d"])
        var slim = ClusterPeer(nodeID: "1", tag: "t1")
        slim.sockets = 5
        #expect(table.heard(slim, isPartial: true, at: start + .seconds(9)) == .updated(goneUIDs: []))
        #expect(table.node(ofUID: "d")?.sockets == 5)
        table.restartTimeouts(at: start + .seconds(20))
        #expect(table.removeSilent(at: start + .seconds(25)).isEmpty)
        table.discountSilence(.seconds(3), at: start + .seconds(25))
        #expect(table.removeSilent(at: start + .seconds(29)).isEmpty)
        table.discountSilence(.seconds(30), at: start + .seconds(29))
        #expect(table.removeSilent(at: start + .seconds(35)).isEmpty)
        #expect(table.left("1")?.nodeID == "1")
        #expect(table.left("1") == nil)
        #expect(table.adapters(of: "/").isEmpty)
    }
}

extension TableTests {
    @Test("what strangers who pose as nodes may tell is bounded, and parts cost what is in them")
    func peersAreBounded() {
        var table = PeerTable(timeout: .seconds(6), maximumPeers: 1024, maximumBytes: 100_000)
        let now = NIODeadline.now()
        func uids(_ range: Range<Int>, _ prefix: String) -> NameDictionary<String> {
            NameDictionary(range.map { ("/\(prefix)\($0)", "\(prefix)\($0)") }) { $1 }
        }
        #expect(table.heard(ClusterPeer(nodeID: "1", tag: "t1", uids: uids(0..<100, "a")), at: now) == .joined)
        let size = table.bytes
        #expect(size > 100 * 128 && size < 20_000)
        var round = 0
        while round < 100 {
            let part = ClusterPeer(nodeID: "1", tag: "t1", uids: uids(0..<100, "p\(round)-"))
            guard table.heard(part, isPartial: true, at: now) != .refused(.bytes) else { break }
            round += 1
        }
        #expect((3...6).contains(round) && table.bytes <= 100_000)
        #expect(table.adapters(of: "/p0-7") == ["p0-7": "t1"])
        // Another one has no room either, and what was known stays.
        let other = ClusterPeer(nodeID: "2", tag: "t2", uids: uids(0..<200, "b"))
        #expect(table.heard(other, at: now) == .refused(.bytes))
        #expect(table.node(ofUID: "a5")?.nodeID == "1" && table.node("2") == nil)
        // A part that replaces an adapter, and the whole again.
        let gone = table.heard(ClusterPeer(nodeID: "1", tag: "t1", uids: ["/a0": "x"]), isPartial: true, at: now)
        #expect(gone == .updated(goneUIDs: ["a0"]))
        #expect(table.node(ofUID: "a0") == nil && table.node(ofUID: "x")?.nodeID == "1")
        _ = table.heard(ClusterPeer(nodeID: "1", tag: "t1", uids: uids(0..<100, "a")), at: now)
        #expect(table.bytes == size && table.node(ofUID: "x") == nil)
        #expect(table.heard(other, at: now) == .joined)
        #expect(table.left("1") != nil && table.left("2") != nil)
        #expect(table.bytes == 0)
    }
}

@Suite("Messages waiting for Redis")
struct PublishQueueTests {
    private func message(_ text: String, _ kind: PublishMessage.Kind = .data) -> PublishMessage {
        PublishMessage(command: RedisPublish(ByteBuffer(string: text), to: "c"), kind: kind)
    }

    private func text(_ message: PublishMessage?) -> String? { message.map { String(buffer: $0.payload) } }
    private func texts(_ messages: [PublishMessage]) -> [String] { messages.map { String(buffer: $0.payload) } }
    private let start = NIODeadline.now()

    @Test("order, size and age")
    func bounds() {
        var queue = PublishQueue(maximumBytes: 3 * message("1").size, maximumAge: .seconds(10))
        for (index, name) in ["1", "2", "3"].enumerated() {
            #expect(queue.append(message(name), at: start + .seconds(Int64(index)), isReplay: true).isEmpty)
        }
        #expect(texts(queue.append(message("4"), at: start + .seconds(3), isReplay: true)) == ["1"])
        #expect(texts(queue.append(message(String(repeating: "x", count: 1000)), at: start, isReplay: true)).count == 1)
        #expect(queue.removeOld(at: start + .seconds(11)).isEmpty)
        #expect(texts(queue.removeOld(at: start + .seconds(12))) == ["2"])
        #expect(text(queue.first) == "3")
        #expect(queue.firstWasSent() == true)
        #expect(text(queue.first) == "4")
        #expect(queue.inFlightCount == 1)
    }

    @Test("what never left comes first again, in order; what may have arrived does not")
    func lostConnection() {
        var queue = PublishQueue(maximumBytes: 1 << 20, maximumAge: .seconds(10))
        for name in ["1", "2", "3", "4"] { queue.sent(message(name), at: start) }
        _ = queue.append(message("5"), at: start, isReplay: false)
        _ = queue.append(message("signal", .signal), at: start, isReplay: false)
        #expect(text(queue.settled(.done)?.message) == "1")
        #expect(text(queue.settled(.done)?.message) == "2")
        #expect(text(queue.settled(.notSent)?.message) == "3")
        #expect(text(queue.settled(.notSent)?.message) == "4")
        #expect(queue.settled(.notSent) == nil)
        #expect(queue.connectionLost { $0.kind == .data }.isEmpty)
        var order: [String] = []
        while let next = queue.first {
            order.append(String(buffer: next.payload))
            #expect(queue.firstWasSent() == true)
        }
        #expect(order == ["3", "4", "5", "signal"])
    }
}
