// Part of socketio-server, MIT licence; see LICENSE.

/// Reads HTTP/1 responses from bytes in any pieces.
///
/// Written apart from the server's own HTTP code, and strict, so that a test notices what a lenient client would forgive.
struct HTTPResponseParser {
    private enum State {
        case head
        case fixed(Int)
        case chunkSize
        case chunk(Int)
        case trailer
        case untilClose
    }

    private var state = State.head
    private var bytes: [UInt8] = []
    private var position = 0
    private var current = HTTPTestResponse(status: 0, reason: "", headers: [], body: [])

    /// Methods of the requests sent, oldest first: the answer to HEAD has no body.
    var pendingMethods: [String] = []

    /// What was received beyond the last whole response.
    mutating func takeRest() -> [UInt8] {
        defer {
            bytes = []
            position = 0
        }
        return Array(bytes[position...])
    }

    mutating func receive(_ new: some Sequence<UInt8>) {
        if position > 0 {
            bytes.removeFirst(position)
            position = 0
        }
        bytes.append(contentsOf: new)
    }

    /// The body that ends with the connection, or what is missing at the end of the connection.
    mutating func finish() throws -> HTTPTestResponse? {
        switch state {
        case .untilClose: return complete()
        case .head where position == bytes.count: return nil
        default: throw TestClientError.closed("in the middle of a response (\(current.status))")
        }
    }

    mutating func next() throws -> HTTPTestResponse? {
        while true {
            switch state {
            case .head:
                guard let end = find("\r\n\r\n") else { return nil }
                try parseHead(String(decoding: bytes[position..<end], as: UTF8.self))
                position = end + 4
                if let response = try beginBody() { return response }
            case .fixed(let count):
                guard bytes.count - position >= count else { return nil }
                take(count)
                return complete()
            case .chunkSize:
                guard let line = line() else { return nil }
                guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else {
                    throw TestClientError.protocolViolation("chunk size \(line)")
                }
                state = size == 0 ? .trailer : .chunk(size)
            case .chunk(let count):
                guard bytes.count - position >= count + 2 else { return nil }
                take(count)
                guard bytes[position] == 13, bytes[position + 1] == 10 else {
                    throw TestClientError.protocolViolation("no line end after a chunk")
                }
                position += 2
                state = .chunkSize
            case .trailer:
                guard let line = line() else { return nil }
                if line.isEmpty { return complete() }
            case .untilClose:
                take(bytes.count - position)
                return nil
            }
        }
    }

    private mutating func parseHead(_ head: String) throws {
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        let status = lines.removeFirst()
        let parts = status.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", let code = Int(parts[1]) else {
            throw TestClientError.protocolViolation("status line \(status)")
        }
        current = HTTPTestResponse(status: code, reason: parts.count > 2 ? String(parts[2]) : "", headers: [], body: [])
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, line.first != " ", line.first != "\t"
            else { throw TestClientError.protocolViolation("header line \(line)") }
            let value = line[line.index(after: colon)...].trimmingBlanks
            current.headers.append((String(line[..<colon]), value))
        }
    }

    private mutating func beginBody() throws -> HTTPTestResponse? {
        let informational = (100..<200).contains(current.status)
        let isFinal = !informational || current.status == 101
        let method = isFinal && !pendingMethods.isEmpty ? pendingMethods.removeFirst() : nil
        if informational || current.status == 204 || current.status == 304 || method == "HEAD" { return complete() }
        let lengths = current.values("content-length")
        if current["transfer-encoding"]?.lowercased() == "chunked" {
            guard lengths.isEmpty else { throw TestClientError.protocolViolation("chunked with Content-Length") }
            state = .chunkSize
        } else if let text = lengths.first {
            guard lengths.count == 1, let count = Int(text), count >= 0 else {
                throw TestClientError.protocolViolation("Content-Length \(lengths)")
            }
            state = .fixed(count)
        } else {
            state = .untilClose
        }
        return nil
    }

    private mutating func complete() -> HTTPTestResponse {
        state = .head
        return current
    }

    private mutating func take(_ count: Int) {
        current.body.append(contentsOf: bytes[position..<(position + count)])
        position += count
    }

    private mutating func line() -> String? {
        guard let end = find("\r\n") else { return nil }
        defer { position = end + 2 }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    private func find(_ pattern: StaticString) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            let count = pattern.utf8CodeUnitCount
            guard bytes.count >= count else { return nil }
            var index = position
            while index + count <= bytes.count {
                if bytes[index] == 13, (1..<count).allSatisfy({ bytes[index + $0] == pattern.utf8Start[$0] }) {
                    return index
                }
                index += 1
            }
            return nil
        }
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        var rest = self
        while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
