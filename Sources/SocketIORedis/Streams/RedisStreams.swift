// Part of socketio-server, MIT licence; see LICENSE.

/// How broadcasts travel in Redis streams, as with `@socket.io/redis-streams-adapter`, instead of by publish/subscribe; see
/// ``RedisClusterConfiguration/streams``.
///
/// A node that loses its connection to Redis for a while reads on where it was, so that its clients miss nothing. Questions to
/// other nodes, their answers and `serverSideEmit` still travel by publish/subscribe.
public struct RedisStreams: Sendable, Hashable {
    /// The name of the stream, `streamName` in Node; default `socket.io`. All nodes need the same.
    public var name = "socket.io"
    /// Streams that the namespaces are divided among, `streamCount` in Node: 1 to 64, default 1. All nodes need the same. With
    /// more than one, their names end in a hyphen and a number.
    public var count = 1
    /// Entries that Redis keeps in a stream, about, `maxLen` in Node: 1 to 100,000,000, default 10,000. A node that is further
    /// behind than that loses broadcasts, which is counted.
    public var maxLength = 10_000
    /// Entries that are read at once at most, `readCount` in Node: 1 to 5,000, default 200.
    public var pageSize = 200
    /// Whether binary data is written as JSON, `onlyPlaintext` in Node; receivers then get objects of the form
    /// `{"type":"Buffer","data":[…]}` instead. Default false.
    public var onlyPlaintext = false

    /// All defaults.
    public init() {}

    /// What cannot work, in words.
    var problems: [String] {
        var problems: [String] = []
        if name.isEmpty { problems.append("streams.name must not be empty") }
        if !(1...64).contains(count) { problems.append("streams.count must be 1 to 64") }
        if !(1...100_000_000).contains(maxLength) { problems.append("streams.maxLength must be 1 to 100000000") }
        if !(1...5_000).contains(pageSize) { problems.append("streams.pageSize must be 1 to 5000") }
        return problems
    }
}
