// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import SocketIORedis
internal import SocketIOServer

/// Everything that `/metrics` shows: what the libraries counted, and what the server looks like at this moment.
struct MetricsPage: Sendable {
    let registry: MetricRegistry
    let server: Server
    let readiness: Readiness
    let version: String
    /// Nil for a node on its own.
    let cluster: RedisCluster?

    /// The page in Prometheus' text format. Hops once to each event loop.
    func render() async -> String {
        let statistics = await server.statistics()
        var families = registry.families
        families += traffic(statistics) + namespaces(statistics) + state() + ProcessMetrics.families
        families.sort { $0.name < $1.name }
        return MetricText.render(families)
    }

    private func traffic(_ statistics: ServerStatistics) -> [MetricFamily] {
        func perLoop(_ name: String, _ kind: MetricFamily.Kind, _ value: (ShardStatistics) -> Int) -> MetricFamily {
            MetricFamily(
                name, kind,
                statistics.shards.map { .init(labels: [("loop", "\($0.index)")], value: Double(value($0))) })
        }
        func received(_ name: String, _ value: (ReceivedPackets) -> Int) -> MetricFamily {
            MetricFamily(
                name, .counter,
                statistics.received.enumerated().map {
                    .init(labels: [("loop", "\($0)")], value: Double(value($1)))
                })
        }
        return [
            perLoop("engineio_messages_received_total", .counter) { $0.traffic.messagesReceived },
            perLoop("engineio_received_bytes_total", .counter) { $0.traffic.bytesReceived },
            perLoop("engineio_messages_sent_total", .counter) { $0.traffic.messagesSent },
            perLoop("engineio_sent_bytes_total", .counter) { $0.traffic.bytesSent },
            perLoop("engineio_queued_bytes", .gauge) { $0.queuedBytes },
            MetricFamily("engineio_held_bytes", .gauge, Double(server.heldBytes)),
            received("socketio_events_received_total") { $0.events },
            received("socketio_acknowledgements_received_total") { $0.acknowledgements },
            MetricFamily(
                "socketio_timers", .gauge,
                statistics.timers.enumerated().map { .init(labels: [("loop", "\($0)")], value: Double($1)) }),
            MetricFamily(
                "socketio_event_loop_lag_seconds", .histogram,
                statistics.shards.flatMap { shard in
                    histogram(
                        [("loop", "\(shard.index)")], bounds: LoopLag.bounds, counts: shard.lag.counts,
                        sum: shard.lag.sum)
                }),
            MetricFamily(
                "socketio_acknowledgement_latency_seconds", .histogram,
                histogram(
                    [], bounds: LatencyHistogram.bounds, counts: statistics.acknowledgementLatency.counts,
                    sum: statistics.acknowledgementLatency.sum)),
        ]
    }

    private func histogram(
        _ labels: [(name: String, value: String)], bounds: [Double], counts: [Int], sum: Double
    ) -> [MetricFamily.Sample] {
        var samples: [MetricFamily.Sample] = []
        var count = 0
        for (index, inBucket) in counts.enumerated() {
            count += inBucket
            let bound = index < bounds.count ? MetricText.number(bounds[index]) : "+Inf"
            samples.append(.init(suffix: "_bucket", labels: labels + [("le", bound)], value: Double(count)))
        }
        samples.append(.init(suffix: "_sum", labels: labels, value: sum))
        samples.append(.init(suffix: "_count", labels: labels, value: Double(count)))
        return samples
    }

    private func namespaces(_ statistics: ServerStatistics) -> [MetricFamily] {
        func family(_ name: String, _ value: (NamespaceStatistics) -> Int) -> MetricFamily {
            MetricFamily(
                name, .gauge,
                statistics.namespaces.map { .init(labels: [("namespace", $0.label)], value: Double(value($0))) })
        }
        return [
            family("socketio_namespaces") { $0.namespaces },
            family("socketio_sockets") { $0.sockets },
            family("socketio_rooms") { $0.rooms },
        ]
    }

    private func state() -> [MetricFamily] {
        let report = readiness.report
        let labels = [(name: "version", value: version), (name: "node", value: server.configuration.engine.nodeTag)]
        var families = [
            MetricFamily("socketio_build_info", .gauge, [.init(labels: labels, value: 1)]),
            MetricFamily("socketio_ready", .gauge, report.isAccepting ? 1 : 0),
            MetricFamily("socketio_draining", .gauge, server.isDraining ? 1 : 0),
            MetricFamily("socketio_overloaded", .gauge, report.status == .overloaded ? 1 : 0),
            MetricFamily("socketio_adapter_info", .gauge, [.init(labels: [("adapter", adapter)], value: 1)]),
        ]
        if let cluster {
            let current = Self.word(cluster.status)
            families.append(
                MetricFamily(
                    "socketio_adapter_state", .gauge,
                    ["connecting", "up", "degraded", "down", "closed"].map {
                        .init(labels: [("state", $0)], value: $0 == current ? 1 : 0)
                    }))
        }
        return families
    }

    private var adapter: String {
        guard let cluster else { return "memory" }
        return cluster.configuration.adapterName
    }

    private static func word(_ status: ClusterStatus) -> String {
        switch status {
        case .connecting: "connecting"
        case .up: "up"
        case .degraded: "degraded"
        case .down: "down"
        case .closed: "closed"
        }
    }
}
