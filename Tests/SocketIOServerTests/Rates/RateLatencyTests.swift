// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// A client that floods does not keep the others waiting, though all share one event loop.
@Suite("Rates: latency", .serialized)
struct RateLatencyTests {
    /// As in the executable.
    private static var limits: RateLimits {
        var limits = RateLimits()
        limits.session.eventsPerSecond = 500
        limits.session.bytesPerSecond = 2 << 20
        return limits
    }

    /// Round trips of `count` echoes, sorted.
    private static func echoes(_ count: Int, _ socket: TestSocket) async throws -> [Duration] {
        var times: [Duration] = []
        for number in 0..<count {
            let start = ContinuousClock.now
            #expect(try await socket.emitWithAck("echo", .int(number), within: .seconds(60)) == [.int(number)])
            times.append(ContinuousClock.now - start)
        }
        return times.sorted()
    }

    @Test("175,000 small events of one client leave the echo of another below 5 ms, and its p99 below 25 ms")
    func flood() async throws {
        try await withServer(loops: 1, { $0.rates = Self.limits }) { io, address in
            io.onConnection { socket in
                socket.on("echo") { (number: Int) -> Int in number }
                socket.on("n") { () in }
            }
            let (victim, quiet) = (try await connect(1, to: address)[0], try await connect(1, to: address)[0])
            let before = try await Self.echoes(300, quiet)
            // Sent as fast as the server reads, until it is over.
            let start = ContinuousClock.now
            let others = await Self.events(io)
            let flooder = try await SocketTestClient.connect(to: address)
            _ = try await flooder.join()
            let flood = Task {
                let packets = Array(repeating: EngineTestPacket.text(#"2["n"]"#), count: 1_000)
                for _ in 0..<175 { try await flooder.engine.send(packets) }
            }
            // It is under way when a burst has been handled.
            try await eventually("the flood") { await Self.events(io) > 2_000 }
            let during = try await Self.echoes(300, victim)
            let handled = await Self.events(io) - others - during.count
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            flood.cancel()
            await flooder.close()
            // A machine that is slow at the moment is so in both.
            let (median, p99) = (during[150], during[297])
            #expect(median < max(.milliseconds(5), before[150] * 10), "\(median)")
            #expect(p99 < max(.milliseconds(25), before[297] * 10), "\(p99)")
            // The rest of the flood waits: a burst, the rate since then, and what a pause is exact to.
            #expect(Double(handled) < 2_500 + 500 * seconds + 100, "\(handled) in \(seconds) s")
        }
    }

    private static func events(_ io: Server) async -> Int {
        var count = 0
        for shard in io.context.shards { count += await shard.perform { $0.received.events } }
        return count
    }
}
