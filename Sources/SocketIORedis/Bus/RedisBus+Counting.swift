// Part of socketio-server, MIT licence; see LICENSE.

/// Whether others can be asked, and how many listen.
extension RedisBus {
    /// Throws unless other nodes can be asked. From any thread.
    func requireAvailable() throws {
        switch status {
        case .up, .degraded: return
        case .connecting, .down, .closed: throw ClusterError.unavailable(status.description)
        }
    }

    /// How many subscribers a channel has.
    func subscriberCount(of channel: String) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            onLoop {
                self.transport.subscriberCounts(of: [channel]) { result in
                    continuation.resume(with: result.map { $0.first ?? 0 })
                }
            }
        }
    }

    /// How many subscribers channels have. On the event loop.
    func subscriberCounts(
        of channels: [String], _ done: @escaping @Sendable (Result<[Int], any Error>) -> Void
    ) {
        transport.subscriberCounts(of: channels, done)
    }
}
