// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import NIOCore
internal import NIOHTTP1

/// Finds and checks one request head in a stream of bytes (RFC 9112, 2–5).
///
/// This parser is our own, and strict, for three reasons. NIO's decoder stops for good at any request that offers an
/// upgrade, so a refused or ignored one (many clients send `Upgrade: h2c`) would end the connection. The bytes after
/// the head of an upgrade must stay where they are until the connection is handed over; a second parser in front of the
/// decoder would have to agree with it in every case. And it refuses everything that two parsers on the way could read
/// differently: bare CR or LF, folded lines, doubtful lengths, blanks before a colon.
struct RequestHeadParser {
    /// The limit for request line and headers together, in bytes.
    let maximumSize: Int
    let maximumHeaders: Int

    /// How many bytes after the reader index have been searched without finding the end of the head.
    private var scanned = 0
    /// Where the line being searched begins, relative to the reader index.
    private var lineStart = 0
    /// The last head, since clients send the same headers with every request of a connection.
    private var known = RequestHeadCache()

    init(maximumSize: Int, maximumHeaders: Int) {
        self.maximumSize = maximumSize
        self.maximumHeaders = maximumHeaders
    }

    /// Removes a head from the front of `buffer`; nil when it is not complete, in which case the bytes stay in the
    /// buffer.
    ///
    /// Between two calls, bytes may only be appended to the buffer.
    mutating func parse(_ buffer: inout ByteBuffer) throws(HTTPRequestError) -> RequestHead? {
        guard buffer.readableBytes > 0, skipEmptyLines(&buffer) else { return nil }
        if scanned == 0, let head = repeated(&buffer) { return head }
        let (length, fault) = findEnd(buffer)
        if let fault { throw fault }
        guard let length else {
            // A head that is too long already cannot become valid by waiting for more bytes.
            if buffer.readableBytes > maximumSize { throw .headTooLarge }
            return nil
        }
        guard length <= maximumSize else { throw .headTooLarge }
        scanned = 0
        lineStart = 0
        let result: Result<RequestHead, HTTPRequestError> = buffer.readWithUnsafeReadableBytes { bytes in
            let text = UnsafeRawBufferPointer(rebasing: bytes[..<length])
            do throws(HTTPRequestError) {
                let head = try Self.parseHead(text, maximumHeaders: maximumHeaders)
                known.remember(head, text)
                return (length, .success(head))
            } catch {
                return (length, .failure(error))
            }
        }
        return try result.get()
    }

    /// The head at the front of `buffer`, if it equals the last one or differs from it only in the request line.
    /// Otherwise nil, and the head has to be parsed.
    private mutating func repeated(_ buffer: inout ByteBuffer) -> RequestHead? {
        guard known.isUsable else { return nil }
        let (found, length) = buffer.withUnsafeReadableBytes { bytes in
            known.match(bytes, maximumSize: maximumSize) { line in try? Self.parseRequestLine(line) }
        }
        buffer.moveReaderIndex(forwardBy: length)
        return found
    }

    /// Skips empty lines before a request (RFC 9112, 2.2); old clients send one after a body. False when one more byte
    /// is needed to recognise an empty line.
    private func skipEmptyLines(_ buffer: inout ByteBuffer) -> Bool {
        guard scanned == 0 else { return true }
        while buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) == 0x0D0A {
            buffer.moveReaderIndex(forwardBy: 2)
        }
        return buffer.readableBytes != 1 || buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) != 0x0D
    }

    /// The length of the head including its empty line. Every line must end in CR LF.
    private mutating func findEnd(_ buffer: ByteBuffer) -> (length: Int?, fault: HTTPRequestError?) {
        var scanned = self.scanned
        var lineStart = self.lineStart
        defer {
            self.scanned = scanned
            self.lineStart = lineStart
        }
        return buffer.withUnsafeReadableBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, maximumSize + 1)])
            while scanned < bytes.count {
                let lineFeed = bytes.firstOffset(of: 0x0A, from: scanned)
                let end = lineFeed ?? bytes.count
                if UnsafeRawBufferPointer(rebasing: bytes[scanned..<end]).firstOffset(of: 0) != nil {
                    return (nil, .malformed("NUL in the head"))
                }
                guard let lineFeed else {
                    scanned = end
                    break
                }
                guard lineFeed > 0, bytes[lineFeed - 1] == 0x0D else {
                    return (nil, .malformed("a line ends without CR"))
                }
                if lineFeed - 1 == lineStart { return (lineFeed + 1, nil) }
                lineStart = lineFeed + 1
                scanned = lineStart
            }
            return (nil, nil)
        }
    }

    private static func parseHead(
        _ bytes: UnsafeRawBufferPointer, maximumHeaders: Int
    ) throws(HTTPRequestError) -> RequestHead {
        var position = 0
        guard let requestLine = nextLine(bytes, &position) else { throw .malformed("no request line") }
        let (method, target, version) = try parseRequestLine(requestLine)
        var fields: [(String, String)] = []
        fields.reserveCapacity(16)
        var semantics = HeadSemantics(version: version)
        while let line = nextLine(bytes, &position), !line.isEmpty {
            guard fields.count < maximumHeaders else { throw .tooManyHeaders }
            let (name, value) = try parseField(line)
            try semantics.note(name: name, value: value)
            fields.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
        return try semantics.finish(method: method, target: target, headers: HTTPHeaders(fields))
    }

    /// The next line without its CR LF. The end of the head was found before, so every line has one.
    private static func nextLine(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> UnsafeRawBufferPointer? {
        guard let end = bytes.firstOffset(of: 0x0A, from: position), end > position else { return nil }
        let line = UnsafeRawBufferPointer(rebasing: bytes[position..<(end - 1)])
        position = end + 1
        return line
    }

    private static func parseRequestLine(
        _ line: UnsafeRawBufferPointer
    ) throws(HTTPRequestError) -> (method: HTTPMethod, target: String, version: HTTPVersion) {
        guard let first = line.firstIndex(of: 0x20), let last = line.lastIndex(of: 0x20), first > 0, last > first else {
            throw .malformed("the request line has not three parts")
        }
        let version = UnsafeRawBufferPointer(rebasing: line[(last + 1)...])
        guard version.count == 8, version.starts(with: "HTTP/".utf8), version[6] == UInt8(ascii: "."),
            isDigit(version[5]), isDigit(version[7])
        else {
            throw .malformed("no HTTP version")
        }
        guard version[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        guard line[..<first].allSatisfy(isTokenByte) else { throw .malformed("the method is not a token") }
        let target = line[(first + 1)..<last]
        guard target.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw .malformed("the target holds a blank or control character")
        }
        guard let origin = originForm(String(decoding: target, as: UTF8.self)) else {
            throw .malformed("the target is not a path")
        }
        return (
            HTTPMethod(rawValue: String(decoding: line[..<first], as: UTF8.self)), origin,
            version[7] == UInt8(ascii: "0") ? .http1_0 : .http1_1
        )
    }

    /// The path and query of a target. RFC 9112, 3.2.2 requires the absolute form to be understood, too.
    private static func originForm(_ target: String) -> String? {
        if target.utf8.first == UInt8(ascii: "/") || target.hasSameBytes(as: "*") { return target }
        let lowered = String(decoding: target.utf8.prefix(8), as: UTF8.self).asciiLowercased
        let scheme = lowered.beginsWithBytes(of: "http://") ? 7 : lowered.beginsWithBytes(of: "https://") ? 8 : 0
        guard scheme > 0 else { return nil }
        let rest = target.utf8.dropFirst(scheme)
        guard let slash = rest.firstIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }) else {
            return "/"
        }
        let path = target[slash...]
        return path.utf8.first == UInt8(ascii: "/") ? String(path) : "/" + path
    }

    private static func parseField(
        _ line: UnsafeRawBufferPointer
    ) throws(HTTPRequestError) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        if UnsafeRawBufferPointer.isBlank(line[0]) { throw .malformed("a header is folded") }
        guard let colon = line.firstOffset(of: UInt8(ascii: ":")), colon > 0 else {
            throw .malformed("a header has no name")
        }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        guard name.allSatisfy(isTokenByte) else { throw .malformed("a header name is not a token") }
        let value = UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]).trimmed
        guard value.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
            throw .malformed("a header value holds a control character")
        }
        return (name, value)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// RFC 9110, 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``, as one bit for each of the 128 codes.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        let bits: UInt64 = byte < 64 ? 0x03FF_6CFA_0000_0000 : byte < 128 ? 0x57FF_FFFF_C7FF_FFFE : 0
        return bits >> UInt64(byte & 63) & 1 == 1
    }
}
