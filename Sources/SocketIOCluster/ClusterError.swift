// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOServer

/// Why an operation that involves other nodes failed. The module is `SocketIOCluster`; `SocketIORedis` exports it.
public struct ClusterError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure. More may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The kind as text, for logs.
        public let description: String

        /// The other nodes cannot be reached: no node was asked and nothing was sent.
        public static let unavailable = Code(description: "unavailable")
        /// Not all nodes have answered in time.
        public static let timeout = Code(description: "timeout")
        /// Too many messages waited to be sent, or this one waited too long; it was not sent.
        public static let dropped = Code(description: "dropped")
        /// The connection was lost before the message was confirmed; it may or may not have arrived.
        public static let unconfirmed = Code(description: "unconfirmed")
        /// A message is larger than nodes send each other, ``ClusterConfiguration/maxMessageBytes``.
        public static let oversized = Code(description: "oversized")
        /// The limit of questions that wait for answers of other nodes has been reached; no node was asked.
        public static let overloaded = Code(description: "overloaded")
        /// The cluster has been closed.
        public static let closed = Code(description: "closed")
        /// A setting cannot be used.
        public static let configuration = Code(description: "configuration")
    }

    /// The kind of failure.
    public let code: Code
    /// The failure as a sentence; for time-outs it is the text that Node gives.
    public let message: String
    /// Tags of the nodes of this kind that have not answered.
    public var missing: [String] = []
    /// How many answers are missing from nodes that do not name themselves, such as Node.js servers.
    public var missingForeign = 0
    /// The answers of `serverSideEmitWithAck` that did arrive.
    public var responses: [EventArguments] = []

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The failure as a sentence, with the nodes that did not answer.
    public var description: String {
        var parts: [String] = []
        if !missing.isEmpty { parts.append("no answer of \(missing.joined(separator: ", "))") }
        if missingForeign > 0 { parts.append("servers without a tag that did not answer: \(missingForeign)") }
        return parts.isEmpty ? message : "\(message) (\(parts.joined(separator: "; ")))"
    }

    package static func unavailable(_ reason: String) -> ClusterError {
        ClusterError(.unavailable, "adapter unavailable: \(reason)")
    }

    package static let closed = ClusterError(.closed, "the cluster has been closed")
    package static let dropped = ClusterError(.dropped, "too much waits to be sent")
    package static let unconfirmed = ClusterError(
        .unconfirmed, "the connection was lost before the message was confirmed")

    /// - Parameter name: what the setting is called that moves the limit.
    package static func tooLarge(_ bytes: Int, limit: Int, name: String) -> ClusterError {
        ClusterError(.oversized, "too large: \(bytes) bytes, nodes send each other at most \(limit) (\(name))")
    }

    /// Another node cannot answer. The text is that node's own, so a peer may have put anything into it.
    static func refused(by text: String) -> ClusterError {
        ClusterError(
            .oversized, "another node could not answer: \(String(decoding: text.utf8.prefix(300), as: UTF8.self))")
    }

    package static let oversized = ClusterError(.oversized, "a message is over the limit")
}
