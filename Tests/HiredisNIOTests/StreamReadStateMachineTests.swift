// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import HiredisNIO

@Suite("Reading a stream, sans I/O")
struct StreamReadStateMachineTests {
    private func id(_ milliseconds: UInt64) -> RedisStreamID { RedisStreamID(milliseconds: milliseconds, sequence: 0) }

    private func reading(from newest: RedisStreamID?, pageSize: Int = 3) -> StreamReadStateMachine {
        var machine = StreamReadStateMachine(pageSize: pageSize)
        #expect(machine.start() == .askNewest)
        #expect(machine.newest(newest) == .read(after: newest ?? .zero, count: pageSize))
        return machine
    }

    /// streams-2/quiet-stream: Node reads after `$` and misses what is added between two reads.
    @Test("The position is that of an entry from the beginning, never the end at the time of reading")
    func quietStream() {
        var machine = reading(from: id(7))
        #expect(machine.page(last: nil, count: 0) == .read(after: id(7), count: 3))
        #expect(machine.page(last: id(9), count: 2) == .read(after: id(9), count: 3))
        machine = reading(from: nil)
        #expect(machine.page(last: nil, count: 0) == .read(after: .zero, count: 3))
    }

    @Test("After an error the same id is read from, at growing distances")
    func errors() {
        var machine = reading(from: id(7))
        var waits: [TimeAmount] = []
        for _ in 0..<8 {
            guard case .wait(let time) = machine.failed() else {
                Issue.record("no wait")
                return
            }
            waits.append(time)
            #expect(machine.retry() == .askOldest)
        }
        #expect(waits == [50, 100, 200, 400, 800, 1600, 2000, 2000].map { .milliseconds($0) })
        machine.succeeded()
        let (action, hasGap) = machine.oldest(id(3))
        #expect(action == .read(after: id(7), count: 1) && !hasGap)
        #expect(machine.failed() == .wait(.milliseconds(50)))
    }

    @Test(
        "Entries that are gone after an error are told",
        arguments: [(7, false), (6, false), (8, true)] as [(UInt64, Bool)])
    func trimmed(oldest: UInt64, hasGap: Bool) {
        var machine = reading(from: id(7))
        _ = machine.failed()
        _ = machine.retry()
        let result = machine.oldest(id(oldest))
        #expect(result.action == .read(after: id(7), count: 1))
        #expect(result.hasGap == hasGap)
    }

    @Test("A stream that is gone after an error is a gap; one that was empty is not")
    func emptied() {
        var machine = reading(from: id(7))
        _ = machine.failed()
        _ = machine.retry()
        #expect(machine.oldest(nil).hasGap)
        machine = reading(from: nil)
        _ = machine.failed()
        _ = machine.retry()
        #expect(!machine.oldest(id(5)).hasGap)
    }

    @Test("A full page is checked for having been overtaken by trimming")
    func fullPage() {
        var machine = reading(from: id(7))
        #expect(machine.page(last: id(20), count: 3) == .askOldest)
        #expect(machine.oldest(id(18)).hasGap)
        #expect(machine.page(last: id(30), count: 3) == .askOldest)
        let result = machine.oldest(id(20))
        #expect(!result.hasGap && result.action == .read(after: id(30), count: 3))
    }

    @Test("A page that is too large is read entry by entry; a single entry that is too large is passed over")
    func largePages() {
        var machine = reading(from: id(7))
        #expect(machine.tooLarge() == .read(after: id(7), count: 1))
        #expect(machine.page(last: id(8), count: 1) == .askOldest)
        #expect(machine.oldest(id(7)).action == .read(after: id(8), count: 2))
        #expect(machine.page(last: nil, count: 0) == .read(after: id(8), count: 3))
        #expect(machine.tooLarge() == .read(after: id(8), count: 1))
        #expect(machine.tooLarge() == .askNext(after: id(8)))
        let (action, hasGap) = machine.next(id(9))
        #expect(hasGap && action == .read(after: id(9), count: 1))
        // It may have been trimmed meanwhile, or nobody may ask that way.
        _ = machine.tooLarge()
        #expect(!machine.next(nil).hasGap)
        _ = machine.tooLarge()
        #expect(machine.failed() == .wait(.milliseconds(50)))
    }

    /// Somebody who may write to the stream puts such entries there; the oldest stays for long in a quiet stream.
    @Test("Of a newest or oldest entry that is too large the id is asked for alone")
    func largeEnds() {
        var machine = StreamReadStateMachine(pageSize: 3)
        _ = machine.start()
        #expect(machine.tooLarge() == .askNewestID)
        #expect(machine.newest(id(7)) == .read(after: id(7), count: 3))
        #expect(machine.page(last: id(20), count: 3) == .askOldest)
        #expect(machine.tooLarge() == .askOldestID)
        let (action, hasGap) = machine.oldest(id(5))
        #expect(!hasGap && action == .read(after: id(20), count: 3))
        _ = machine.failed()
        #expect(machine.retry() == .askOldest)
        #expect(machine.tooLarge() == .askOldestID)
        #expect(machine.oldest(id(21)).hasGap)
    }

    @Test("A page that cannot be read is read again in smaller ones")
    func unreadablePages() {
        var machine = reading(from: id(7), pageSize: 8)
        for count in [4, 2, 1, 1] {
            _ = machine.failed()
            _ = machine.retry()
            #expect(machine.oldest(id(7)).action == .read(after: id(7), count: count))
        }
        #expect(machine.page(last: nil, count: 0) == .read(after: id(7), count: 2))
    }

    @Test("Without a first answer it asks again; after the end it does nothing")
    func beginning() {
        var machine = StreamReadStateMachine(pageSize: 3)
        #expect(machine.retry() == .none)
        _ = machine.start()
        #expect(machine.start() == .none)
        #expect(machine.failed() == .wait(.milliseconds(50)))
        #expect(!machine.isResolved)
        #expect(machine.retry() == .askNewest)
        machine.end()
        #expect(machine.newest(id(1)) == .none)
        #expect(machine.failed() == .none)
        #expect(machine.page(last: id(2), count: 1) == .none)
    }

    @Test(
        "Ids of another form are refused",
        arguments: ["", "-", "1", "1-", "-1", "1-2-3", "+1-2", "1-x", "18446744073709551616-0"])
    func ids(text: String) {
        #expect(RedisStreamID(ByteBuffer(string: text)) == nil)
    }

    @Test("Replies of another form are refused")
    func replies() throws {
        let text = { (text: String) in RESPValue.bulk(ByteBuffer(string: text)) }
        let entry = RESPValue.array([text("5-1"), .array([text("a"), text("b")])])
        #expect(try RedisStreamEntry.entries(of: .array([entry])).map(\.id.description) == ["5-1"])
        #expect(try RedisStreamEntry.read(.array([.array([text("s"), .array([entry])])])).count == 1)
        #expect(try RedisStreamEntry.read(.null).isEmpty)
        #expect(try RedisStreamEntry.entries(of: .array([.array([text("5-1"), .null])])).first?.fields.isEmpty == true)
        for bad in [
            RESPValue.null, .integer(1), .array([.integer(1)]), .array([.array([text("x"), .array([])])]),
            .array([.array([text("5-1"), .array([text("a")])])]), .array([.array([text("5-1")])]),
            .array([.array([text("5-1"), .array([text("a"), .integer(1)])])]),
        ] {
            #expect(throws: RedisError.self) { try RedisStreamEntry.entries(of: bad) }
        }
        #expect(throws: RedisError.self) { try RedisStreamEntry.read(.array([])) }
        #expect(throws: RedisError.self) { try RedisStreamEntry.read(.array([.array([text("s")])])) }
    }
}
