// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@testable import SocketIOCore

/// What is looked at for one client of many that return at once: the events for its rooms, not those of all others.
@Suite("The index of kept events")
struct EventLogIndexTests {
    private func record(_ sid: String, rooms: [String] = []) throws -> KeptSession {
        KeptSession(
            pid: try #require(PackedID("abcd0123456789abcdef")), sid: sid, namespace: "/", rooms: rooms,
            data: .object([:]), start: 0, position: 0)
    }

    private func missed(_ log: EventLog<Int>, _ record: KeptSession, after start: EventPosition = 0) throws -> [Int] {
        try log.missed(
            by: record, after: start, through: log.last, limits: ReplayLimits(maximumEvents: .max, maximumBytes: .max))
    }

    @Test("The work for 2,000 clients with an event each grows with the clients, not with their square")
    func storm() throws {
        let clients = 2_000
        var log = EventLog<Int>(limits: EventLogLimits())
        for index in 1...clients {
            log.append(
                index, at: EventPosition(UInt64(index)), bytes: 10, rooms: ["socket\(index)"], except: [],
                now: .uptimeNanoseconds(0))
        }
        log.append(
            0, at: EventPosition(UInt64(clients) + 1), bytes: 10, rooms: [], except: [], now: .uptimeNanoseconds(0))
        var looks = 0
        for index in 1...clients {
            let record = try record("socket\(index)", rooms: ["nothing"])
            looks += log.candidates(for: record.allRooms, after: 0, through: log.last).count
            #expect(try missed(log, record) == [index, 0])
        }
        #expect(looks == 2 * clients)
    }

    @Test("The index finds what a search through all events finds", arguments: 1...20)
    func sameAsSearch(seed: UInt64) throws {
        var rng = Seeded(state: seed)
        var log = EventLog<Int>(limits: EventLogLimits(maximumEvents: 50))
        var all: [(number: Int, rooms: [String], except: [String])] = []
        let names = ["a", "b", "c", "d", "caf\u{e9}", "cafe\u{301}"]
        func some() -> [String] { names.filter { _ in rng.next(upperBound: UInt(3)) == 0 } }
        for number in 1...200 {
            let (rooms, except) = (some(), some())
            log.append(
                number, at: EventPosition(UInt64(number)), bytes: 1, rooms: rooms, except: except,
                now: .uptimeNanoseconds(0))
            all.append((number, rooms, except))
            if number == 60 { log.noteGap() }
            if number == 120 { log.trim(bytes: 20) }
            guard number > 160 else { continue }
            let mine = some()
            let start = 152 + Int(rng.next(upperBound: UInt(number - 151)))
            let record = try record("me", rooms: mine)
            let expected = all.filter { event in
                event.number > start
                    && (event.rooms.isEmpty
                        || event.rooms.contains { room in mine.contains { $0.hasSameBytes(as: room) } })
                    && !event.except.contains { room in mine.contains { $0.hasSameBytes(as: room) } }
            }
            let found = (try? missed(log, record, after: EventPosition(UInt64(start)))) ?? []
            #expect(found == expected.map(\.number))
        }
    }

    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }
}
