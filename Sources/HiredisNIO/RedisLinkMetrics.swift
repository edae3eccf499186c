// Part of socketio-server, MIT licence; see LICENSE.

internal import Metrics

/// Counters of one link, labelled with its name. Counts of messages are added once per read or write, not per message.
struct RedisLinkMetrics {
    private let connections: Counter
    private let failedAttempts: Counter
    private let receivedMessages: Counter
    private let oversizedMessages: Counter
    private let refusedCommands: Counter
    private let publishes: Counter
    private let publishErrors: Counter
    private let upGauge: Gauge

    init(link: String) {
        let dimensions = [("link", link)]
        connections = Counter(label: "socketio_redis_connections_total", dimensions: dimensions)
        failedAttempts = Counter(label: "socketio_redis_failed_attempts_total", dimensions: dimensions)
        receivedMessages = Counter(label: "socketio_redis_messages_received_total", dimensions: dimensions)
        oversizedMessages = Counter(label: "socketio_redis_messages_oversized_total", dimensions: dimensions)
        refusedCommands = Counter(label: "socketio_redis_commands_refused_total", dimensions: dimensions)
        publishes = Counter(label: "socketio_redis_publishes_total", dimensions: dimensions)
        publishErrors = Counter(label: "socketio_redis_publish_errors_total", dimensions: dimensions)
        upGauge = Gauge(label: "socketio_redis_up", dimensions: dimensions)
    }

    func connected() { connections.increment() }
    func attemptFailed() { failedAttempts.increment() }
    /// Of a command: too many wait for a connection.
    func refusedCommand() { refusedCommands.increment() }
    func oversizedMessage() { oversizedMessages.increment() }

    func received(_ count: Int) {
        if count > 0 { receivedMessages.increment(by: count) }
    }

    func published(_ count: Int, failed: Int) {
        if count > 0 { publishes.increment(by: count) }
        if failed > 0 { publishErrors.increment(by: failed) }
    }

    func up(_ isUp: Bool) {
        upGauge.record(isUp ? 1 : 0)
    }
}
