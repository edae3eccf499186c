// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// The queue of what waits for a client, compared with a plain list.
@Suite struct WaitingMessagesTests {
    private static let budget = BufferBudget(limit: .max)

    private static func message(
        _ number: Int, origin: Int32 = 0, isVolatile: Bool = false, key: String? = nil
    ) -> HeldMessage {
        var message = OutboundMessage(head: .message(.text(ByteBuffer(string: "\(number)"))))
        message.origin = origin
        message.isVolatile = isVolatile
        message.coalescingKey = key.map { CoalescingKey($0) }
        return HeldMessage(message, in: budget)
    }

    private static func number(of held: HeldMessage) -> Int {
        Int(String(decoding: held.message.head.payload.dropFirst(), as: UTF8.self)) ?? -1
    }

    private static func drain(_ waiting: inout WaitingMessages) -> [Int] {
        var numbers: [Int] = []
        while let held = waiting.popFirst() { numbers.append(number(of: held)) }
        return numbers
    }

    /// One entry of the plain list.
    private struct Expected: Equatable {
        let number: Int
        let origin: Int32
        let isVolatile: Bool
        let key: String?
        let bytes: Int
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func behavesLikeAList(seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return Int(random % UInt64(bound))
        }
        var waiting = WaitingMessages()
        var list: [Expected] = []
        for number in 0..<3000 {
            switch next(12) {
            case 0..<7:
                let key = next(3) == 0 ? "key \(next(5))" : nil
                let held = Self.message(number, origin: Int32(next(3)), isVolatile: next(8) == 0, key: key)
                if let key, let coalescingKey = held.message.coalescingKey {
                    let index = list.firstIndex { $0.key == key }
                    #expect(waiting.removeMessage(with: coalescingKey) == (index != nil))
                    if let index { list.remove(at: index) }
                    waiting.compact()
                }
                waiting.append(held)
                list.append(
                    Expected(
                        number: number, origin: held.message.origin, isVolatile: held.message.isVolatile, key: key,
                        bytes: held.bytes))
            case 7:
                let limit = next(1000)
                var expected: [Int] = []
                var bytes = 0
                while let first = list.first, expected.isEmpty || bytes + first.bytes <= limit {
                    bytes += first.bytes
                    expected.append(list.removeFirst().number)
                }
                #expect(waiting.popFirst(upTo: limit).map(Self.number) == expected)
            case 8:
                let target = list.reduce(0) { $0 + $1.bytes } - next(2000)
                var removed = 0
                while list.reduce(0, { $0 + $1.bytes }) > target, let index = list.firstIndex(where: { $0.origin == 1 })
                {
                    list.remove(at: index)
                    removed += 1
                }
                #expect(waiting.removeOldest(where: { $0.origin == 1 }, until: { $0 <= target }) == removed)
            case 9:
                let target = list.reduce(0) { $0 + $1.bytes } - next(2000)
                var removed = 0
                while list.reduce(0, { $0 + $1.bytes }) > target, let index = list.lastIndex(where: { $0.origin == 2 })
                {
                    list.remove(at: index)
                    removed += 1
                }
                #expect(waiting.removeNewest(where: { $0.origin == 2 }, until: { $0 <= target }) == removed)
            case 10:
                let count = list.count
                list.removeAll(where: \.isVolatile)
                #expect(waiting.removeVolatile() == count - list.count)
            default:
                #expect(waiting.popFirst().map(Self.number) == (list.isEmpty ? nil : list.removeFirst().number))
            }
            #expect(waiting.bytes == list.reduce(0) { $0 + $1.bytes })
            #expect(waiting.messageBytes == list.reduce(0) { $0 + $1.bytes - HeldMessage.overhead })
            #expect(waiting.isEmpty == list.isEmpty)
        }
        #expect(Self.drain(&waiting) == list.map(\.number))
    }

    /// The newest replaces the waiting one, and takes its own place in the order.
    @Test func aKeyReplaces() throws {
        var waiting = WaitingMessages()
        waiting.append(Self.message(1, key: "a"))
        waiting.append(Self.message(2))
        #expect(waiting.removeMessage(with: CoalescingKey("a")) == true)
        waiting.append(Self.message(3, key: "a"))
        #expect(waiting.removeMessage(with: CoalescingKey("b")) == false)
        #expect(Self.drain(&waiting) == [2, 3])
        #expect(waiting.removeMessage(with: CoalescingKey("a")) == false)
    }

    /// Keys are bytes, and belong to a namespace.
    @Test func keysAreBytes() {
        #expect(CoalescingKey("caf\u{e9}") != CoalescingKey("cafe\u{301}"))
        #expect(CoalescingKey("a").inNamespace(1) != CoalescingKey("a").inNamespace(2))
        #expect(CoalescingKey("a").inNamespace(1) == CoalescingKey("a", origin: 1))
    }

    /// However often a key is replaced, the places do not pile up behind a message that never leaves.
    @Test func replacingTakesNoMemory() {
        var waiting = WaitingMessages()
        waiting.append(Self.message(0))
        for number in 1...100_000 {
            let held = Self.message(number, key: "a")
            if waiting.removeMessage(with: CoalescingKey("a")) { waiting.compact() }
            waiting.append(held)
        }
        #expect(waiting.placeCount < 200)
        #expect(Self.drain(&waiting) == [0, 100_000])
    }

    @Test func theEnginesPacketsAreNeverDropped() {
        var waiting = WaitingMessages()
        waiting.append(HeldMessage(OutboundMessage(head: .ping), in: Self.budget))
        waiting.append(Self.message(1))
        #expect(waiting.removeOldest(where: { _ in true }, until: { _ in false }) == 1)
        #expect(waiting.popFirst()?.message.head == .ping)
        #expect(waiting.isEmpty)
    }

    /// A message that many wait for counts once, until the last of them has gone.
    @Test func whatIsSharedCountsOnce() {
        let budget = BufferBudget(limit: 1000)
        var waiting = (0..<10).map { _ in WaitingMessages() }
        do {
            let held = HeldMessage(OutboundMessage(head: .message(.text(ByteBuffer(string: "x")))), in: budget)
            for index in waiting.indices { waiting[index].append(held) }
        }
        let cost = waiting[0].bytes
        #expect(budget.usedBytes == cost)
        for index in waiting.indices.dropLast() { _ = waiting[index].popFirst() }
        #expect(budget.usedBytes == cost)
        _ = waiting[9].popFirst()
        #expect(budget.usedBytes == 0)
    }

    @Test func theBudgetIsExceededOneOver() {
        let budget = BufferBudget(limit: 100)
        budget.take(100)
        #expect(!budget.isExceeded)
        budget.take(1)
        #expect(budget.isExceeded)
        budget.reload(limit: 101)
        #expect(!budget.isExceeded)
        budget.give(101)
    }
}
