// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
package import NIOCore
internal import Synchronization

/// Counts of the messages between nodes since the start of this one.
public struct ClusterStatistics: Sendable, Hashable {
    /// Messages handed to the bus, without heartbeats.
    public var published = 0
    /// Messages that arrived and were for this node.
    public var received = 0
    /// Broadcasts dropped without decoding, because this node has no socket in their room.
    public var filtered = 0
    /// Messages that could not be understood.
    public var invalid = 0
    /// Responses that no request waited for, second responses included.
    public var unexpected = 0
    /// Messages not sent because the bus could not be reached and the outage policy does not let them wait.
    public var lost = 0
    /// Messages dropped because too many waited, or because they waited too long.
    public var dropped = 0
    /// Messages that waited through an outage and were sent after it.
    public var replayed = 0
    /// Messages that were being sent when the connection was lost; they may or may not have arrived.
    public var unconfirmed = 0
    /// Messages the bus refused.
    public var refused = 0
    /// Broadcasts of other nodes of this kind that never arrived here.
    public var missed = 0
    /// How often entries of a stream were gone, or too large, before this node could read them.
    public var streamGaps = 0
    /// Requests that did not get all answers in time.
    public var requestTimeouts = 0
    /// Requests that failed because too many others waited for answers.
    public var requestsRefused = 0
    /// Messages over a limit: received ones, which ``invalid`` counts too, and those of this node that were not sent.
    public var overLimit = 0
    /// Messages on the nodes' own channels without a valid signature; see ``ClusterConfiguration/secret``.
    public var strangers = 0
}

/// Counts for ``ClusterStatistics`` and for metrics. From any thread.
package final class ClusterCounters: Sendable {
    /// One counter.
    package final class Tally: Sendable {
        private let counter: Counter
        private let total = Atomic(0)

        init(_ label: String, _ dimensions: [(String, String)] = []) {
            counter = Counter(label: label, dimensions: dimensions)
        }

        package var value: Int { total.load(ordering: .relaxed) }

        package func increment(by amount: Int = 1) {
            total.wrappingAdd(amount, ordering: .relaxed)
            counter.increment(by: amount)
        }
    }

    package let published = Tally("socketio_adapter_published_total")
    package let received = Tally("socketio_adapter_received_total")
    package let filtered = Tally("socketio_adapter_filtered_total")
    package let invalid = Tally("socketio_adapter_invalid_total")
    package let unexpected = Tally("socketio_adapter_unexpected_total")
    package let lost = Tally("socketio_adapter_lost_total")
    package let dropped = Tally("socketio_adapter_dropped_total")
    package let replayed = Tally("socketio_adapter_replayed_total")
    package let unconfirmed = Tally("socketio_adapter_unconfirmed_total")
    package let refused = Tally("socketio_adapter_refused_total")
    package let missed = Tally("socketio_adapter_missed_total")
    package let streamGaps = Tally("socketio_adapter_stream_gaps_total")
    package let requestTimeouts = Tally("socketio_adapter_request_timeouts_total")
    package let requestsRefused = Tally("socketio_adapter_requests_refused_total")
    private let limitRefusals = Dictionary(
        uniqueKeysWithValues: ClusterLimit.allCases.map {
            ($0, Tally("socketio_adapter_limit_refusals_total", [("limit", $0.rawValue)]))
        })
    private let strangers = Dictionary(
        PeerRefusal.allCases.map {
            ($0, Tally("socketio_cluster_announcements_refused_total", [("reason", $0.rawValue)]))
        }, uniquingKeysWith: { first, _ in first })
    private let peers = Gauge(label: "socketio_cluster_peers")
    private let waitingBytes = Gauge(label: "socketio_adapter_waiting_bytes")
    private let lag = Gauge(label: "socketio_adapter_lag_seconds")
    private let streamLag = Gauge(label: "socketio_adapter_stream_lag_seconds")
    private let channels = Gauge(label: "socketio_adapter_channels")
    private let isUp = Gauge(label: "socketio_adapter_up")

    package init() {}

    /// Counts a refusal because of a limit.
    package func refused(_ limit: ClusterLimit) { limitRefusals[limit]?.increment() }

    /// How often something was refused because of this limit.
    package func refusals(_ limit: ClusterLimit) -> Int { limitRefusals[limit]?.value ?? 0 }

    package func refused(_ reason: PeerRefusal) { strangers[reason]?.increment() }
    package func record(peers count: Int) { peers.record(count) }
    package func record(waitingBytes bytes: Int) { waitingBytes.record(bytes) }
    package func record(lag duration: TimeAmount) { lag.record(Double(max(duration.nanoseconds, 0)) / 1e9) }
    package func record(streamLag duration: TimeAmount) { streamLag.record(Double(duration.nanoseconds) / 1e9) }
    package func record(channels count: Int) { channels.record(count) }
    package func record(isUp: Bool) { self.isUp.record(isUp ? 1 : 0) }

    package var statistics: ClusterStatistics {
        var statistics = ClusterStatistics()
        statistics.published = published.value
        statistics.received = received.value
        statistics.filtered = filtered.value
        statistics.invalid = invalid.value
        statistics.unexpected = unexpected.value
        statistics.lost = lost.value
        statistics.dropped = dropped.value
        statistics.replayed = replayed.value
        statistics.unconfirmed = unconfirmed.value
        statistics.refused = refused.value
        statistics.missed = missed.value
        statistics.streamGaps = streamGaps.value
        statistics.requestTimeouts = requestTimeouts.value
        statistics.requestsRefused = requestsRefused.value
        statistics.overLimit = ClusterLimit.allCases.reduce(0) { $0 + refusals($1) }
        statistics.strangers = strangers.values.reduce(0) { $0 + $1.value }
        return statistics
    }
}
