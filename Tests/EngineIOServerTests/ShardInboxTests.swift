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
                shard.catchUp()
            }
            shard.run { order.withLockedValue { $0.append(2) } }
            batchIsComplete.signal()
            try await eventually("all three") { order.withLockedValue { $0.count } == 3 }
            #expect(order.withLockedValue { $0 } == [1, 2, 3])
        }
    }
}
