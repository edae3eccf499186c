// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Finds who handles a message that Redis has passed on: by its channel, or by the pattern it matched.
struct MessageRouter {
    typealias Handler = (_ payload: ByteBuffer, _ channel: ByteBuffer) -> Void

    private var channels: [ByteBuffer: Handler] = [:]
    private var patterns: [ByteBuffer: Handler] = [:]
    /// Nearly always the next one too, and compared faster than hashed.
    private var recent: (pattern: ByteBuffer, handler: Handler)?

    /// Whether broadcasts are listened to.
    var hasPatterns: Bool { !patterns.isEmpty }

    mutating func add(channels: [(String, Handler)], patterns: [(String, Handler)]) {
        for (channel, handler) in channels { self.channels[ByteBuffer(string: channel)] = handler }
        for (pattern, handler) in patterns { self.patterns[ByteBuffer(string: pattern)] = handler }
        recent = nil
    }

    mutating func remove(channels: [String], patterns: [String]) {
        for channel in channels { self.channels[ByteBuffer(string: channel)] = nil }
        for pattern in patterns { self.patterns[ByteBuffer(string: pattern)] = nil }
        recent = nil
    }

    mutating func removeAll() { self = MessageRouter() }

    /// Who handles a message.
    mutating func handler(channel: ByteBuffer, pattern: ByteBuffer?) -> Handler? {
        guard let pattern else { return channels[channel] }
        if let recent, recent.pattern == pattern { return recent.handler }
        guard let index = patterns.index(forKey: pattern) else { return nil }
        // The key of the table: what was received is a slice of something large.
        recent = (patterns[index].key, patterns[index].value)
        return recent?.handler
    }
}
