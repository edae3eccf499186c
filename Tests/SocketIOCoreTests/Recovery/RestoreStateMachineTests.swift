// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Testing

@testable import SocketIOCore

/// Transcripts of one client's return (protocol 4.12.3, rules 3, 4 and 10).
@Suite("Restoring a session")
struct RestoreStateMachineTests {
    private func machine(
        offset: EventPosition = 5, namespace: String = "/", maximumQueued: Int = 3
    ) throws -> RestoreStateMachine {
        let request = try RestoreRequest(
            pid: "AAAABBBBCCCCDDDDEEEE", offset: OffsetFormat.stream.text(offset), format: .stream)
        return RestoreStateMachine(request: request, namespace: namespace, maximumQueued: maximumQueued)
    }

    /// The machine after the middlewares have let the client pass and the record is taken.
    private func claimed(_ record: KeptSession, offset: EventPosition = 5) throws -> RestoreStateMachine {
        var machine = try machine(offset: offset)
        #expect(machine.found(record).text == "run middlewares of sid")
        #expect(machine.passed(subject: record.subject).text == "claim")
        #expect(machine.claimed(record).text == "attach")
        return machine
    }

    @Test("A request needs a well-formed offset and an id of our form")
    func request() throws {
        func failure(_ pid: String, _ offset: String) -> RecoveryFailure? {
            do throws(RecoveryFailure) {
                _ = try RestoreRequest(pid: pid, offset: offset, format: .stream)
                return nil
            } catch { return error }
        }
        #expect(failure("AAAABBBBCCCCDDDDEEEE", "1-0") == nil)
        #expect(failure("AAAABBBBCCCCDDDDEEEE", "abc") == .malformedOffset)
        #expect(failure("short", "1-0") == .unknownPid)
        #expect(failure("AAAABBBBCCCCDDDDEEE é", "1-0") == .unknownPid)
        #expect(failure(String(repeating: "A", count: 1 << 20), "1-0") == .unknownPid)
    }

    @Test("A client returns: nothing is taken before the middlewares, nothing written before all is read")
    func success() throws {
        var machine = try claimed(.sample(position: 8))
        #expect(machine.attached(at: 9).text == "read (5, 9]")
        #expect(machine.read().text == "finish")
        #expect(machine.deliveredUpTo == 9)
    }

    @Test("An offset from before the session counts as its start")
    func staleOffset() throws {
        var machine = try claimed(.sample(start: 7, position: 8))
        #expect(machine.attached(at: 9).text == "read (7, 9]")
    }

    @Test("An offset that was never given out for the session is unknown")
    func impossibleOffset() throws {
        var machine = try machine(offset: 9)
        #expect(machine.found(try .sample(position: 8)).text == "start over: unknownOffset")
        var eager = try KeptSession.sample(position: 8)
        eager.owner = "node"
        machine = try self.machine(offset: 9)
        #expect(machine.found(eager).text == "run middlewares of sid")
    }

    /// memory/pid-in-another-namespace
    @Test("A session of another namespace is refused before any middleware runs")
    func otherNamespace() throws {
        var machine = try machine(namespace: "/staff")
        #expect(machine.found(try .sample()).text == "start over: otherNamespace")
        #expect(machine.passed(subject: nil).text == "wait")
    }

    @Test("A session of another user is refused and stays where it is", arguments: 0..<4)
    func otherSubject(number: Int) throws {
        let pairs: [(found: String?, recorded: String?)] = [
            (nil, "ann"), ("ann", nil), ("ann", "bob"), ("é", "e\u{301}"),
        ]
        var machine = try machine()
        _ = machine.found(try .sample(subject: pairs[number].recorded))
        #expect(machine.passed(subject: pairs[number].found).text == "start over: subjectMismatch")
    }

    /// */middleware-refuses
    @Test("A refused client takes nothing")
    func refused() throws {
        var machine = try machine()
        _ = machine.found(try .sample())
        #expect(machine.refused().text == "drop")
        #expect(machine.passed(subject: nil).text == "wait")
        #expect(machine.lost().text == "drop")
    }

    /// */half-open-same-node
    @Test("A session that a socket still holds is released first")
    func halfOpen() throws {
        var machine = try machine()
        _ = machine.found(try .sample(position: 6), isHeld: true)
        #expect(machine.passed(subject: nil).text == "release")
        #expect(machine.released().text == "claim")
        #expect(machine.claimed(try .sample(position: 8)).text == "attach")
        #expect(machine.attached(at: 9).text == "read (5, 9]")
    }

    /// streams-2/same-pid-on-two-nodes
    @Test("Of two who come with the same id, the second starts over")
    func twoAtOnce() throws {
        var (first, second) = (try machine(), try machine())
        let record = try KeptSession.sample()
        for _ in 0..<1 {
            _ = first.found(record)
            _ = second.found(record)
            _ = first.passed(subject: nil)
            _ = second.passed(subject: nil)
        }
        #expect(first.claimed(record).text == "attach")
        #expect(second.failed(.alreadyUsed).text == "start over: alreadyUsed")
        #expect(second.claimed(record).text == "put back")
    }

    @Test("A record that turns out to be another user's goes back")
    func changedRecord() throws {
        var machine = try machine()
        _ = machine.found(try .sample(subject: "ann"), isHeld: true)
        #expect(machine.passed(subject: "ann").text == "release")
        _ = machine.released()
        #expect(machine.claimed(try .sample(subject: "bob")).text == "start over: subjectMismatch, put back")
    }

    @Test("A connection that is lost after the claim puts the record back, with what the client has")
    func lostWhileReading() throws {
        var machine = try claimed(.sample(start: 2, position: 8))
        _ = machine.attached(at: 9)
        guard case .putBack(let record) = machine.lost() else {
            Issue.record("nothing was put back")
            return
        }
        #expect(record.position == 5 && record.start == 2)
        #expect(machine.read().text == "wait")
        // The next attempt finds it as it was.
        var next = try self.machine()
        #expect(next.found(record).text == "run middlewares of sid")
    }

    @Test("A connection that is lost before the claim takes nothing; a record that comes too late goes back")
    func lostWhileClaiming() throws {
        var machine = try machine()
        _ = machine.found(try .sample())
        _ = machine.passed(subject: nil)
        #expect(machine.lost().text == "drop")
        #expect(machine.claimed(try .sample()).text == "put back")
    }

    @Test("A failed read starts over, with nothing written")
    func readFails() throws {
        for failure in [RecoveryFailure.trimmed, .replayTooLarge, .storeUnavailable] {
            var machine = try claimed(.sample(position: 8))
            _ = machine.attached(at: 9)
            #expect(machine.failed(failure).text == "start over: \(failure.rawValue)")
            #expect(machine.live(10) == .skip)
        }
    }

    // MARK: Races, decided by positions

    /// streams-2/restored-and-read: Node delivers the entry twice.
    @Test("An entry that was read for the client is not delivered again")
    func readAndLive() throws {
        var machine = try claimed(.sample(position: 8))
        _ = machine.attached(at: 9)
        #expect(machine.live(9) == .skip)
        _ = machine.read()
        #expect(machine.live(8) == .skip)
        #expect(machine.live(9) == .skip)
        #expect(machine.live(10) == .write)
        #expect(machine.live(10) == .skip)
    }

    /// streams-2/read-before-restored: Node loses the entry.
    @Test("An entry that comes while the log is read waits for its turn")
    func liveWhileReading() throws {
        var machine = try claimed(.sample(position: 8))
        _ = machine.attached(at: 9)
        #expect(machine.live(10) == .queue)
        #expect(machine.live(nil) == .queue)
        #expect(machine.read().text == "finish")
        #expect(machine.live(10) == .skip)
        #expect(machine.live(11) == .write)
    }

    /// A client that comes from a node whose reader is ahead of this one's.
    @Test("What the client already has is skipped when this node delivers it later")
    func clientIsAhead() throws {
        var record = try KeptSession.sample(position: 12)
        record.owner = "node"
        var machine = try claimed(record, offset: 12)
        #expect(machine.attached(at: 9).text == "read (12, 12]")
        _ = machine.read()
        for position in 10...12 as ClosedRange<UInt64> { #expect(machine.live(EventPosition(position)) == .skip) }
        #expect(machine.live(13) == .write)
    }

    @Test("The queue is bounded")
    func overflow() throws {
        var machine = try claimed(.sample(position: 8))
        _ = machine.attached(at: 9)
        #expect([10, 11, 12].map { machine.live($0) } == [.queue, .queue, .queue])
        #expect(machine.live(13) == .overflow)
        #expect(machine.failed(.replayTooLarge).text == "start over: replayTooLarge")
    }

    @Test("Before the socket is attached nothing reaches it")
    func early() throws {
        var machine = try machine()
        #expect(machine.live(10) == .skip)
        _ = machine.found(try .sample())
        #expect(machine.live(10) == .skip)
        _ = machine.passed(subject: nil)
        _ = machine.claimed(try .sample())
        #expect(machine.live(10) == .skip)
    }

    @Test("Calls in any order never trap, and a record that is taken is never lost", arguments: 0..<200)
    func anyOrder(seed: UInt64) throws {
        var rng = PacketTestRandom(seed: seed)
        var machine = try machine(offset: EventPosition(UInt64.random(in: 0...10, using: &rng)))
        var (taken, settled) = (0, 0)
        for _ in 0..<40 {
            let position = EventPosition(UInt64.random(in: 0...20, using: &rng))
            let action: RestoreAction
            switch Int.random(in: 0...8, using: &rng) {
            case 0: action = machine.found(try .sample(start: 3, position: 10), isHeld: Bool.random(using: &rng))
            case 1: action = machine.passed(subject: nil)
            case 2: action = machine.released()
            case 3:
                action = machine.claimed(try .sample(start: 3, position: 10))
                taken += 1
            case 4: action = machine.attached(at: position)
            case 5: action = machine.read()
            case 6: action = Int.random(in: 0...9, using: &rng) == 0 ? machine.failed(.trimmed) : .wait
            case 7: action = Int.random(in: 0...9, using: &rng) == 0 ? machine.lost() : .wait
            default:
                _ = machine.live(position)
                action = .wait
            }
            switch action {
            case .putBack, .finish, .startOver(_, putBack: .some): settled += 1
            case .startOver where taken > settled: settled = taken
            default: break
            }
        }
        if case .putBack = machine.lost() { settled += 1 }
        #expect(taken - settled <= 0)
    }
}

extension RestoreAction {
    /// What the tests compare.
    fileprivate var text: String {
        switch self {
        case .wait: "wait"
        case .runMiddlewares(let record): "run middlewares of \(record.sid)"
        case .release: "release"
        case .claim: "claim"
        case .attach: "attach"
        case .read(_, let start, let end): "read (\(start.low), \(end.low)]"
        case .finish: "finish"
        case .startOver(let failure, let record): "start over: \(failure)\(record == nil ? "" : ", put back")"
        case .putBack: "put back"
        case .drop: "drop"
        }
    }
}
