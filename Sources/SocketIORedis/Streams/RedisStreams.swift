// Part of socketio-server, MIT licence; see LICENSE.

/// Sends broadcasts through Redis streams, as `@socket.io/redis-streams-adapter` does, instead of publish/subscribe;
/// see ``RedisClusterConfiguration/streams``.
///
/// A node that loses its connection to Redis for a while continues to read where it stopped, so its clients miss
/// nothing. Questions to other nodes, their answers and `serverSideEmit` still travel by publish/subscribe.
public struct RedisStreams: Sendable, Hashable {
    /// The name of the stream, `streamName` in Node; default `socket.io`. It must be the same on all nodes.
    public var name = "socket.io"
    /// The number of streams among which the namespaces are divided, `streamCount` in Node: 1 to 64, default 1. It must
    /// be the same on all nodes. With more than one, the names end in a hyphen and a number.
    public var count = 1
    /// About how many entries Redis keeps in a stream, `maxLen` in Node: 1 to 100,000,000, default 10,000. A node that
    /// falls further behind loses broadcasts, which is counted.
    public var maxLength = 10_000
    /// The most entries of one read, `readCount` in Node: 1 to 5,000, default 200.
    public var pageSize = 200
    /// Whether binary data is written as JSON, `onlyPlaintext` in Node; receivers then get objects of the form
    /// `{"type":"Buffer","data":[…]}` instead. Default false.
    public var onlyPlaintext = false
    /// The most entries of a namespace that wait until its history has been read, 1 to 10,000,000; default 100,000. With more, or
    /// with more than ``maxWaitingBytes``, its clients get them at once, which is counted.
    public var maxWaitingEntries = 100_000
    /// The bytes of those entries, 65,536 bytes to 1 GiB; default 64 MiB.
    public var maxWaitingBytes = 64 << 20
    /// The largest record of a lost session, in bytes as Redis keeps it, 1,024 bytes to 64 MiB; default 4 MiB. A larger one is
    /// neither written nor read, which is counted: the client gets a new session. The values in it need many times as much memory.
    public var maxSessionBytes = 4 << 20
    /// Whether this server and Node.js servers on the same stream continue the sessions of each other's clients; default false. Set
    /// it to the same on all nodes. Records then have the keys of `@socket.io/redis-streams-adapter`. Node.js binds a session to no
    /// namespace and no user: middlewares always run for such a session, and a server that authenticates users does not continue it.
    public var sharesSessionsWithNode = false

    /// All defaults.
    public init() {}

    /// A sentence for each value that cannot work.
    var problems: [String] {
        var problems: [String] = []
        if name.isEmpty { problems.append("streams.name must not be empty") }
        if !(1...64).contains(count) { problems.append("streams.count must be 1 to 64") }
        if !(1...100_000_000).contains(maxLength) { problems.append("streams.maxLength must be 1 to 100000000") }
        if !(1...5_000).contains(pageSize) { problems.append("streams.pageSize must be 1 to 5000") }
        if !(1...10_000_000).contains(maxWaitingEntries) {
            problems.append("streams.maxWaitingEntries must be 1 to 10000000")
        }
        if !(65_536...1 << 30).contains(maxWaitingBytes) {
            problems.append("streams.maxWaitingBytes must be 65536 to 1073741824")
        }
        if !(1_024...64 << 20).contains(maxSessionBytes) {
            problems.append("streams.maxSessionBytes must be 1024 to 67108864")
        }
        return problems
    }
}
