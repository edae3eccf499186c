// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
internal import NIOHTTP1

/// Writes response heads as bytes (RFC 9112, 4 and 6).
package struct ResponseSerializer {
    /// How the body that follows is delimited.
    enum Framing: Equatable {
        /// No length is given: the status has no body, or the end of the connection delimits it.
        case unstated
        case length(Int)
        case chunked
    }

    var status: HTTPResponseStatus
    /// Headers of CORS and middlewares. Headers of the answer with the same name do not replace them.
    var presetHeaders: HTTPHeaders = [:]
    /// See `HTTPServerResponse`. They must not contain the body's length, the date or the connection.
    var fixedLines: StaticString = ""
    var headers: HTTPHeaders
    var framing: Framing
    /// How many seconds the connection is kept open after the response; nil when it ends.
    var keepAlive: Int?
    var date: String?

    /// Whether a response with this status ends with its head, whatever its headers say.
    static func hasNoBody(_ status: HTTPResponseStatus) -> Bool {
        switch status {
        case .ok: false
        case .noContent, .notModified: true
        default: status.code < 200
        }
    }

    /// The space for everything except reason, date and headers.
    private static let fixedSize = 192

    func write(into buffer: inout ByteBuffer) {
        var capacity = Self.fixedSize + status.reasonPhrase.utf8.count + (date?.utf8.count ?? 0)
        capacity += fixedLines.utf8CodeUnitCount
        for (name, value) in presetHeaders { capacity += name.utf8.count + value.utf8.count + 4 }
        for (name, value) in headers { capacity += name.utf8.count + value.utf8.count + 4 }
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { target in
            var writer = HeadWriter(UnsafeMutableRawBufferPointer(rebasing: target[..<capacity]))
            write(to: &writer)
            return writer.count
        }
    }

    private func write(to writer: inout HeadWriter) {
        if case .ok = status {
            writer.append("HTTP/1.1 200 OK\r\n")
        } else {
            writer.append("HTTP/1.1 ")
            writer.append(Int(status.code))
            writer.append(" ")
            writer.append(text: status.reasonPhrase)
            writer.append("\r\n")
        }
        for (name, value) in presetHeaders { writeField(name, value, to: &writer) }
        writer.append(fixedLines)
        var statesDate = false
        for (name, value) in headers {
            if name.utf8.count == 4, name.equalsIgnoringCase("date") { statesDate = true }
            writeField(name, value, to: &writer)
        }
        switch framing {
        case .unstated:
            break
        case .length(let length):
            writer.append("Content-Length: ")
            writer.append(length)
            writer.append("\r\n")
        case .chunked:
            writer.append("Transfer-Encoding: chunked\r\n")
        }
        if let date, !statesDate {
            writer.append("Date: ")
            writer.append(plain: date)
            writer.append("\r\n")
        }
        if let keepAlive {
            writer.append("Connection: keep-alive\r\nKeep-Alive: timeout=")
            writer.append(keepAlive)
            writer.append("\r\n\r\n")
        } else {
            writer.append("Connection: close\r\n\r\n")
        }
    }

    private func writeField(_ name: String, _ value: String, to writer: inout HeadWriter) {
        switch name.utf8.count {
        case 10 where name.equalsIgnoringCase("connection"), 10 where name.equalsIgnoringCase("keep-alive"),
            17 where name.equalsIgnoringCase("transfer-encoding"):
            // These headers state facts about the connection, which only this layer knows.
            return
        case 14 where name.equalsIgnoringCase("content-length"):
            guard framing == .unstated else { return }
        default:
            break
        }
        writer.append(text: name)
        writer.append(": ")
        writer.append(text: value)
        writer.append("\r\n")
    }

    /// Control characters become blanks, so that a value taken from a request cannot begin another header.
    package static func writeText(_ text: String, into buffer: inout ByteBuffer) {
        let capacity = text.utf8.count
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { target in
            var writer = HeadWriter(UnsafeMutableRawBufferPointer(rebasing: target[..<capacity]))
            writer.append(text: text)
            return writer.count
        }
    }
}

/// Fills memory, piece by piece, whose size was computed before. Bytes that do not fit, which would be an error in that
/// computation, are cut off.
private struct HeadWriter {
    private let target: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    mutating func append(_ text: StaticString) {
        let length = min(text.utf8CodeUnitCount, target.count - count)
        guard length > 0, let base = target.baseAddress else { return }
        (base + count).copyMemory(from: text.utf8Start, byteCount: length)
        count += length
    }

    /// Appends a text of the server's own, which has no control characters.
    mutating func append(plain text: String) {
        count += text.withBytes { bytes in
            let length = min(bytes.count, target.count - count)
            UnsafeMutableRawBufferPointer(rebasing: target[count...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
            return length
        }
    }

    /// Appends a text; its control characters become blanks.
    mutating func append(text: String) {
        let start = count
        count += text.withBytes { bytes in
            let length = min(bytes.count, target.count - start)
            for index in 0..<length {
                let byte = bytes[index]
                target[start + index] = byte >= 0x20 && byte != 0x7F ? byte : 0x20
            }
            return length
        }
    }

    mutating func append(_ number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0, count < target.count {
            target[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10)
            count += 1
            divisor /= 10
        }
    }
}
