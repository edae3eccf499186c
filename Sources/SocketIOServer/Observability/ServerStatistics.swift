// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import EngineIOServer
package import NIOCore

/// Packets of clients that reached a socket, counted on one event loop.
package struct ReceivedPackets: Sendable {
    package var events = 0
    package var acknowledgements = 0
}

/// Namespaces that are counted together.
package struct NamespaceStatistics: Sendable {
    /// The name, or `dynamic` for all that clients had made: names they choose must not become labels.
    package let label: String
    package var namespaces = 0
    package var sockets = 0
    /// Rooms with sockets of this server, those that sockets have to themselves left out.
    package var rooms = 0
}

/// A server at one moment.
package struct ServerStatistics: Sendable {
    package let shards: [ShardStatistics]
    /// In the order of ``shards``.
    package let received: [ReceivedPackets]
    /// Pending timers, including those of the sessions; in the order of ``shards``.
    package let timers: [Int]
    /// How long clients took to acknowledge, on all event loops.
    package let acknowledgementLatency: LatencyHistogram
    /// Sorted by label.
    package let namespaces: [NamespaceStatistics]
}

extension Server {
    /// More namespaces with a name of their own than these are counted together.
    private static let maxLabels = 100

    /// Counts what is there. One hop to each event loop; from any thread.
    package func statistics() async -> ServerStatistics {
        let shards = await engineServer.statistics()
        var received: [ReceivedPackets] = []
        var latency = LatencyHistogram()
        var timers = shards.map(\.deadlines)
        for (index, shard) in context.shards.enumerated() {
            let (packets, ofShard, waiting) = await shard.perform { shard in
                (shard.received, shard.acknowledgementLatency, shard.timers.count)
            }
            received.append(packets)
            timers[index] += waiting
            latency.add(ofShard)
        }
        return ServerStatistics(
            shards: shards, received: received, timers: timers, acknowledgementLatency: latency,
            namespaces: namespaceStatistics)
    }

    private var namespaceStatistics: [NamespaceStatistics] {
        var all: NameDictionary<NamespaceStatistics> = [:]
        for (namespace, isDynamic) in table.allByOrigin.sorted(by: {
            $0.namespace.name.precedesByBytes($1.namespace.name)
        }) {
            var label = isDynamic ? "dynamic" : namespace.name
            if all[label] == nil, all.count >= Self.maxLabels { label = "other" }
            let sockets = namespace.local.socketCount
            var entry = all[label] ?? NamespaceStatistics(label: label)
            entry.namespaces += 1
            entry.sockets += sockets
            entry.rooms += max(0, namespace.local.roomCount - sockets)
            all[label] = entry
        }
        return all.values.sorted { $0.label.precedesByBytes($1.label) }
    }

    /// Memory of the messages queued for slow clients now; a message queued for several clients counts once. May be
    /// read from any thread.
    package var heldBytes: Int { engineServer.heldBytes }

    /// Measures from now on how late the event loops are.
    package func measureLoopLag(every interval: TimeAmount) {
        engineServer.measureLag(every: interval)
    }
}
