// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOHTTP1

/// Writes response heads as bytes (RFC 9112, 4 and 6).
struct ResponseSerializer {
    /// How the body that follows is delimited.
    enum Framing: Equatable {
        /// No length is named: the status has no body, or the connection's end delimits it.
        case unstated
        case length(Int)
        case chunked
    }

    var status: HTTPResponseStatus
    /// Headers of CORS and middlewares; those of the answer with the same name do not replace them.
    var presetHeaders: HTTPHeaders = [:]
    var headers: HTTPHeaders
    var framing: Framing
    /// Seconds the connection is kept afterwards; nil when it ends.
    var keepAlive: Int?
    var date: String?

    /// Statuses that end with their head whatever the headers say.
    static func hasNoBody(_ status: HTTPResponseStatus) -> Bool {
        status.code < 200 || status == .noContent || status == .notModified
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(status.code))
        buffer.writeStaticString(" ")
        Self.writeText(status.reasonPhrase, into: &buffer)
        buffer.writeStaticString("\r\n")
        for (name, value) in presetHeaders { writeField(name, value, into: &buffer) }
        for (name, value) in headers { writeField(name, value, into: &buffer) }
        switch framing {
        case .unstated:
            break
        case .length(let length):
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(length))
            buffer.writeStaticString("\r\n")
        case .chunked:
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        if let date, !headers.contains(name: "date") {
            buffer.writeStaticString("Date: ")
            buffer.writeString(date)
            buffer.writeStaticString("\r\n")
        }
        if let keepAlive {
            buffer.writeStaticString("Connection: keep-alive\r\nKeep-Alive: timeout=")
            buffer.writeString(String(keepAlive))
            buffer.writeStaticString("\r\n\r\n")
        } else {
            buffer.writeStaticString("Connection: close\r\n\r\n")
        }
    }

    private func writeField(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
        switch name.utf8.count {
        case 10 where name.equalsIgnoringCase("connection"), 10 where name.equalsIgnoringCase("keep-alive"),
            17 where name.equalsIgnoringCase("transfer-encoding"):
            // Facts about this connection, which only this layer knows.
            return
        case 14 where name.equalsIgnoringCase("content-length"):
            guard framing == .unstated else { return }
        default:
            break
        }
        Self.writeText(name, into: &buffer)
        buffer.writeStaticString(": ")
        Self.writeText(value, into: &buffer)
        buffer.writeStaticString("\r\n")
    }

    /// Control characters become blanks: a value taken from a request must not be able to begin another header.
    static func writeText(_ text: String, into buffer: inout ByteBuffer) {
        let isClean = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        if isClean {
            buffer.writeString(text)
        } else {
            buffer.writeBytes(text.utf8.map { $0 >= 0x20 && $0 != 0x7F ? $0 : 0x20 })
        }
    }
}
