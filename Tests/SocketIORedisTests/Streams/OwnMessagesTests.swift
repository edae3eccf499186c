// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import LoopConfinement
import NIOConcurrencyHelpers
import NIOEmbedded
import SocketIOCluster
import SocketIOCore
import Testing

@testable import SocketIORedis

/// A node's own messages, told in every order in which replies and entries may come.
@Suite("Own messages of a stream")
struct OwnMessagesTests {
    /// Writes down what is delivered, and when: `early a`, `new 3`, `old 3`, `other`.
    private final class Node {
        private let list: LoopBound<OwnMessages>
        private let box = NIOLockedValueBox<[String]>([])

        init(isOpen: Bool = true) {
            list = LoopBound(on: EmbeddedEventLoop()) { [box] in
                let own = OwnMessages(isOpen: isOpen)
                own.onEarly = { number in box.withLockedValue { $0.append("mark \(number)") } }
                own.onSettled = { box.withLockedValue { $0.append("settled") } }
                return own
            }
        }

        /// What has happened since the last call.
        var events: [String] {
            box.withLockedValue { events in
                defer { events = [] }
                return events
            }
        }

        var ghosts: Int { with { $0.ghosts } }
        var isSettled: Bool { with { $0.isSettled } }
        var isWaiting: Bool { with { $0.isWaiting } }

        func positions(through number: UInt64) -> Set<EventPosition>? {
            with { $0.early.positions(through: number, after: .zero) }
        }

        func with<Result: Sendable>(_ body: @Sendable (OwnMessages) -> Result) -> Result {
            guard let result = list.runIfHere(body) else { preconditionFailure("another thread") }
            return result
        }

        func send(_ name: String, key: String? = nil, _ then: @escaping @Sendable () -> Void = {}) -> OwnMessage {
            let message = OwnMessage(in: list, coalescingKey: key.map { CoalescingKey($0) }) { [box] in
                box.withLockedValue { $0.append("early \(name)") }
                then()
            }
            message.offered()
            return message
        }

        /// Sends a message as soon as another one is delivered.
        func send(_ name: String, then next: String) -> OwnMessage {
            let follower = OwnMessage(in: list) { [box] in box.withLockedValue { $0.append("early \(next)") } }
            return send(name) { follower.offered() }
        }

        func added(_ message: OwnMessage, _ id: UInt64?) { message.added(id.map { OwnMessagesTests.id($0) }) }

        func read(_ id: UInt64) {
            with { [box] in
                $0.read(OwnMessagesTests.id(id)) { decision in
                    box.withLockedValue { $0.append(decision == .delivered ? "old \(id)" : "new \(id)") }
                }
            }
        }

        func other() { with { [box] in $0.pass { box.withLockedValue { $0.append("other") } } } }

        func refuse(_ message: OwnMessage) { message.failed(ClusterError.dropped) }

        func set(isOpen: Bool) { with { $0.setOpen(isOpen) } }

        func lose(_ inDoubt: OwnMessage...) {
            for message in inDoubt { message.failed(ClusterError.unconfirmed) }
            set(isOpen: false)
        }

        func skipped(before id: UInt64) { with { $0.skipped(before: OwnMessagesTests.id(id)) } }

        /// Notes the name when everything sent until now has been delivered.
        func fence(_ name: String) {
            with { [box] in $0.whenDelivered { box.withLockedValue { $0.append("fence \(name)") } } }
        }
    }

    private static func id(_ number: UInt64) -> RedisStreamID { RedisStreamID(milliseconds: number, sequence: 0) }

    @Test("A message is delivered when its entry is read, before or after the reply", arguments: [false, true])
    func bothOrders(readFirst: Bool) {
        let node = Node()
        let message = node.send("a")
        if readFirst { node.read(1) }
        node.added(message, 1)
        if !readFirst { node.read(1) }
        #expect(node.events == ["new 1"])
        #expect(node.isSettled)
    }

    @Test("Without a reply for long, nothing waits, neither others' messages nor this node's")
    func slowReplies() {
        let node = Node()
        let messages = ["a", "b", "c"].map { node.send($0) }
        node.read(1)
        node.other()
        node.read(2)
        node.other()
        #expect(node.events == ["new 1", "other", "new 2", "other"])
        for (index, message) in messages.enumerated() { node.added(message, UInt64(index + 1)) }
        node.read(3)
        #expect(node.events == ["new 3"])
    }

    @Test("Equal messages are told apart: a later one does not wait for a loss of the connection")
    func equal() {
        let node = Node()
        // Two equal messages, as when two users say the same.
        let (first, second) = (node.send("a"), node.send("a"))
        node.added(first, 1)
        node.read(1)
        node.added(second, 2)
        node.lose()
        #expect(node.events == ["new 1", "mark 1", "early a"])
        // The second one alone had not come.
        node.set(isOpen: true)
        node.read(2)
        #expect(node.events == ["old 2", "settled"])
        // The next equal one is a new message.
        let third = node.send("a")
        node.read(3)
        node.added(third, 3)
        #expect(node.events == ["new 3"])
    }

    @Test("Entries that were read before the reply are not delivered again when the connection breaks")
    func readThenLost() {
        let node = Node()
        let messages = ["a", "b", "c"].map { node.send($0) }
        node.read(1)
        node.read(2)
        #expect(node.events == ["new 1", "new 2"])
        node.lose(messages[0], messages[1], messages[2])
        #expect(node.events == ["mark 1", "early c"])
        #expect(node.ghosts == 1)
    }

    @Test("What is sent while Redis is away is delivered at once, and passed over later, in every order")
    func away() {
        for order in 0..<2 {
            let node = Node()
            let before = node.send("a")
            node.lose()
            let after = node.send("b")
            #expect(node.events == ["mark 1", "early a", "mark 2", "early b"])
            node.set(isOpen: true)
            let new = node.send("c")
            if order == 0 {
                for (index, message) in [before, after, new].enumerated() { node.added(message, UInt64(index + 1)) }
                for id in 1...3 { node.read(UInt64(id)) }
                #expect(node.events == ["old 1", "old 2", "settled", "new 3"])
            } else {
                for id in 1...3 { node.read(UInt64(id)) }
                #expect(node.events == ["old 1", "old 2", "new 3"])
                for (index, message) in [before, after, new].enumerated() { node.added(message, UInt64(index + 1)) }
                #expect(node.events == ["settled"])
            }
            #expect(node.positions(through: 1) == [EventPosition(Self.id(1))])
            #expect(node.positions(through: 2)?.count == 2)
            #expect(node.positions(through: 3) == nil)
        }
    }

    @Test("Messages that Redis refuses or that are dropped are delivered once, and have no entry")
    func refused() {
        let node = Node()
        let (first, second) = (node.send("a"), node.send("b"))
        node.refuse(first)
        #expect(node.events == ["early a"])
        node.read(1)
        node.added(second, 1)
        #expect(node.events == ["new 1"])
        node.lose()
        let third = node.send("c")
        node.refuse(third)
        #expect(node.events == ["mark 1", "early c"])
        node.set(isOpen: true)
        #expect(node.events == ["settled"])
    }

    @Test("A message in doubt that Redis had is passed over, however late its entry comes")
    func ghost() {
        let node = Node()
        let doubtful = node.send("a")
        node.lose(doubtful)
        #expect(node.events == ["mark 1", "early a"])
        node.set(isOpen: true)
        #expect(node.events == ["settled"])
        let new = node.send("b")
        // Is this the entry of `a` or of `b`? What follows waits, too.
        node.read(1)
        node.other()
        #expect(node.events == [])
        #expect(node.isWaiting && !node.isSettled)
        node.added(new, 2)
        #expect(node.events == ["old 1", "other"])
        node.read(2)
        #expect(node.events == ["new 2"])
        // There are no more such entries: nothing waits any more.
        _ = node.send("c")
        node.read(3)
        #expect(node.events == ["new 3"])
    }

    @Test("While a message in doubt may come, another entry waits no longer than its reply")
    func ghostThatNeverComes() {
        let node = Node()
        node.lose(node.send("a"))
        node.set(isOpen: true)
        _ = node.events
        let new = node.send("b")
        node.read(5)
        node.other()
        #expect(node.events == [])
        node.added(new, 5)
        #expect(node.events == ["new 5", "other"])
        // The reply comes first: no wait at all.
        let next = node.send("c")
        node.added(next, 6)
        node.other()
        node.read(6)
        #expect(node.events == ["other", "new 6"])
        // Ten minutes later, by Redis's clock, it will not come any more.
        node.added(node.send("d"), 700_000)
        #expect(node.ghosts == 0)
    }

    @Test("When the connection breaks while an entry waits, nothing is lost and nothing doubled")
    func lostWhileWaiting() {
        let node = Node()
        node.lose(node.send("a"))
        node.set(isOpen: true)
        let new = node.send("b")
        _ = node.events
        node.read(1)
        node.other()
        node.lose(new)
        #expect(node.events == ["old 1", "other", "mark 2", "early b"])
        #expect(!node.isWaiting)
    }

    @Test("Redis had messages whose replies were lost, which is known in the end")
    func passedOn() {
        let node = Node()
        let (first, second) = (node.send("a"), node.send("b"))
        node.lose()
        _ = node.events
        // The entry of the first one is read, then the echo.
        node.read(1)
        node.added(first, nil)
        node.set(isOpen: true)
        node.added(second, 2)
        node.read(2)
        #expect(node.events == ["old 1", "old 2", "settled"])
        #expect(
            node.positions(through: 2)
                == [EventPosition(Self.id(1)), EventPosition(Self.id(2))])
    }

    @Test("An entry that was trimmed unread is delivered when that is noticed")
    func trimmed() {
        let node = Node()
        let (first, second) = (node.send("a"), node.send("b"))
        node.added(first, 1)
        node.skipped(before: 5)
        #expect(node.events == ["early a"])
        node.added(second, 2)
        #expect(node.events == ["early b"])
        let third = node.send("c")
        node.added(third, 7)
        node.added(node.send("d"), 8)
        node.read(8)
        #expect(node.events == ["early c", "new 8"])
    }

    @Test("A message that is sent while others are being delivered comes after them")
    func reentrant() {
        let node = Node(isOpen: false)
        let first = node.send("a", then: "b")
        let second = node.send("c")
        withExtendedLifetime([first, second]) {}
        #expect(node.events == ["mark 1", "early a", "mark 2", "early b", "mark 3", "early c"])
    }

    @Test("Coalescing keys come back, although the entry does not hold them")
    func keys() {
        let node = Node()
        let message = node.send("a", key: "price")
        let decision = NIOLockedValueBox<OwnMessages.Decision?>(nil)
        node.with { $0.read(Self.id(1)) { found in decision.withLockedValue { $0 = found } } }
        #expect(decision.withLockedValue { $0 } == .new(CoalescingKey("price")))
        node.added(message, 1)
    }

    @Test("Something may wait until everything sent before has been delivered")
    func fences() {
        let node = Node()
        node.fence("1")
        #expect(node.events == ["fence 1"])
        let first = node.send("a")
        node.fence("2")
        let second = node.send("b")
        node.added(first, 1)
        #expect(node.events == [])
        node.read(1)
        #expect(node.events == ["new 1", "fence 2"])
        node.fence("3")
        node.read(2)
        #expect(node.events == ["new 2", "fence 3"])
        node.added(second, 2)
        let third = node.send("c")
        node.fence("4")
        #expect(node.events == [])
        node.lose()
        #expect(node.events == ["mark 1", "early c", "fence 4"])
        withExtendedLifetime(third) {}
    }

    @Test("Every history of replies, entries and losses delivers every message once")
    func random() {
        var rng = SeededGenerator(seed: 13)
        for _ in 0..<2_000 { history(&rng) }
    }

    /// Redis takes a beginning of what a connection sends; replies come in order, and so do entries; the connection may
    /// break between any two steps.
    private func history(_ rng: inout SeededGenerator) {
        let node = Node()
        var (queue, inFlight, entries) = ([OwnMessage](), [OwnMessage](), [(UInt64, OwnMessage)]())
        var (replies, names) = ([(OwnMessage, UInt64)](), [ObjectIdentifier: String]())
        var (nextID, count, readCount): (UInt64, Int, Int) = (1, 0, 0)
        var delivered: [String: Int] = [:]
        var isUp = true
        func note() {
            for event in node.events {
                if event.hasPrefix("early ") { delivered[String(event.dropFirst(6)), default: 0] += 1 }
                guard event.hasPrefix("new "), let id = UInt64(event.dropFirst(4)) else { continue }
                if let message = entries.first(where: { $0.0 == id })?.1 {
                    delivered[names[ObjectIdentifier(message)] ?? "?", default: 0] += 1
                }
            }
        }
        func execute() {
            guard isUp, !inFlight.isEmpty else { return }
            let message = inFlight.removeFirst()
            entries.append((nextID, message))
            replies.append((message, nextID))
            nextID += 1
        }
        func reply() {
            guard isUp, !replies.isEmpty else { return }
            let (message, id) = replies.removeFirst()
            node.added(message, id)
        }
        func read() {
            guard readCount < entries.count else { return }
            node.read(entries[readCount].0)
            readCount += 1
        }
        func up() {
            guard !isUp else { return }
            isUp = true
            node.set(isOpen: true)
            inFlight += queue
            queue = []
        }
        var kept: [OwnMessage] = []
        for _ in 0..<60 {
            switch Int.random(in: 0..<12, using: &rng) {
            case 0...3:
                count += 1
                let message = node.send("\(count)")
                names[ObjectIdentifier(message)] = "\(count)"
                kept.append(message)
                if isUp { inFlight.append(message) } else { queue.append(message) }
            case 4...6: execute()
            case 7...8: reply()
            case 9...10: read()
            default:
                guard isUp else {
                    up()
                    break
                }
                // What has no reply is in doubt, the rest never left.
                isUp = false
                let doubtful = replies.map(\.0)
                let cut = Int.random(in: 0...inFlight.count, using: &rng)
                for message in doubtful + inFlight[..<cut] { message.failed(ClusterError.unconfirmed) }
                queue = Array(inFlight[cut...]) + queue
                // Redis may have read a part of the rest, too.
                for message in inFlight[..<Int.random(in: 0...cut, using: &rng)] {
                    entries.append((nextID, message))
                    nextID += 1
                }
                (replies, inFlight) = ([], [])
                node.set(isOpen: false)
            }
            note()
        }
        up()
        for _ in 0..<100 {
            execute()
            reply()
            read()
            note()
        }
        #expect(delivered.count == count)
        #expect(delivered.values.allSatisfy { $0 == 1 }, "\(delivered)")
        withExtendedLifetime(kept) {}
    }
}

private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
