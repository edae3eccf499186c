// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import LoopConfinement
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

        /// A message of a text frame with so many bytes.
        init(textFrameOf bytes: Int) {
            messages = 1
            self.bytes = bytes
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

/// One shard at one moment.
package struct ShardStatistics: Sendable {
    /// Its position among the shards.
    package let index: Int
    /// Sessions that live there, closing ones included.
    package let sessions: Int
    /// Bytes that wait for busy clients.
    package let queuedBytes: Int
    /// Pending deadlines of sessions.
    package let deadlines: Int
    package let traffic: ShardTraffic
    package let lag: LoopLag
}

extension EngineServer {
    /// Looks at every shard, one hop each. From any thread.
    package func statistics() async -> [ShardStatistics] {
        var all: [ShardStatistics] = []
        for shard in shards {
            let lag = shard.lag.measured
            all.append(await shard.core.get { $0.statistics(lag: lag) })
        }
        return all
    }

    /// How late the latest of the loops is at this moment, also while it stands still. From any thread.
    package var currentLag: TimeAmount { shards.map { $0.lag.current() }.max() ?? .zero }

    /// Memory of the messages queued for slow clients; a message queued for several clients counts once. May be read
    /// from any thread.
    package var heldBytes: Int { context.budget.usedBytes }

    /// Live sessions by transport. From any thread.
    package var sessionsByTransport: [TransportName: Int] { context.metrics.sessionsByTransport }

    /// What of the limits of admission is reached: nil, or words for people. From any thread.
    package var reachedLimit: String? { admission.reachedLimit(sessions: clientsCount) }

    /// Measures from now on how late the loops are, see ``ShardStatistics/lag``.
    package func measureLag(every interval: TimeAmount) {
        for shard in shards where !isClosingNow { shard.lag.measure(every: interval) }
    }
}

extension ShardCore {
    fileprivate func statistics(lag: LoopLag) -> ShardStatistics {
        let sessions = allSessions()
        let queued = sessions.reduce(0) { $0 + $1.waitingBytes }
        return ShardStatistics(
            index: index, sessions: sessions.count, queuedBytes: queued, deadlines: heartbeats.count,
            traffic: traffic, lag: lag)
    }
}
