// Part of socketio-server, MIT licence; see LICENSE.

/// What one inbound Socket.IO packet may cost. An object, because all clients share one.
package final class PacketLimits: Sendable {
    /// Binary attachments of one packet. Default: 10, as in Node.js.
    package let maxAttachments: Int
    /// Bytes of the text and all attachments of one packet together. Default: 1,000,000.
    package let maxPacketBytes: Int
    /// Nesting of arrays and objects in the JSON part, at most 128. Default: 128.
    package let maxDepth: Int
    /// Bytes of a namespace, including the leading slash. Default: 512.
    package let maxNamespaceLength: Int
    /// Bytes between the quotes of an object's key, as the client wrote it. Default: 1,024.
    package let maxKeyLength: Int
    /// Bytes of an event's name as the client wrote it, without quotes. Default: 256.
    package let maxEventNameLength: Int

    package init(
        maxAttachments: Int = 10, maxPacketBytes: Int = 1_000_000, maxDepth: Int = 128, maxNamespaceLength: Int = 512,
        maxKeyLength: Int = 1024, maxEventNameLength: Int = 256
    ) {
        self.maxAttachments = maxAttachments
        self.maxPacketBytes = maxPacketBytes
        self.maxDepth = maxDepth
        self.maxNamespaceLength = maxNamespaceLength
        self.maxKeyLength = maxKeyLength
        self.maxEventNameLength = maxEventNameLength
    }

    /// The largest acknowledgement id: what a JavaScript number holds exactly.
    package static let maxAckID = 9_007_199_254_740_991
}
