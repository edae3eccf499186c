// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

extension RESPCommand {
    /// XADD with an id that Redis gives; the reply is the id. The stream is cut to about `maximumLength` entries.
    package static func append(
        to stream: String, fields: [(name: String, value: ByteBuffer)], maximumLength: Int
    ) -> RESPCommand {
        var arguments: [any RESPArgument] = [stream, "MAXLEN", "~", maximumLength, "*"]
        for (name, value) in fields {
            arguments.append(name)
            arguments.append(value)
        }
        return RESPCommand("XADD", arguments: arguments)
    }

    /// The same without the value of the last field: for ``RedisPublish/init(head:_:_:_:)``.
    package static func appendHead(
        to stream: String, fields: [(name: String, value: String)], last: String, maximumLength: Int
    ) -> ByteBuffer {
        var all = fields.map { (name: $0.name, value: ByteBuffer(string: $0.value)) }
        all.append((last, ByteBuffer()))
        let command = append(to: stream, fields: all, maximumLength: maximumLength).bytes
        // Without the empty value.
        return command.getSlice(at: command.readerIndex, length: command.readableBytes - "$0\r\n\r\n".utf8.count)
            ?? ByteBuffer()
    }

    /// XREAD of one stream, which waits so many milliseconds for an entry after `id`.
    static func read(_ stream: String, after id: RedisStreamID, count: Int, block milliseconds: Int) -> RESPCommand {
        RESPCommand("XREAD", "COUNT", count, "BLOCK", milliseconds, "STREAMS", stream, id.description)
    }

    /// XRANGE of the entries after one id and up to another; needs Redis 6.2.
    package static func range(
        _ stream: String, after start: RedisStreamID, through end: RedisStreamID, count: Int
    ) -> RESPCommand {
        RESPCommand("XRANGE", stream, "(" + start.description, end.description, "COUNT", count)
    }

    /// XRANGE of the oldest entry.
    package static func oldest(of stream: String) -> RESPCommand {
        RESPCommand("XRANGE", stream, "-", "+", "COUNT", 1)
    }

    /// The id of the entry after another, without the entry itself; nil when there is none.
    static func nextID(of stream: String, after id: RedisStreamID) -> RESPCommand {
        let script = "local e = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1); return e[1] and e[1][1]"
        return RESPCommand("EVAL", script, 1, stream, id.description)
    }

    /// The id of the newest entry, without the entry itself; nil when there is none.
    static func newestID(of stream: String) -> RESPCommand {
        let script = "local e = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1); return e[1] and e[1][1]"
        return RESPCommand("EVAL", script, 1, stream)
    }

    /// Takes the value of a key away and returns it, in one step. GETDEL needs Redis 6.2.
    package static func take(_ key: String) -> RESPCommand {
        let script = "local v = redis.call('GET', KEYS[1]); if v then redis.call('DEL', KEYS[1]) end; return v"
        return RESPCommand("EVAL", script, 1, key)
    }

    /// XREVRANGE of the newest entry.
    package static func newest(of stream: String) -> RESPCommand {
        RESPCommand("XREVRANGE", stream, "+", "-", "COUNT", 1)
    }
}

extension RedisClient {
    /// Takes a key away and returns its value, in one step: of several who try, one gets it. Nil when there is none.
    ///
    /// MULTI with GET and DEL, as Node's adapter does: GETDEL needs Redis 6.2.
    package func take(_ key: String) async throws(RedisError) -> ByteBuffer? {
        let replies = await execute(
            pipeline: [
                RESPCommand("MULTI"), RESPCommand("GET", key), RESPCommand("DEL", key), RESPCommand("EXEC"),
            ])
        guard let last = replies.last else { return nil }
        guard let results = try last.get().arrayValue, results.count == 2 else {
            throw RedisError(.protocolViolation, "EXEC was not answered by two replies")
        }
        if case .error(let text) = results[0] { throw RedisError(reply: text, to: "GET") }
        return results[0].bytes
    }
}
