// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

/// What has passed through a shard since the start: plain numbers on its loop, no lock and no atomic.
package struct ShardTraffic: Sendable {
    /// What one message counts.
    struct Weight {
        let messages: Int
        let bytes: Int

        init(_ message: OutboundMessage) {
            messages = message.isApplicationMessage ? 1 : 0
            bytes = message.frameBytes
        }
    }

    /// Messages from clients, without the engine's own packets.
    package private(set) var messagesReceived = 0
    /// Their bytes, without framing.
    package private(set) var bytesReceived = 0
    /// Messages to clients, each recipient counted, when they were handed to its session.
    package private(set) var messagesSent = 0
    /// Their bytes as WebSocket frames, the engine's own packets included.
    package private(set) var bytesSent = 0

    mutating func received(_ message: EngineMessage) {
        messagesReceived += 1
        switch message {
        case .text(let bytes), .binary(let bytes): bytesReceived += bytes.readableBytes
        }
    }

    mutating func sent(_ weight: Weight) {
        messagesSent += weight.messages
        bytesSent += weight.bytes
    }
}

/// How late an event loop was, in a histogram.
package struct LoopLag: Sendable {
    /// Upper bounds of the buckets in seconds; the last bucket has none.
    package static let bounds: [Double] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

    /// How many measurements fell into each bucket, the one without bound included.
    package private(set) var counts = [Int](repeating: 0, count: LoopLag.bounds.count + 1)
    /// All of them together, in seconds.
    package private(set) var sum = 0.0

    package init() {}

    package mutating func record(_ lag: TimeAmount) {
        let seconds = Double(max(lag.nanoseconds, 0)) / 1e9
        sum += seconds
        counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
    }
}

/// One shard at one moment.
package struct ShardStatistics: Sendable {
    /// Its position among the shards.
    package let index: Int
    /// Sessions that live there, closing ones included.
    package let sessions: Int
    /// Bytes that wait for busy clients.
    package let queuedBytes: Int
    package let traffic: ShardTraffic
    package let lag: LoopLag
}

extension EngineServer {
    /// Looks at every shard, one hop each. From any thread.
    package func statistics() async -> [ShardStatistics] {
        var all: [ShardStatistics] = []
        for shard in shards {
            all.append(
                await withCheckedContinuation { continuation in
                    shard.run { continuation.resume(returning: shard.statistics) }
                })
        }
        return all
    }

    /// How late the latest of the loops is at this moment, also while it stands still. From any thread.
    package var currentLag: TimeAmount { shards.map { $0.currentLag() }.max() ?? .zero }

    /// Live sessions by transport. From any thread.
    package var sessionsByTransport: [TransportName: Int] { context.metrics.sessionsByTransport }

    /// What of the limits of admission is reached: nil, or words for people. From any thread.
    package var reachedLimit: String? { admission.reachedLimit(sessions: clientsCount) }

    /// Measures from now on how late the loops are, see ``ShardStatistics/lag``.
    package func measureLag(every interval: TimeAmount) {
        for shard in shards {
            shard.run { [self] in
                if !isClosingNow { shard.measureLag(every: interval) }
            }
        }
    }
}

extension Shard {
    fileprivate var statistics: ShardStatistics {
        let sessions = allSessions()
        let queued = sessions.reduce(0) { $0 + $1.backlog.bytes + $1.link.bufferedBytes }
        return ShardStatistics(
            index: index, sessions: sessions.count, queuedBytes: queued, traffic: traffic, lag: lag)
    }
}
