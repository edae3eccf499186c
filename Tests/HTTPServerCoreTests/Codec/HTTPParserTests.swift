// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServerCore

@Suite("HTTP request parsing")
struct HTTPParserTests {
    private func parse(_ text: String, size: Int = 16 * 1024, headers: Int = 100) throws -> (RequestHead?, String) {
        var parser = RequestHeadParser(maximumSize: size, maximumHeaders: headers)
        var buffer = ByteBuffer(string: text)
        let head = try parser.parse(&buffer)
        return (head, String(buffer: buffer))
    }

    @Test func aHeadIsParsedAndTheRestStays() throws {
        let (head, rest) = try parse("GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two:  y \t\r\n\r\nrest")
        #expect(head?.method == .GET)
        #expect(head?.target == "/a?b=c")
        #expect(head?.version == .http1_1)
        #expect(head?.headers["x-two"] == ["y"])
        #expect(head?.keepAlive == true)
        #expect(head?.framing == RequestHead.Framing.none)
        #expect(rest == "rest")
    }

    @Test func everySplitGivesTheSameHead() throws {
        let text = "\r\nPOST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
        let whole = try parse(text).0
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            var parser = RequestHeadParser(maximumSize: 1024, maximumHeaders: 10)
            var buffer = ByteBuffer(bytes: bytes[..<split])
            var head = try parser.parse(&buffer)
            buffer.writeBytes(bytes[split...])
            if head == nil { head = try parser.parse(&buffer) }
            #expect(head == whole, "split at \(split)")
            #expect(String(buffer: buffer) == "body", "split at \(split)")
        }
        var parser = RequestHeadParser(maximumSize: 1024, maximumHeaders: 10)
        var buffer = ByteBuffer()
        var found: RequestHead?
        for byte in bytes.dropLast(4) {
            #expect(found == nil)
            buffer.writeInteger(byte)
            found = try parser.parse(&buffer)
        }
        #expect(found == whole)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: a\u{7F}b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nOrigin: a\u{1}b\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / /b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET / http/1.1\r\nHost: x\r\n\r\n",
        "GET /\r\nHost: x\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
        " / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\n",
    ])
    func doubtfulHeadsAreMalformed(_ text: String) {
        let error = #expect(throws: HTTPRequestError.self) { try parse(text) }
        #expect(error?.status == .badRequest)
    }

    @Test func otherFaultsHaveTheirStatus() {
        #expect(throws: HTTPRequestError.unsupportedVersion) { try parse("PRI * HTTP/2.0\r\n\r\n") }
        #expect(throws: HTTPRequestError.unknownTransferCoding) {
            try parse("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
        }
        #expect(throws: HTTPRequestError.expectationFailed) {
            try parse("POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n")
        }
    }

    @Test func limitsHoldAtTheBoundary() throws {
        let head = "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n"
        #expect(try parse(head, size: head.utf8.count).0 != nil)
        #expect(throws: HTTPRequestError.headTooLarge) { try parse(head, size: head.utf8.count - 1) }
        #expect(try parse(head, headers: 2).0 != nil)
        #expect(throws: HTTPRequestError.tooManyHeaders) { try parse(head, headers: 1) }
        // Without an end in sight, too.
        #expect(throws: HTTPRequestError.headTooLarge) {
            try parse("GET /" + String(repeating: "a", count: 100_000))
        }
        let many = (0..<5000).map { "h\($0): v\r\n" }.joined()
        #expect(throws: HTTPRequestError.headTooLarge) { try parse("GET / HTTP/1.1\r\nHost: x\r\n\(many)\r\n") }
    }

    @Test(arguments: [
        ("http://example.com/a?b", "/a?b"), ("HTTP://example.com", "/"), ("https://h?x=1", "/?x=1"), ("*", "*"),
        ("/ä", "/ä"),
    ])
    func targetsBecomePaths(_ sent: String, _ expected: String) throws {
        #expect(try parse("OPTIONS \(sent) HTTP/1.1\r\nHost: x\r\n\r\n").0?.target == expected)
    }

    @Test func connectionHeadersAreUnderstood() throws {
        func head(_ lines: String, version: String = "1.1") throws -> RequestHead? {
            try parse("GET / HTTP/\(version)\r\nHost: x\r\n\(lines)\r\n").0
        }
        #expect(try head("Connection: close\r\n")?.keepAlive == false)
        #expect(try head("Connection: x, CLOSE\r\n")?.keepAlive == false)
        #expect(try head("", version: "1.0")?.keepAlive == false)
        #expect(try head("Connection: Keep-Alive\r\n", version: "1.0")?.keepAlive == true)
        #expect(try head("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n")?.isUpgrade == true)
        #expect(try head("Connection: Upgrade\r\nUpgrade: h2c, websocket/13\r\n")?.isUpgrade == true)
        #expect(try head("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n")?.isUpgrade == false)
        #expect(try head("Upgrade: websocket\r\n")?.isUpgrade == false)
        #expect(try head("Connection: Upgrade\r\nUpgrade: websocket\r\n", version: "1.0")?.isUpgrade == false)
        #expect(try head("Expect: 100-Continue\r\nContent-Length: 1\r\n")?.expectsContinue == true)
    }
}

@Suite("HTTP request bodies")
struct HTTPBodyDecoderTests {
    private func decode(
        _ text: String, _ framing: RequestHead.Framing, pieces: Int = .max
    ) throws -> (body: String, rest: String, ended: Bool) {
        var decoder = RequestBodyDecoder(framing)
        var buffer = ByteBuffer()
        var body = ""
        var ended = false
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty || buffer.readableBytes > 0 || text.isEmpty {
            buffer.writeBytes(bytes.prefix(pieces))
            bytes = bytes.dropFirst(pieces)
            while !ended, let event = try decoder.next(&buffer) {
                switch event {
                case .data(let data): body += String(buffer: data)
                case .end: ended = true
                }
            }
            if bytes.isEmpty { break }
        }
        return (body, String(buffer: buffer), ended)
    }

    @Test(arguments: [Int.max, 1, 2, 3, 7])
    func bodiesEndWhereTheyShould(pieces: Int) throws {
        let plain = try decode("hello, world", .length(5), pieces: pieces)
        #expect(plain.body == "hello" && plain.rest == ", world" && plain.ended)
        let chunked = try decode(
            "3\r\nabc\r\n0A;name=\"v\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET", .chunked, pieces: pieces)
        #expect(chunked.body == "abc0123456789" && chunked.rest == "GET" && chunked.ended)
        let empty = try decode("next", .none, pieces: pieces)
        #expect(empty.body.isEmpty && empty.rest == "next" && empty.ended)
    }

    @Test(arguments: [
        "\r\n", "x\r\n", "-1\r\n", "3\nabc", "3\r\nabcd\r\n", "3\r\nabc\n\r", "1000000000000000\r\n",
        "ffffffffffffffff\r\n",
        ";\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "0x3\r\n", "3;\0\r\n",
    ])
    func badChunksAreMalformed(_ text: String) {
        let error = #expect(throws: HTTPRequestError.self) { try decode(text, .chunked) }
        #expect(error?.status == .badRequest)
    }

    /// A line has 1,024 bytes at most before its end, and the pieces that bring it may end anywhere.
    @Test(arguments: [Int.max, 1, 1023, 1024, 1025, 1026])
    func theLongestLineMayBeCutAnywhere(pieces: Int) throws {
        func body(_ extended: Int) -> String {
            "1;" + String(repeating: "e", count: extended) + "\r\nx\r\n0\r\n\r\n"
        }
        let longest = try decode(body(1022), .chunked, pieces: pieces)
        #expect(longest.body == "x" && longest.ended)
        #expect(throws: HTTPRequestError.self) { try decode(body(1023), .chunked, pieces: pieces) }
    }

    @Test func extensionsAndTrailersAreBounded() {
        let extended = String(repeating: "1;\(String(repeating: "e", count: 500))\r\nx\r\n", count: 100)
        #expect(throws: HTTPRequestError.self) { try decode(extended, .chunked) }
        #expect(throws: HTTPRequestError.self) {
            try decode("1;" + String(repeating: "e", count: 5000), .chunked)
        }
        #expect(throws: HTTPRequestError.self) {
            try decode("0\r\n" + String(repeating: "Trailer: 12345678901234567890\r\n", count: 2000), .chunked)
        }
    }
}
