// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting

@testable import SocketIOServer

extension RateLimits {
    /// Limits with an action, a burst and the rates that `change` sets.
    static func limits(
        _ action: Action, burst: Int, _ change: (inout RateLimits) -> Void
    ) -> RateLimits {
        var limits = RateLimits()
        limits.action = action
        limits.burstSeconds = burst
        change(&limits)
        return limits
    }
}

/// Runs `body` with a server whose clients send numbers with the event `n`, which is acknowledged with the number. The
/// CONNECT is a client's first packet; heartbeats are too rare to count.
func withCountingServer(
    _ limits: RateLimits, loops: Int = 2, _ setUp: @escaping @Sendable (Socket) -> Void = { _ in },
    _ body: (Server, ServerAddress, Recorder<Int>) async throws -> Void
) async throws {
    let numbers = Recorder<Int>()
    try await withServer(
        loops: loops,
        {
            $0.rates = limits
            $0.engine.pingInterval = .seconds(60)
        }
    ) { io, address in
        io.onConnection { socket in
            setUp(socket)
            socket.on("n") { (number: Int) -> Int in
                numbers.append(number)
                return number
            }
        }
        try await body(io, address, numbers)
    }
}
