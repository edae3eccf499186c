// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOPosix
import Testing

@testable import SocketIOServer

@Suite("Parts")
struct UnitTests {
    @Test("timers fire in order, and cancelled ones never", .timeLimit(.minutes(1)))
    func timers() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let fired = Recorder<Int>()
        let bound = try await loop.submit { NIOLoopBoundBox(TimerQueue(eventLoop: loop), eventLoop: loop) }.get()
        try await loop.submit {
            let timers = bound.value
            _ = timers.schedule(after: .seconds(2)) { fired.append(3) }
            let cancelled = timers.schedule(after: .milliseconds(10)) { fired.append(-1) }
            _ = timers.schedule(after: .milliseconds(20)) {
                fired.append(1)
                _ = timers.schedule(after: .milliseconds(0)) { fired.append(2) }
            }
            let many = (0..<200).map { _ in timers.schedule(after: .milliseconds(15)) { fired.append(-2) } }
            for token in many { timers.cancel(token) }
            timers.cancel(cancelled)
            timers.cancel(cancelled)
            #expect(timers.count == 2)
        }.get()
        #expect(try await fired.waitFor(3) == [1, 2, 3])
        #expect(try await loop.submit { bound.value.count }.get() == 0)
    }

    @Test("timers in any order of deadlines")
    func timerOrder() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let fired = Recorder<Int>()
        let bound = try await loop.submit { NIOLoopBoundBox(TimerQueue(eventLoop: loop), eventLoop: loop) }.get()
        try await loop.submit {
            for number in (0..<60).shuffled() {
                _ = bound.value.schedule(after: .milliseconds(Int64(number))) { fired.append(number) }
            }
        }.get()
        // The deadlines are a millisecond apart and counted from slightly different moments.
        let all = try await fired.waitFor(60)
        #expect(Set(all) == Set(0..<60))
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.0 <= $0.1 + 5 })
    }

    @Test(
        "times as Node shows them",
        arguments: [
            (0, "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"),
            (951_782_399_999, "Mon Feb 28 2000 23:59:59 GMT+0000 (Coordinated Universal Time)"),
            (951_782_400_000, "Tue Feb 29 2000 00:00:00 GMT+0000 (Coordinated Universal Time)"),
            (1_735_689_599_000, "Tue Dec 31 2024 23:59:59 GMT+0000 (Coordinated Universal Time)"),
        ] as [(Int64, String)])
    func times(milliseconds: Int64, text: String) {
        #expect(HandshakeTime.string(milliseconds: milliseconds) == text)
    }

    @Test("which parameters take the acknowledgement")
    func plan() {
        let plan = ArgumentPlan(Int.self, Ack<Int>.self, Ack<Bool>?.self, String?.self)
        #expect((0..<5).map(plan.isAcknowledgement) == [false, true, true, false, false])
        #expect(!plan.isAcknowledgement(at: 64))
    }

    @Test("node-wide rooms count shards")
    func nodeRooms() {
        let rooms = NodeRooms()
        for isCounted in [true, false] {
            #expect(rooms.becameNonEmpty("a", isCounted: isCounted))
            // What is said of it later does not matter.
            for _ in 1..<64 { #expect(!rooms.becameNonEmpty("a", isCounted: !isCounted)) }
            for _ in 1..<64 { #expect(!rooms.becameEmpty("a")) }
            #expect(rooms.contains("a"))
            #expect(rooms.total.value == (isCounted ? 1 : 0))
            #expect(rooms.becameEmpty("a"))
            #expect(rooms.total.value == 0)
            #expect(!rooms.becameEmpty("a"))
            #expect(rooms.names.isEmpty)
        }
    }
}
