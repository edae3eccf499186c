// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

@Suite struct ShardInboxTests {
    /// Work that catches up, as POSTs do, finds what has come since; it must not overtake what came before that. The second
    /// half of a POST once did, and its client waited for an answer for ever.
    @Test(.timeLimit(.minutes(1))) func catchingUpKeepsTheOrder() async throws {
        try await SessionTestServer.run { server in
            let shard = server.engine.shards[0]
            let order = NIOLockedValueBox<[Int]>([])
            let batchIsComplete = DispatchSemaphore(value: 0)
            shard.eventLoop.execute { batchIsComplete.wait() }
            shard.run {
                order.withLockedValue { $0.append(1) }
                let hasArrived = DispatchSemaphore(value: 0)
                Thread.detachNewThread {
                    shard.run { order.withLockedValue { $0.append(3) } }
                    hasArrived.signal()
                }
                hasArrived.wait()
                shard.inbox.catchUp()
            }
            shard.run { order.withLockedValue { $0.append(2) } }
            batchIsComplete.signal()
            try await eventually("all three") { order.withLockedValue { $0.count } == 3 }
            #expect(order.withLockedValue { $0 } == [1, 2, 3])
        }
    }

    /// What a tick hands over wakes the other loop once, when the tick ends: a loop that was woken for the first message
    /// would send it alone.
    @Test(.timeLimit(.minutes(1))) func aTickWakesOthersAtItsEnd() async throws {
        try await SessionTestServer.run(loops: 2) { server in
            let (sender, other) = (server.engine.shards[0], server.engine.shards[1])
            let done = NIOLockedValueBox<[Int]>([])
            let doneDuringTick = try await sender.inside { sender -> [Int] in
                for number in 0..<100 {
                    sender.hand(to: other) { done.withLockedValue { $0.append(number) } }
                }
                // Any work that had been scheduled by now would be done before this.
                let isAwake = DispatchSemaphore(value: 0)
                other.eventLoop.execute { isAwake.signal() }
                isAwake.wait()
                return done.withLockedValue { $0 }
            }
            #expect(doneDuringTick.isEmpty)
            try await eventually("what the tick handed over") { done.withLockedValue { $0.count } == 100 }
            #expect(done.withLockedValue { $0 } == Array(0..<100))
        }
    }

    /// Work of other threads neither waits for the tick nor overtakes what it handed over before.
    @Test(.timeLimit(.minutes(1))) func workInBetweenKeepsTheOrder() async throws {
        try await SessionTestServer.run(loops: 2) { server in
            let (sender, other) = (server.engine.shards[0], server.engine.shards[1])
            let done = NIOLockedValueBox<[Int]>([])
            let doneDuringTick = try await sender.inside { sender -> [Int] in
                sender.hand(to: other) { done.withLockedValue { $0.append(1) } }
                let isDone = DispatchSemaphore(value: 0)
                Thread.detachNewThread {
                    other.run {
                        done.withLockedValue { $0.append(2) }
                        isDone.signal()
                    }
                }
                isDone.wait()
                sender.hand(to: other) { done.withLockedValue { $0.append(3) } }
                return done.withLockedValue { $0 }
            }
            #expect(doneDuringTick == [1, 2])
            try await eventually("the last of it") { done.withLockedValue { $0.count } == 3 }
            #expect(done.withLockedValue { $0 } == [1, 2, 3])
        }
    }

    /// A caller that leaves work here and then comes to the loop on another way finds the work done, whoever else leaves some.
    @Test(.timeLimit(.minutes(2))) func nobodyIsOvertakenOnTheLoop() async throws {
        try await SessionTestServer.run { server in
            let shard = server.engine.shards[0]
            let early = NIOLockedValueBox(0)
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<3_000 {
                            let isDone = NIOLockedValueBox(false)
                            shard.run { isDone.withLockedValue { $0 = true } }
                            try await shard.eventLoop.submit {
                                if !isDone.withLockedValue({ $0 }) { early.withLockedValue { $0 += 1 } }
                            }.get()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(early.withLockedValue { $0 } == 0)
        }
    }
}
