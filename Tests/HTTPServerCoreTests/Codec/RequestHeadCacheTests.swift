// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServerCore

/// What a parser makes of a head it has seen before is what one makes of it that has not.
@Suite("Repeated request heads")
struct RequestHeadCacheTests {
    private static let fields = "Host: x\r\nUser-Agent: test\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\n"

    /// Parses `texts` on one connection, and each on a connection of its own: heads, refusals and rests must agree.
    private func expectAgreement(_ texts: [String], size: Int = 4096, _ location: SourceLocation = #_sourceLocation) {
        var parser = RequestHeadParser(maximumSize: size, maximumHeaders: 10)
        for (index, text) in texts.enumerated() {
            var fresh = RequestHeadParser(maximumSize: size, maximumHeaders: 10)
            var buffer = ByteBuffer(string: text)
            var copy = buffer
            let expected = Result { () throws(HTTPRequestError) in try fresh.parse(&copy) }
            let found = Result { () throws(HTTPRequestError) in try parser.parse(&buffer) }
            #expect(found == expected, "head \(index): \(text)", sourceLocation: location)
            // After a refusal nobody reads on, and what is incomplete goes on in the same buffer.
            guard case .success(.some) = expected else { return }
            #expect(buffer == copy, "rest of head \(index)", sourceLocation: location)
        }
    }

    @Test func theSameHeadAgain() {
        let text = "POST /socket.io/?EIO=4 HTTP/1.1\r\n" + Self.fields + "body"
        expectAgreement([text, text, text])
    }

    @Test func theSameHeadersBehindOtherRequestLines() {
        expectAgreement(
            ["/a", "/bb?t=1", "/c", "http://host/absolute?x", "*", "/a"].flatMap { target in
                ["GET \(target) HTTP/1.1\r\n", "POST \(target) HTTP/1.1\r\n", "\r\nPUT \(target) HTTP/1.1\r\n"].map {
                    $0 + Self.fields + "rest"
                }
            })
    }

    @Test func anotherVersionMeansOtherThings() {
        let fields = "Host: x\r\nConnection: x\r\n\r\n"
        expectAgreement([
            "GET / HTTP/1.1\r\n" + fields, "GET / HTTP/1.0\r\n" + fields, "GET /a HTTP/1.0\r\n" + fields,
            "GET / HTTP/1.1\r\n" + fields,
        ])
        let chunked = "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        expectAgreement(["GET / HTTP/1.1\r\n" + chunked, "GET / HTTP/1.0\r\n" + chunked])
    }

    @Test(arguments: [
        "GET  / HTTP/1.1\r\n", "GET /\u{0} HTTP/1.1\r\n", "GET / HTTP/1.1\n", "GET /\rX: HTTP/1.1\r\n",
        "GET / HTTP/2.0\r\n", "G@T / HTTP/1.1\r\n",
        "GET nothing HTTP/1.1\r\n", " GET / HTTP/1.1\r\n", "GET /\u{7f} HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n", "/ HTTP/1.1\r\n", "\r\n\r\n\r\nGET / HTTP/1.1\r\n", "\n", "\0\r\n",
    ])
    func badRequestLinesBeforeKnownHeaders(_ line: String) {
        expectAgreement(["GET / HTTP/1.1\r\n" + Self.fields, line + Self.fields])
    }

    @Test(arguments: [
        "Host: x\r\nUser-Agent: test\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
        "Host: x\r\nUser-Agent: test\r\nContent-Length: 4\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n",
        "Host: x\r\nUser-Agent: test\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
        "Host: x\r\nUser-Agent: test\r\nContent-Length: 4\r\nConnection: keep-alive\r\n \r\n",
        "Host: x\r\nUser-Agent: test\r\nContent-Length : 4\r\nConnection: keep-alive\r\n\r\n",
        "\r\n",
    ])
    func otherHeadersAreParsed(_ fields: String) {
        expectAgreement([
            "GET / HTTP/1.1\r\n" + Self.fields, "GET / HTTP/1.1\r\n" + fields, "GET / HTTP/1.1\r\n" + Self.fields,
        ])
    }

    @Test func everySplitOfARepeatedHead() throws {
        let first = "GET /a HTTP/1.1\r\n" + Self.fields
        for second in [first, "POST /other?t=2 HTTP/1.1\r\n" + Self.fields] {
            var fresh = RequestHeadParser(maximumSize: 1024, maximumHeaders: 10)
            var whole = ByteBuffer(string: second)
            let expected = try fresh.parse(&whole)
            let bytes = Array((second + "rest").utf8)
            for split in 0...bytes.count {
                var parser = RequestHeadParser(maximumSize: 1024, maximumHeaders: 10)
                var buffer = ByteBuffer(string: first)
                _ = try parser.parse(&buffer)
                buffer = ByteBuffer(bytes: bytes[..<split])
                var head = try parser.parse(&buffer)
                buffer.writeBytes(bytes[split...])
                if head == nil { head = try parser.parse(&buffer) }
                #expect(head == expected, "split at \(split)")
                #expect(String(buffer: buffer) == "rest", "split at \(split)")
            }
        }
    }

    @Test func theLimitHoldsForALongerRequestLine() {
        let short = "GET / HTTP/1.1\r\n" + Self.fields
        let long = "GET /" + String(repeating: "a", count: 10) + " HTTP/1.1\r\n" + Self.fields
        expectAgreement([short, long], size: long.utf8.count)
        expectAgreement([short, long], size: long.utf8.count - 1)
    }

    @Test func longHeadsAndUpgradesAreNotKept() {
        let padding = "X-Long: " + String(repeating: "y", count: 2100) + "\r\n"
        let long = "GET / HTTP/1.1\r\n" + padding + Self.fields
        expectAgreement([long, long, "GET / HTTP/1.1\r\n" + Self.fields])
        let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        expectAgreement([upgrade, upgrade])
    }

    @Test func tokensAreThoseOfTheStandard() {
        let others = "!#$%&'*+-.^_`|~"
        for byte in UInt8.min...UInt8.max {
            let scalar = Unicode.Scalar(byte)
            let isLetter = byte < 128 && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            #expect(RequestHeadParser.isTokenByte(byte) == (isLetter || others.unicodeScalars.contains(scalar)))
        }
    }
}
