// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import HTTPServerCore
package import NIOCore

/// Records what the engine does, as an access log does. Called on event loops; must not block for long.
package protocol EngineObserver: Sendable {
    /// Whether ``refused(_:)`` and ``answered(_:)`` are wanted, too; asked once, when a listener is made.
    var wantsRequests: Bool { get }
    /// A session is over.
    func ended(_ session: SessionRecord)
    /// The engine refused a request.
    func refused(_ refusal: RefusalRecord)
    /// A request was answered, or given up.
    func answered(_ request: RequestRecord)
}

/// One finished session.
package struct SessionRecord: Sendable {
    /// Shortened: the whole one is a secret.
    package let sid: String
    /// The transport at its end.
    package let transport: TransportName
    package let clientAddress: String
    package let duration: TimeAmount
    package let usage: SessionUsage
    /// The reason that application handlers see.
    package let reason: String
    package let detail: String?
}

/// One refused request.
package struct RefusalRecord: Sendable {
    /// Of Engine.IO; nil for a handshake that is not let in now.
    package let code: Int?
    /// The code's text, or what stands in the way.
    package let reason: String
    /// Shortened; nil for handshakes.
    package let sid: String?
    package let clientAddress: String

    package init(code: Int?, reason: String, sid: String?, clientAddress: String) {
        self.code = code
        self.reason = reason
        self.sid = sid
        self.clientAddress = clientAddress
    }
}

/// One answered request.
package struct RequestRecord: Sendable {
    /// Empty when the head could not be read.
    package let method: String
    /// Without the query, which may hold secrets.
    package let path: String
    /// Shortened; nil when the query names none.
    package let sid: String?
    /// Nil when the request was given up without an answer.
    package let status: UInt?
    /// Head and body.
    package let bytesSent: Int
    package let duration: TimeAmount
    package let clientAddress: String
}

/// What one session has sent and received, for its line in the log.
package struct SessionUsage: Sendable {
    package fileprivate(set) var messagesReceived = 0
    package fileprivate(set) var bytesReceived = 0
    package fileprivate(set) var messagesSent = 0
    /// As WebSocket frames, before compression.
    package fileprivate(set) var bytesSent = 0
}

/// Counts the traffic of one session while there is an observer; confined to its event loop.
final class SessionMeter {
    private(set) var usage = SessionUsage()
    let openedAt = NIODeadline.now()

    func received(_ message: EngineMessage) {
        usage.messagesReceived += 1
        switch message {
        case .text(let bytes), .binary(let bytes): usage.bytesReceived += bytes.readableBytes
        }
    }

    func sent(_ weight: ShardTraffic.Weight) {
        usage.messagesSent += weight.messages
        usage.bytesSent += weight.bytes
    }
}

extension RequestRecord {
    init(_ record: HTTPRequestRecord) {
        let target = record.target
        self.method = record.method
        // A path of kilobytes is nobody's but an attacker's.
        self.path = String(Substring(target.utf8.prefix { $0 != UInt8(ascii: "?") })).prefix(maximumBytes: 256)
        self.sid =
            target.withBytes { $0.contains("sid=") }
            ? QueryParameters(target: target)["sid"].map(LogText.shortened) : nil
        self.status = record.status
        self.bytesSent = record.bytesSent
        self.duration = record.duration
        self.clientAddress = record.clientAddress
    }
}
