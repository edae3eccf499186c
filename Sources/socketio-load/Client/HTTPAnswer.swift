// Part of socketio-server, MIT licence; see LICENSE.

/// Head of an HTTP answer, as far as a load generator needs it.
///
/// Read from the bytes as they lie there: a polling client gets two answers for each echo, and texts made of their lines would
/// cost more than everything else it does.
struct HTTPAnswer: Equatable {
    enum ReadResult: Equatable {
        case incomplete
        case answer(HTTPAnswer)
        case invalid(String)
    }

    /// How the end of the body is found.
    enum Framing: Equatable {
        case length(Int)
        case chunked
    }

    /// Longest head taken from a server.
    static let headLimit = 65536
    static let bodyLimit = 64 << 20

    var status: Int
    var headLength = 0
    var framing = Framing.length(0)
    var closes = false
    /// Whether the key of a WebSocket handshake was answered as it must be.
    var acceptsKey = false

    /// Reads the head at the beginning of `bytes`; the body may not have come yet.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> ReadResult {
        guard let statusLine = ByteLine.first(of: bytes, from: 0) else { return unfinished(bytes) }
        guard let status = status(statusLine.text) else { return .invalid("no HTTP/1.1 answer") }
        var answer = HTTPAnswer(status: status)
        var start = statusLine.end
        while let line = ByteLine.first(of: bytes, from: start) {
            start = line.end
            if line.text.isEmpty {
                answer.headLength = start
                return .answer(answer)
            }
            if let fault = answer.take(line.text) { return .invalid(fault) }
        }
        return unfinished(bytes)
    }

    private static func unfinished(_ bytes: UnsafeBufferPointer<UInt8>) -> ReadResult {
        bytes.count > headLimit ? .invalid("the head of the answer does not end") : .incomplete
    }

    /// The number in `HTTP/1.1 200 OK`.
    private static func status(_ line: UnsafeBufferPointer<UInt8>) -> Int? {
        guard line.count >= 12, line[8] == UInt8(ascii: " "), line.starts(with: "HTTP/1.".utf8),
            line.count == 12 || line[12] == UInt8(ascii: " ")
        else { return nil }
        return UnsafeBufferPointer(rebasing: line[9..<12]).decimal(atMost: 999)
    }

    /// Takes one header; what is wrong with it, or nil.
    private mutating func take(_ line: UnsafeBufferPointer<UInt8>) -> String? {
        guard let colon = line.offset(of: UInt8(ascii: ":"), from: 0) else { return "a header without a colon" }
        let name = UnsafeBufferPointer(rebasing: line[..<colon])
        // By length first: most headers say nothing that matters here.
        switch name.count {
        case 14 where name.equalsIgnoringCase("content-length"):
            let value = Self.value(line, behind: colon)
            guard let length = value.decimal(atMost: Self.bodyLimit) else {
                return "content-length \(String(decoding: value, as: UTF8.self))"
            }
            if framing != .chunked { framing = .length(length) }
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            let value = Self.value(line, behind: colon)
            guard value.equalsIgnoringCase("chunked") else {
                return "transfer-encoding \(String(decoding: value, as: UTF8.self)) is not supported"
            }
            framing = .chunked
        case 10 where name.equalsIgnoringCase("connection"):
            closes = Self.value(line, behind: colon).equalsIgnoringCase("close")
        case 20 where name.equalsIgnoringCase("sec-websocket-accept"):
            acceptsKey = Self.value(line, behind: colon).elementsEqual(WebSocketFrame.accept.utf8)
        default: break
        }
        return nil
    }

    private static func value(_ line: UnsafeBufferPointer<UInt8>, behind colon: Int) -> UnsafeBufferPointer<UInt8> {
        var start = colon + 1
        var end = line.count
        while start < end, line[start] == UInt8(ascii: " ") { start += 1 }
        while end > start, line[end - 1] == UInt8(ascii: " ") { end -= 1 }
        return UnsafeBufferPointer(rebasing: line[start..<end])
    }
}
