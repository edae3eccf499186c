// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Finds who handles a message that Redis has passed on: by its channel, or by the pattern it matched.
struct MessageRouter {
    typealias Handler = @Sendable (_ payload: ByteBuffer, _ channel: ByteBuffer) -> Void

    private var channels: [ByteBuffer: Handler] = [:]
    private var patterns: [ByteBuffer: Handler] = [:]

    /// Whether broadcasts are listened to.
    var hasPatterns: Bool { !patterns.isEmpty }

    mutating func add(channels: [(String, Handler)], patterns: [(String, Handler)]) {
        for (channel, handler) in channels { self.channels[ByteBuffer(string: channel)] = handler }
        for (pattern, handler) in patterns { self.patterns[ByteBuffer(string: pattern)] = handler }
    }

    mutating func remove(channels: [String], patterns: [String]) {
        for channel in channels { self.channels[ByteBuffer(string: channel)] = nil }
        for pattern in patterns { self.patterns[ByteBuffer(string: pattern)] = nil }
    }

    mutating func removeAll() { self = MessageRouter() }

    func route(_ payload: ByteBuffer, channel: ByteBuffer, pattern: ByteBuffer?) {
        if let pattern { patterns[pattern]?(payload, channel) } else { channels[channel]?(payload, channel) }
    }
}
