// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("How many replays work at the same time", .timeLimit(.minutes(1)))
struct ReplayGateTests {
    @Test("One that pauses gives its place away, and gets the next one before all that have not begun")
    func pausing() async throws {
        let gate = ReplayGate(maximum: 1, maximumWaiting: 10)
        let (order, slow, fast) = (Recorder<String>(), Gate(), Gate())
        let first = Task {
            try await gate.run {
                order.append("first")
                let passed: Void? = await gate.pausing { try? await slow.pass() }
                #expect(passed != nil)
                order.append("first again")
            }
        }
        try await eventually("it pauses") { gate.paused == 1 && gate.load.working == 0 }
        let second = Task {
            try await gate.run {
                order.append("second")
                try await fast.pass()
            }
        }
        try await eventually("the second works") { order.count == 2 }
        let third = Task { try await gate.run { order.append("third") } }
        try await eventually("the third waits") { gate.load.waiting == 1 }
        slow.open()
        // A cancelled one comes back, too, so that the number of places stays right.
        first.cancel()
        try await eventually("the first wants to go on") { gate.returning == 1 }
        fast.open()
        try await first.value
        try await second.value
        try await third.value
        #expect(order.all == ["first", "second", "first again", "third"])
        #expect(gate.load == (0, 0) && gate.paused == 0)
    }

    @Test("One more than may wait keeps its place while it pauses")
    func tooManyPause() async throws {
        let gate = ReplayGate(maximum: 2, maximumWaiting: 1)
        let slow = Gate()
        let tasks = (1...2).map { _ in
            Task { try await gate.run { await gate.pausing { try? await slow.pass() } } }
        }
        try await eventually("one pauses, and the other works") { gate.paused == 1 && gate.load.working == 1 }
        slow.open()
        slow.open()
        for task in tasks { _ = try await task.value }
        #expect(gate.load == (0, 0) && gate.paused == 0)
    }

    @Test("Cancelled ones are forgotten before many have gathered")
    func cancelled() async throws {
        let gate = ReplayGate(maximum: 1, maximumWaiting: 3)
        try await gate.run {
            for _ in 1...50 {
                let task = Task { try await gate.run {} }
                try await eventually("it waits") { gate.load.waiting == 1 }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(gate.orderCount <= 8)
            }
        }
        #expect(gate.load == (0, 0))
    }
}
