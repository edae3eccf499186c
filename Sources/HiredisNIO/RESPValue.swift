// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// One reply of a Redis server (RESP2).
package enum RESPValue: Sendable, Hashable {
    /// A nil bulk string or a nil array.
    case null
    case integer(Int64)
    /// A status line such as `OK`.
    case simple(String)
    /// Bytes; a short string may be a slice of the buffer that was received.
    case bulk(ByteBuffer)
    /// The text of an error reply without the leading `-`, e.g. `NOPERM this user has …`.
    case error(String)
    case array([RESPValue])

    /// The integer, also when it came as text.
    package var integerValue: Int64? {
        switch self {
        case .integer(let value): value
        case .simple(let text): Int64(text)
        case .bulk(let bytes): Int64(String(buffer: bytes))
        case .null, .error, .array: nil
        }
    }

    /// The text of a status line or bulk string; broken UTF-8 is repaired.
    package var stringValue: String? {
        switch self {
        case .simple(let text): text
        case .bulk(let bytes): String(buffer: bytes)
        case .null, .integer, .error, .array: nil
        }
    }

    /// The bytes of a status line or bulk string.
    package var bytes: ByteBuffer? {
        switch self {
        case .simple(let text): ByteBuffer(string: text)
        case .bulk(let bytes): bytes
        case .null, .integer, .error, .array: nil
        }
    }

    /// The elements of an array.
    package var arrayValue: [RESPValue]? {
        if case .array(let elements) = self { return elements }
        return nil
    }
}

/// A message of pub/sub. The buffers are slices of what was received: copy what is kept for long.
package struct RedisMessage: Sendable, Hashable {
    /// The channel it was published to.
    package var channel: ByteBuffer
    /// The pattern that matched, for PSUBSCRIBE; else nil.
    package var pattern: ByteBuffer?
    package var payload: ByteBuffer
    /// Whether it came by SPUBLISH.
    package var isSharded: Bool

    package init(channel: ByteBuffer, pattern: ByteBuffer? = nil, payload: ByteBuffer, isSharded: Bool = false) {
        self.channel = channel
        self.pattern = pattern
        self.payload = payload
        self.isSharded = isSharded
    }
}

/// What the reader hands out: one complete reply.
package enum RESPReply: Sendable, Hashable {
    case value(RESPValue)
    /// A push of a subscription; only when the reader was told to recognise them.
    case message(RedisMessage)
    /// A reply whose strings were over the limit and have been skipped.
    case tooLarge
}

/// Limits on what a server may send.
public struct RESPLimits: Sendable, Hashable {
    /// Longest string in bytes, default 16 MiB. A longer one is skipped: a message is dropped and counted, a command
    /// fails with ``RedisError/Code/replyTooLarge``.
    public var maximumBulkLength: Int
    /// Bytes of all strings of one reply, default 64 MiB; over it as above.
    public var maximumReplyBytes: Int
    /// Elements of one reply, nested ones included, default 65,536. More end the connection.
    public var maximumElements: Int
    /// Nested arrays, 1…9, default 8. Deeper ones end the connection.
    public var maximumDepth: Int
    /// Longest status or error line in bytes, default 64 KiB. A longer one ends the connection.
    public var maximumLineLength: Int

    /// Limits with their defaults.
    public init(
        maximumBulkLength: Int = 16 << 20, maximumReplyBytes: Int = 64 << 20, maximumElements: Int = 65_536,
        maximumDepth: Int = 8, maximumLineLength: Int = 64 << 10
    ) {
        self.maximumBulkLength = maximumBulkLength
        self.maximumReplyBytes = maximumReplyBytes
        self.maximumElements = maximumElements
        self.maximumDepth = maximumDepth
        self.maximumLineLength = maximumLineLength
    }
}
