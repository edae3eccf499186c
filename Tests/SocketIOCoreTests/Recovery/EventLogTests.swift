// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import SocketIOCore

@Suite("Event log")
struct EventLogTests {
    private static let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func log(
        events: Int = 100, bytes: Int = 10_000, age: TimeAmount = .seconds(60), rooms: Int = 100
    ) -> EventLog<String> {
        EventLog(
            limits: EventLogLimits(maximumEvents: events, maximumBytes: bytes, maximumAge: age, maximumRooms: rooms))
    }

    private func missed(
        _ log: EventLog<String>, _ record: KeptSession, after start: EventPosition, through end: EventPosition = 1000,
        limits: ReplayLimits = ReplayLimits()
    ) -> Result<[String], RecoveryFailure> {
        do throws(RecoveryFailure) {
            return .success(try log.missed(by: record, after: start, through: end, limits: limits))
        } catch {
            return .failure(error)
        }
    }

    /// The packets of the recorded line `memory/success`, and who gets them.
    @Test("Rooms and exceptions select what is replayed")
    func selection() throws {
        var log = log()
        let packets: [(String, rooms: [String], except: [String])] = [
            ("to all", [], []), ("to room1", ["room1"], []), ("two rooms, once", ["room1", "room2"], []),
            ("not for c", ["room3"], []), ("excepted", ["room1"], ["room2"]), ("except elsewhere", [], ["room3"]),
            ("to its own id", ["sid"], []), ("all but c", [], ["sid"]),
        ]
        for (index, packet) in packets.enumerated() {
            log.append(
                packet.0, at: EventPosition(UInt64(index + 1)), bytes: 10, rooms: packet.rooms, except: packet.except,
                now: Self.now)
        }
        let record = try KeptSession.sample(rooms: ["room1", "room2"])
        #expect(
            missed(log, record, after: 0)
                == .success(["to all", "to room1", "two rooms, once", "except elsewhere", "to its own id"]))
        #expect(missed(log, record, after: 2, through: 6) == .success(["two rooms, once", "except elsewhere"]))
        #expect(missed(log, record, after: 8) == .success([]))
        #expect(missed(log, try .sample(sid: "é", rooms: ["e\u{301}"]), after: 6) == .success(["all but c"]))
    }

    /// 100 rooms, 64 bytes for each on average, in two generations.
    @Test("The rooms of dropped events are bounded in bytes, too")
    func droppedNames() throws {
        var log = log(events: 0)
        let mine = try KeptSession.sample(rooms: ["mine"])
        log.append("small", at: 1, bytes: 1, rooms: ["a"], except: [], now: Self.now)
        #expect(missed(log, mine, after: 0) == .success([]))
        let long = (1...3).map { "\($0)" + String(repeating: "x", count: 3_100) }
        log.append("long", at: 2, bytes: 1, rooms: [long[0]], except: [], now: Self.now)
        // The first generation is full by its bytes, then forgotten.
        log.append("long", at: 3, bytes: 1, rooms: [long[1]], except: [], now: Self.now)
        #expect(missed(log, mine, after: 0) == .success([]))
        log.append("long", at: 4, bytes: 1, rooms: [long[2]], except: [], now: Self.now)
        #expect(missed(log, mine, after: 1) == .failure(.trimmed))
        #expect(missed(log, mine, after: 2) == .success([]))
        // More than a generation holds counts as for everyone.
        log.append("longer", at: 5, bytes: 1, rooms: [long[0] + long[1]], except: [], now: Self.now)
        #expect(missed(log, mine, after: 4) == .failure(.trimmed))
        #expect(missed(log, mine, after: 5) == .success([]))
    }

    @Test("Names are compared by their bytes")
    func bytes() throws {
        var log = log()
        log.append("composed", at: 1, bytes: 1, rooms: ["é"], except: [], now: Self.now)
        #expect(missed(log, try .sample(rooms: ["e\u{301}"]), after: 0) == .success([]))
        #expect(missed(log, try .sample(rooms: ["é"]), after: 0) == .success(["composed"]))
    }

    @Test("The number of events is bounded, and what is gone is missed by those it was for")
    func countLimit() throws {
        var log = log(events: 10)
        for index in 1...11 {
            log.append("\(index)", at: EventPosition(UInt64(index)), bytes: 1, rooms: [], except: [], now: Self.now)
        }
        #expect(log.count == 10)
        #expect(log.last == 11)
        #expect(missed(log, try .sample(), after: 0) == .failure(.trimmed))
        #expect(missed(log, try .sample(), after: 1) == .success((2...11).map(String.init)))
    }

    @Test("The bytes are bounded")
    func byteLimit() throws {
        var log = log(bytes: 100)
        for index in 1...3 {
            log.append("\(index)", at: EventPosition(UInt64(index)), bytes: 50, rooms: [], except: [], now: Self.now)
        }
        #expect(log.bytes == 100)
        #expect(log.count == 2)
        log.append("large", at: 4, bytes: 101, rooms: [], except: [], now: Self.now)
        #expect(log.count == 0)
        #expect(log.bytes == 0)
        #expect(missed(log, try .sample(), after: 3) == .failure(.trimmed))
        #expect(missed(log, try .sample(), after: 4) == .success([]))
    }

    @Test("The age is bounded; exactly the limit still counts")
    func ageLimit() throws {
        var log = log(age: .seconds(60))
        log.append("old", at: 1, bytes: 1, rooms: [], except: [], now: Self.now)
        log.trim(now: Self.now + .seconds(60))
        #expect(log.count == 1)
        log.trim(now: Self.now + .seconds(60) + .nanoseconds(1))
        #expect(log.count == 0)
        #expect(missed(log, try .sample(), after: 0) == .failure(.trimmed))
        // memory/quiet-client-offset-swept: Node fails here, since the client's offset has been swept.
        #expect(missed(log, try .sample(), after: 1) == .success([]))
    }

    @Test("A client that was quiet returns, although what others got since is gone")
    func quietClient() throws {
        var log = log(events: 10)
        log.append("mine", at: 1, bytes: 1, rooms: ["mine"], except: [], now: Self.now)
        for index in 2...1000 {
            let room = index.isMultiple(of: 2) ? "busy" : "busier"
            log.append("\(index)", at: EventPosition(UInt64(index)), bytes: 1, rooms: [room], except: [], now: Self.now)
        }
        let quiet = try KeptSession.sample(rooms: ["mine"], position: 1000)
        #expect(missed(log, quiet, after: 1) == .success([]))
        #expect(missed(log, quiet, after: 0) == .failure(.trimmed))
        #expect(missed(log, try .sample(rooms: ["mine", "busy"]), after: 1) == .failure(.trimmed))
        log.append("again", at: 1001, bytes: 1, rooms: ["mine"], except: [], now: Self.now)
        #expect(missed(log, quiet, after: 1, through: 2000) == .success(["again"]))
    }

    @Test("What is known of dropped events is bounded; beyond it nobody is told that nothing is missing")
    func roomLimit() throws {
        var log = log(events: 1, rooms: 20)
        for index in 1...1000 {
            log.append(
                "\(index)", at: EventPosition(UInt64(index)), bytes: 1, rooms: ["room\(index)"], except: [],
                now: Self.now)
        }
        let other = try KeptSession.sample(rooms: ["other"], position: 1000)
        #expect(missed(log, other, after: 0) == .failure(.trimmed))
        #expect(missed(log, other, after: 900) == .failure(.trimmed))
        // The younger of two generations of ten rooms is known whole in any case.
        #expect(missed(log, other, after: 990) == .success([]))
        #expect(missed(log, try .sample(rooms: ["room995"]), after: 990) == .failure(.trimmed))
        #expect(missed(log, try .sample(rooms: ["room995"]), after: 995) == .success([]))
    }

    @Test("An event for more rooms than are remembered concerns everybody")
    func manyRooms() throws {
        var log = log(events: 1, rooms: 20)
        log.append("wide", at: 1, bytes: 1, rooms: (0..<50).map { "r\($0)" }, except: [], now: Self.now)
        log.append("next", at: 2, bytes: 1, rooms: ["x"], except: [], now: Self.now)
        #expect(missed(log, try .sample(rooms: ["other"]), after: 0) == .failure(.trimmed))
        #expect(missed(log, try .sample(rooms: ["other"]), after: 1) == .success([]))
    }

    @Test("After a gap nobody returns from before it")
    func gap() throws {
        var log = log()
        log.append("before", at: 1, bytes: 5, rooms: ["r"], except: [], now: Self.now)
        log.noteGap()
        #expect(log.count == 0 && log.bytes == 0)
        log.append("after", at: 2, bytes: 5, rooms: ["r"], except: [], now: Self.now)
        #expect(missed(log, try .sample(rooms: ["other"]), after: 0) == .failure(.trimmed))
        #expect(missed(log, try .sample(rooms: ["r"]), after: 1) == .success(["after"]))
    }

    @Test("A replay is bounded in number and bytes")
    func replayLimits() throws {
        var log = log()
        for index in 1...10 {
            log.append("\(index)", at: EventPosition(UInt64(index)), bytes: 10, rooms: [], except: [], now: Self.now)
        }
        let record = try KeptSession.sample()
        func count(_ events: Int, _ bytes: Int) -> Result<Int, RecoveryFailure> {
            missed(log, record, after: 0, limits: ReplayLimits(maximumEvents: events, maximumBytes: bytes)).map(\.count)
        }
        #expect(count(10, 100) == .success(10))
        #expect(count(9, 100) == .failure(.replayTooLarge))
        #expect(count(10, 99) == .failure(.replayTooLarge))
    }

    @Test("Random logs agree with a list of everything", arguments: 0..<20)
    func random(seed: UInt64) throws {
        var rng = PacketTestRandom(seed: seed)
        var log = log(events: 20, bytes: 200, age: .seconds(30), rooms: 12)
        var all: [(position: UInt64, rooms: [String], except: [String])] = []
        let names = (0..<8).map { "r\($0)" }
        var now = Self.now
        for position in 1...300 as ClosedRange<UInt64> {
            let rooms = (0..<Int.random(in: 0...2, using: &rng)).map { _ in names.randomElement(using: &rng) ?? "" }
            let except = (0..<Int.random(in: 0...1, using: &rng)).map { _ in names.randomElement(using: &rng) ?? "" }
            now = now + .milliseconds(Int64.random(in: 0...3000, using: &rng))
            log.append(
                "\(position)", at: EventPosition(position), bytes: Int.random(in: 1...30, using: &rng), rooms: rooms,
                except: except, now: now)
            all.append((position, rooms, except))
            let mine = names.filter { _ in Bool.random(using: &rng) }
            let start = UInt64.random(in: 0...position, using: &rng)
            let expected = all.filter { packet in
                packet.position > start && (packet.rooms.isEmpty || packet.rooms.contains { mine.contains($0) })
                    && !packet.except.contains { mine.contains($0) }
            }
            switch missed(log, try .sample(rooms: mine), after: EventPosition(start)) {
            case .success(let found): #expect(found == expected.map { "\($0.position)" })
            case .failure(let failure): #expect(failure == .trimmed && start < position)
            }
        }
    }
}
