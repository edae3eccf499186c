// Part of socketio-server, MIT licence; see LICENSE.

extension Settings {
    /// How clients continue their session after a lost connection.
    struct Recovery: Sendable, Equatable {
        var enabled = false
        var maxDisconnectionDurationMs = 120_000
        var skipMiddlewares = false
        var maxPackets = 10_000
        var maxBytes = 67_108_864
        var maxTotalBytes = 268_435_456
        var maxSessions = 100_000
        var maxSessionBytes = 134_217_728
        var maxReplayPackets = 10_000
        var maxReplayBytes = 8_388_608
        var failedEvent: String?
        var shareWithNode = false
    }
}
