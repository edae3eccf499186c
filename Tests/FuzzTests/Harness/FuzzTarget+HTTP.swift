// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOHTTP1

@testable internal import EngineIOServer

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
        let received = outcome.bodies.reduce(0) { $0 + $1.count }
        try require(received <= input.bytes.count, "bodies of \(received) bytes in \(input.bytes.count)")
    }
}

/// What a connection makes of its bytes.
private enum HTTPClient {
    static let maximumHeaders = 12

    struct Outcome: Equatable {
        var heads: [RequestHead] = []
        var bodies: [[UInt8]] = []
        var completed = 0
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
        for piece in pieces {
            buffer.writeBytes(piece)
            do throws(HTTPRequestError) {
                while outcome.error == nil, !outcome.isUpgraded {
                    if body != nil {
                        guard let event = try body?.next(&buffer) else { break }
                        switch event {
                        case .data(let data): outcome.bodies[outcome.bodies.count - 1] += data.readableBytesView
                        case .end:
                            outcome.completed += 1
                            body = nil
                        }
                    } else {
                        guard let head = try parser.parse(&buffer) else { break }
                        outcome.heads.append(head)
                        outcome.bodies.append([])
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
