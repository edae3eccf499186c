// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOHTTP1

@testable internal import EngineIOServer
@testable internal import HTTPServerCore

extension FuzzTarget {
    /// Requests one after the other on a connection: heads, bodies with a length, chunked bodies.
    static let http = FuzzTarget(name: "http", maximumLength: 4096) { input in
        let outcome = try input.inAllPieces { pieces in HTTPClient.read(pieces) }
        for head in outcome.heads {
            try require(head.headers.count <= HTTPClient.maximumHeaders, "\(head.headers.count) headers")
            try require(head.target.utf8.first == UInt8(ascii: "/") || head.target == "*", "target \(head.target)")
            // Larger, because repaired text is longer.
            var parser = RequestHeadParser(maximumSize: 65_536, maximumHeaders: HTTPClient.maximumHeaders)
            var text = ByteBuffer(string: HTTPClient.text(head))
            let again: RequestHead?
            do {
                again = try parser.parse(&text)
            } catch {
                throw FuzzFinding("\(HTTPClient.text(head).debugDescription) was read, and is refused: \(error)")
            }
            try require(again == head, "written and read again, a head is another one: \(HTTPClient.text(head))")
            try require(text.readableBytes == 0, "bytes are left of a head")
        }
        // What follows an upgrade is no body.
        for index in outcome.heads.indices where !outcome.heads[index].isUpgrade {
            try checkBody(index, of: outcome, in: input.bytes)
        }
    }

    /// A body has the bytes that its length or its chunks say, and ends where they say.
    private static func checkBody(_ index: Int, of outcome: HTTPClient.Outcome, in bytes: [UInt8]) throws {
        let body = outcome.bodies[index]
        let end = outcome.ends.indices.contains(index) ? outcome.ends[index] : nil
        let start = outcome.starts[index]
        switch outcome.heads[index].framing {
        case .none:
            try require(body.isEmpty, "a body of \(body.count) bytes where there is none")
        case .length(let length):
            try require(
                end == nil ? body.count < length : body.count == length, "\(body.count) bytes, \(length) announced")
            try require(bytes[start...].starts(with: body), "a body has other bytes than were sent")
        case .chunked:
            let chunks = ChunkedBody(bytes[start...])
            if let end {
                try require(
                    chunks.end == end && chunks.data == body, "chunks are read as \(body) up to \(end), not \(chunks)")
            } else {
                try require(chunks.data.starts(with: body), "chunks are read as \(body), not \(chunks)")
                try require(
                    outcome.error != nil || chunks.end == nil && !chunks.isMalformed,
                    "the last chunk, or a malformed one, is not seen: \(chunks)")
            }
        }
    }
}

/// A chunked body read in the plainest way, without limits.
private struct ChunkedBody {
    /// What its chunks hold, as far as they have come.
    var data: [UInt8] = []
    /// Where the next request begins; nil when it is not complete, or malformed.
    var end: Int?
    var isMalformed = false

    init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while let line = Self.line(&rest) {
            let digits = line.prefix { $0 != UInt8(ascii: ";") }
            guard digits.allSatisfy({ "0123456789abcdefABCDEF".utf8.contains($0) }),
                let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
            else {
                isMalformed = true
                return
            }
            if size == 0 {
                while let trailer = Self.line(&rest) {
                    guard trailer.isEmpty else { continue }
                    end = rest.startIndex
                    return
                }
                return
            }
            data += rest.prefix(size)
            rest = rest.dropFirst(size)
            guard rest.count >= 2 else { return }
            guard rest.starts(with: [0x0D, 0x0A]) else {
                isMalformed = true
                return
            }
            rest = rest.dropFirst(2)
        }
    }

    /// Takes a line without its CR LF off the front.
    private static func line(_ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let lineFeed = bytes.firstIndex(of: 0x0A), bytes[..<lineFeed].last == 0x0D else { return nil }
        defer { bytes = bytes[(lineFeed + 1)...] }
        return bytes[..<(lineFeed - 1)]
    }
}

/// What a connection makes of its bytes.
private enum HTTPClient {
    static let maximumHeaders = 12

    struct Outcome: Equatable {
        var heads: [RequestHead] = []
        var bodies: [[UInt8]] = []
        /// Where each body begins, and where each that is complete ends.
        var starts: [Int] = []
        var ends: [Int] = []
        var error: HTTPRequestError?
        var isUpgraded = false
        /// Behind an upgrade.
        var rest: [UInt8] = []
    }

    static func read(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
        var parser = RequestHeadParser(maximumSize: 1024, maximumHeaders: maximumHeaders)
        var body: RequestBodyDecoder?
        var outcome = Outcome()
        var buffer = ByteBuffer()
        var received = 0
        for piece in pieces {
            buffer.writeBytes(piece)
            received += piece.count
            do throws(HTTPRequestError) {
                while outcome.error == nil, !outcome.isUpgraded {
                    if body != nil {
                        guard let event = try body?.next(&buffer) else { break }
                        switch event {
                        case .data(let data): outcome.bodies[outcome.bodies.count - 1] += data.readableBytesView
                        case .end:
                            outcome.ends.append(received - buffer.readableBytes)
                            body = nil
                        }
                    } else {
                        guard let head = try parser.parse(&buffer) else { break }
                        outcome.heads.append(head)
                        outcome.bodies.append([])
                        outcome.starts.append(received - buffer.readableBytes)
                        outcome.isUpgraded = head.isUpgrade
                        body = RequestBodyDecoder(head.framing)
                    }
                }
            } catch {
                outcome.error = error
            }
        }
        if outcome.isUpgraded { outcome.rest = Array(buffer.readableBytesView) }
        return outcome
    }

    static func text(_ head: RequestHead) -> String {
        var text = "\(head.method.rawValue) \(head.target) HTTP/1.\(head.version.minor)\r\n"
        for (name, value) in head.headers { text += "\(name):\(value)\r\n" }
        return text + "\r\n"
    }
}
