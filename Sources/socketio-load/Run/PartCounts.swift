// Part of socketio-server, MIT licence; see LICENSE.

/// What happened in one part of a run.
struct PartCounts: Codable, Equatable, Sendable {
    /// Messages sent, or connections begun.
    var sent = 0
    /// Of those, in the measured time.
    var sentMeasured = 0
    /// Deliveries, acknowledgements or finished connects, each counted once.
    var delivered = 0
    var deliveredMeasured = 0
    /// Never came, although the message was sent.
    var lost = 0
    var doubled = 0
    var outOfOrder = 0
    /// Came with a payload that was not sent.
    var damaged = 0
    /// Came to a client which is not in the room.
    var misdelivered = 0
    /// Not sent at a fixed rate, because too much was waiting for the server to read it.
    var unsent = 0
    /// Connects that were refused, cut off or too slow.
    var failedConnects = 0
    /// Connections that ended while they were needed.
    var lostConnections = 0
    /// Packets the scenario knows nothing of; no fault.
    var other = 0

    /// Adds what another thread counted.
    mutating func add(_ more: PartCounts) {
        for path in Self.all { self[keyPath: path] += more[keyPath: path] }
    }

    /// What a correct server never causes; names for people, in the order of the report.
    var faults: [(name: String, count: Int)] {
        [
            ("lost", lost), ("doubled", doubled), ("out of order", outOfOrder), ("damaged", damaged),
            ("misdelivered", misdelivered), ("failed connects", failedConnects), ("lost connections", lostConnections),
        ]
    }

    private static var all: [WritableKeyPath<PartCounts, Int>] {
        [
            \.sent, \.sentMeasured, \.delivered, \.deliveredMeasured, \.lost, \.doubled, \.outOfOrder, \.damaged,
            \.misdelivered, \.unsent, \.failedConnects, \.lostConnections, \.other,
        ]
    }
}
