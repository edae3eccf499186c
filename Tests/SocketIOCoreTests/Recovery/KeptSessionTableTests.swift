// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@testable import SocketIOCore

@Suite("Session records")
struct KeptSessionTableTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private var expiry: NIODeadline { start + .seconds(120) }

    private func pid(_ number: Int) throws -> PackedID {
        let digits = String(number)
        return try #require(PackedID(String(repeating: "A", count: 20 - digits.count) + digits))
    }

    private func record(_ number: Int) throws -> KeptSession {
        var record = try KeptSession.sample(sid: "s\(number)")
        record.pid = try pid(number)
        return record
    }

    private func outcome(_ table: KeptSessionTable<Int>, _ number: Int, at now: NIODeadline) throws -> String {
        switch table.find(try pid(number), now: now) {
        case .held(let holder): "held by \(holder)"
        case .record(let record): record.sid
        case .failure(let failure): failure.rawValue
        }
    }

    @Test("A session is held, lost, claimed once, and held again")
    func life() throws {
        var table = KeptSessionTable<Int>(maximumRecords: 10)
        #expect(try outcome(table, 1, at: start) == "unknownPid")
        table.hold(try pid(1), by: 7)
        #expect(try outcome(table, 1, at: start) == "held by 7")
        #expect(throws: RecoveryFailure.alreadyUsed) { _ = try table.claim(try pid(1), now: start) }
        table.keep(try record(1), until: expiry)
        #expect(try outcome(table, 1, at: start) == "s1")
        #expect(table.recordCount == 1)
        let claimed = try table.claim(try pid(1), now: start)
        #expect(claimed.record.sid == "s1" && claimed.expiry == expiry)
        #expect(table.recordCount == 0)
        #expect(throws: RecoveryFailure.alreadyUsed) { _ = try table.claim(try pid(1), now: start) }
        table.keep(claimed.record, until: claimed.expiry)
        #expect(try outcome(table, 1, at: start) == "s1")
        table.forget(try pid(1))
        #expect(try outcome(table, 1, at: start) == "unknownPid")
        #expect(table.recordCount == 0)
    }

    @Test("Exactly the time of expiry still counts")
    func expiryTime() throws {
        var table = KeptSessionTable<Int>(maximumRecords: 10)
        table.keep(try record(1), until: expiry)
        #expect(try outcome(table, 1, at: expiry) == "s1")
        #expect(try outcome(table, 1, at: expiry + .nanoseconds(1)) == "expired")
        #expect(throws: RecoveryFailure.expired) { _ = try table.claim(try pid(1), now: expiry + .nanoseconds(1)) }
        _ = try table.claim(try pid(1), now: expiry)
    }

    @Test("The oldest record gives way when there are too many")
    func limit() throws {
        var table = KeptSessionTable<Int>(maximumRecords: 3)
        table.hold(try pid(9), by: 1)
        for number in 1...3 { table.keep(try record(number), until: expiry) }
        // Lost anew: it is the newest now.
        table.keep(try record(1), until: expiry)
        table.keep(try record(4), until: expiry)
        #expect(table.recordCount == 3)
        #expect(table.evictions == 1)
        #expect(try outcome(table, 2, at: start) == "unknownPid")
        #expect(try outcome(table, 1, at: start) == "s1")
        #expect(try outcome(table, 9, at: start) == "held by 1")
    }

    @Test("The oldest records give way when they need too many bytes; one that needs more alone is not kept")
    func bytes() throws {
        let size = try record(1).bytes
        var table = KeptSessionTable<Int>(maximumRecords: 100, maximumBytes: 3 * size)
        for number in 1...3 { table.keep(try record(number), until: expiry) }
        #expect(table.bytes == 3 * size && table.evictions == 0)
        table.keep(try record(4), until: expiry)
        #expect(table.bytes == 3 * size && table.evictions == 1)
        #expect(try outcome(table, 1, at: start) == "unknownPid")
        var large = try record(5)
        large.rooms = [String(repeating: "r", count: 3 * size)]
        table.keep(large, until: expiry)
        #expect(try outcome(table, 5, at: start) == "unknownPid")
        #expect(table.recordCount == 3 && table.evictions == 1)
        _ = try table.claim(try pid(2), now: start)
        table.forget(try pid(3))
        #expect(table.bytes == size)
        table.sweep(now: expiry + .nanoseconds(1))
        #expect(table.bytes == 0)
        // Data counts with all that it holds.
        large.rooms = []
        large.data = ["a": ["b": .string(String(repeating: "d", count: size)), "c": [1, .binary([2, 3])]]]
        #expect(large.bytes > 2 * size)
    }

    @Test("Without room for records nothing is kept")
    func noRoom() throws {
        var table = KeptSessionTable<Int>(maximumRecords: 0)
        table.hold(try pid(1), by: 1)
        table.keep(try record(1), until: expiry)
        #expect(try outcome(table, 1, at: start) == "unknownPid")
    }

    @Test("A sweep forgets what has expired and nothing else")
    func sweep() throws {
        var table = KeptSessionTable<Int>(maximumRecords: 10)
        table.keep(try record(1), until: start + .seconds(1))
        table.keep(try record(2), until: start + .seconds(3))
        table.keep(try record(3), until: start + .seconds(2))
        table.hold(try pid(4), by: 1)
        table.sweep(now: start + .seconds(2))
        #expect(table.recordCount == 2)
        #expect(try outcome(table, 1, at: start) == "unknownPid")
        #expect(try outcome(table, 3, at: start) == "s3")
        #expect(try outcome(table, 4, at: start) == "held by 1")
        table.sweep(now: start + .seconds(9))
        #expect(table.recordCount == 0)
    }

    @Test("A session that is lost again and again takes no more and more memory")
    func flapping() throws {
        var table = KeptSessionTable<Int>(maximumRecords: 4)
        for _ in 0..<10_000 {
            table.keep(try record(1), until: expiry)
            _ = try table.claim(try pid(1), now: start)
            table.hold(try pid(1), by: 1)
        }
        #expect(table.queueLength <= 2 * 4 + 17)
        #expect(table.recordCount == 0)
    }
}
