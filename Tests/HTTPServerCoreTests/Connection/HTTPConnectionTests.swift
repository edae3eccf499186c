// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPServerCore

@Suite("HTTP connections")
struct HTTPConnectionTests {
    private func get(_ target: String, _ lines: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n"
    }

    private func post(_ target: String, _ body: String, _ lines: String = "") -> String {
        "POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\(lines)\r\n\(body)"
    }

    @Test func anAnswerIsOneBufferWithItsLength() throws {
        let connection = try EmbeddedConnection()
        try connection.send(get("/socket.io/?a=1"))
        let output = try connection.output()
        #expect(output.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 19\r\nDate: "))
        #expect(output.hasSuffix("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nGET /socket.io/?a=1"))
        #expect(connection.isOpen)
        #expect(connection.service.exchanges.first?.request.clientAddress == "192.0.2.7")
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let service = ScriptedService { exchange in
            if exchange.request.target.hasSuffix("wait") { return }
            exchange.respond(.echo(exchange))
        }
        let connection = try EmbeddedConnection(service: service)
        try connection.send(get("/socket.io/wait") + post("/socket.io/2", "abc") + get("/socket.io/3"))
        #expect(try connection.output().isEmpty)
        #expect(service.exchanges.count == 1)
        service.exchanges[0].respond(.text("first"))
        #expect(try connection.output().answers().map(\.body) == ["first", "POST /socket.io/2", "GET /socket.io/3"])
    }

    @Test func theFirstAnswerWins() throws {
        let service = ScriptedService { exchange in
            exchange.respond(.text("one"))
            exchange.respond(.text("two"))
            exchange.refuseUpgrade(message: "three")
            #expect(!exchange.takeOver { _, _ in Issue.record("taken over after the answer") })
        }
        let connection = try EmbeddedConnection(service: service)
        try connection.send(get("/socket.io/"))
        #expect(try connection.output().answers().map(\.body) == ["one"])
    }

    @Test func connectionsEndWhenEitherSideSaysSo() throws {
        let closing = try EmbeddedConnection()
        try closing.send(get("/socket.io/", "Connection: close\r\n"))
        #expect(try closing.output().contains("Connection: close\r\n"))
        #expect(!closing.isOpen)

        let old = try EmbeddedConnection()
        try old.send("GET /socket.io/ HTTP/1.0\r\n\r\n")
        #expect(try old.output().hasPrefix("HTTP/1.1 200"))
        #expect(!old.isOpen)

        let service = ScriptedService { $0.respond(HTTPServerResponse(status: .ok, closeConnection: true)) }
        let asked = try EmbeddedConnection(service: service)
        try asked.send(get("/socket.io/") + get("/socket.io/"))
        #expect(try asked.output().answers().count == 1)
        #expect(!asked.isOpen)
    }

    @Test func headersCannotBeInjected() throws {
        let service = ScriptedService {
            $0.respond(HTTPServerResponse(status: .ok, headers: ["X-A": "1\r\nX-B: 2", "Content-Length": "99"]))
        }
        let connection = try EmbeddedConnection(service: service)
        try connection.send(get("/socket.io/"))
        let output = try connection.output()
        #expect(output.contains("X-A: 1  X-B: 2\r\n"))
        #expect(output.contains("Content-Length: 0\r\n") && !output.contains("99"))
    }

    @Test func bodyAndHeadOfHEAD() throws {
        let connection = try EmbeddedConnection()
        try connection.send("HEAD /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n")
        let output = try connection.output()
        #expect(output.contains("Content-Length: 16\r\n"))
        #expect(output.hasSuffix("\r\n\r\n"))
    }

    // MARK: Bodies

    private static func collecting(_ limit: Int) -> ScriptedService {
        ScriptedService { exchange in
            exchange.collectBody(limit: limit) { result in
                switch result {
                case .success(let body): exchange.respond(.text(String(buffer: body)))
                case .failure(.tooLarge): exchange.respond(HTTPServerResponse(status: .payloadTooLarge))
                case .failure(.aborted): exchange.respond(HTTPServerResponse(status: .badRequest))
                }
            }
        }
    }

    @Test func bodiesAreCollectedHoweverTheyAreCut() throws {
        let request = post("/socket.io/", "hello") + get("/socket.io/next")
        let chunked =
            "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
        for text in [request, chunked + get("/socket.io/next")] {
            let bytes = Array(text.utf8)
            for split in 0...bytes.count {
                let connection = try EmbeddedConnection(service: Self.collecting(5))
                try connection.send(ByteBuffer(bytes: bytes[..<split]))
                try connection.send(ByteBuffer(bytes: bytes[split...]))
                #expect(try connection.output().answers().map(\.body) == ["hello", ""], "split at \(split)")
            }
        }
    }

    @Test func tooLargeIsDecidedOnTheAnnouncement() throws {
        let connection = try EmbeddedConnection(service: Self.collecting(50))
        try connection.send("POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n")
        let output = try connection.output()
        #expect(output.hasPrefix("HTTP/1.1 413 Payload Too Large\r\n"))
        // A little too much is read and forgotten; the connection serves on.
        try connection.send(String(repeating: "x", count: 101) + post("/socket.io/", "ok"))
        #expect(try connection.output().answers().map(\.status) == [413, 200])
    }

    @Test func farTooLargeEndsTheConnection() throws {
        let connection = try EmbeddedConnection(service: Self.collecting(50))
        try connection.send("POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n")
        #expect(try connection.output().answers().map(\.status) == [413])
        #expect(!connection.isOpen)
    }

    @Test func chunkedBodiesAreCounted() throws {
        let head = "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        let fits = try EmbeddedConnection(service: Self.collecting(4))
        try fits.send(head + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")
        #expect(try fits.output().answers().map(\.body) == ["abcd"])
        let over = try EmbeddedConnection(service: Self.collecting(4))
        try over.send(head + "2\r\nab\r\n3\r\ncde\r\n")
        #expect(try over.output().answers().map(\.status) == [413])
        // The endless rest is not read for ever.
        for _ in 0..<300 where over.isOpen {
            try over.send("2000\r\n" + String(repeating: "x", count: 0x2000) + "\r\n")
        }
        #expect(!over.isOpen)
    }

    @Test func aBodyNobodyWantsIsSkipped() throws {
        let connection = try EmbeddedConnection()
        try connection.send(post("/socket.io/1", String(repeating: "x", count: 1000)) + get("/socket.io/2"))
        #expect(try connection.output().answers().map(\.body) == ["POST /socket.io/1", "GET /socket.io/2"])
    }

    @Test func continueIsSentWhenTheBodyIsWanted() throws {
        let head = "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        let wanted = try EmbeddedConnection(service: Self.collecting(10))
        try wanted.send(head)
        #expect(try wanted.output() == "HTTP/1.1 100 Continue\r\n\r\n")
        try wanted.send("ok")
        #expect(try wanted.output().hasSuffix("\r\n\r\nok"))
        let unwanted = try EmbeddedConnection()
        try unwanted.send(head)
        #expect(try unwanted.output().hasPrefix("HTTP/1.1 200 OK"))
        #expect(!unwanted.isOpen)
    }

    @Test func anAbortIsToldOnceAndInOrder() throws {
        let told = NIOLockedValueBox<[String]>([])
        let service = ScriptedService { exchange in
            exchange.onAbort { told.withLockedValue { $0.append("abort") } }
            exchange.collectBody(limit: 10) { result in
                told.withLockedValue { $0.append("body \(result)") }
            }
        }
        let connection = try EmbeddedConnection(service: service)
        try connection.send("POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx")
        connection.channel.pipeline.fireChannelInactive()
        service.exchanges[0].onAbort { told.withLockedValue { $0.append("late") } }
        service.exchanges[0].respond(.text("nobody"))
        #expect(
            told.withLockedValue { $0 } == [
                "body failure(HTTPServerCore.RequestBodyError.aborted)", "abort", "late",
            ])
    }

    // MARK: Errors and timeouts

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: x\r\nOrigin: a\u{1}b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "a", count: 17000) + "\r\n\r\n", 431),
        ("GET /" + String(repeating: "a", count: 100_000), 431),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("POST /socket.io/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ])
    func unreadableRequestsAreRefusedAndClosed(_ request: String, _ status: Int) throws {
        let connection = try EmbeddedConnection(service: ScriptedService { $0.collectBody(limit: 10) { _ in } })
        try connection.send(request)
        let output = try connection.output()
        #expect(output.answers().map(\.status) == [status])
        #expect(output.contains("Connection: close\r\n"))
        #expect(!connection.isOpen)
    }

    @Test func slowHeadsGet408() throws {
        let connection = try EmbeddedConnection()
        for byte in Array("GET / HT".utf8) {
            try connection.send(ByteBuffer(bytes: [byte]))
            connection.advance(by: .milliseconds(500))
        }
        #expect(connection.isOpen)
        connection.advance(by: .seconds(1))
        #expect(try connection.output().answers().map(\.status) == [408])
        #expect(!connection.isOpen)
    }

    @Test func silentConnectionsAreClosedWithoutAWord() throws {
        let silent = try EmbeddedConnection()
        silent.advance(by: .milliseconds(4999))
        #expect(silent.isOpen)
        silent.advance(by: .milliseconds(1))
        #expect(!silent.isOpen)
        #expect(try silent.output().isEmpty)

        let idle = try EmbeddedConnection { $0.limits.keepAliveTimeout = .seconds(20) }
        try idle.send(get("/socket.io/"))
        idle.advance(by: .seconds(19))
        try idle.send(get("/socket.io/"))
        idle.advance(by: .seconds(19))
        #expect(idle.isOpen)
        // The next head has its own time, however long the connection rested.
        try idle.send("GET ")
        idle.advance(by: .seconds(4))
        #expect(idle.isOpen)
        idle.advance(by: .seconds(1))
        #expect(try idle.output().answers().map(\.status) == [200, 200, 408])
    }

    @Test func slowBodiesGet408AndTheEngineHears() throws {
        let results = NIOLockedValueBox<[Result<ByteBuffer, RequestBodyError>]>([])
        let service = ScriptedService {
            $0.collectBody(limit: 99) { result in results.withLockedValue { $0.append(result) } }
        }
        let connection = try EmbeddedConnection(service: service)
        try connection.send("POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n")
        for _ in 0..<10 {
            #expect(connection.isOpen)
            try connection.send("x")
            connection.advance(by: .seconds(1))
        }
        #expect(try connection.output().answers().map(\.status) == [408])
        #expect(results.withLockedValue { $0 } == [.failure(.aborted)])
        #expect(!connection.isOpen)
    }

    @Test func heldPollsHaveNoDeadline() throws {
        let service = ScriptedService { _ in }
        let connection = try EmbeddedConnection(service: service)
        try connection.send(get("/socket.io/"))
        connection.advance(by: .hours(1))
        #expect(connection.isOpen)
        service.exchanges[0].respond(.text("late"))
        #expect(try connection.output().answers().map(\.body) == ["late"])
        connection.advance(by: .seconds(5))
        #expect(!connection.isOpen)
    }

    // MARK: Upgrades

    @Test func refusalsAreNodesBytes() throws {
        let service = ScriptedService { $0.refuseUpgrade(message: "Unsupported protocol version") }
        let connection = try EmbeddedConnection(service: service)
        try connection.send(get("/socket.io/", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + "frames")
        #expect(
            try connection.output()
                == "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\n"
                + "Content-Length: 28\r\n\r\nUnsupported protocol version")
        #expect(!connection.isOpen)
    }

    @Test func upgradesThatNothingAnswersAreEndedAfterAWhile() throws {
        let upgrade = get("/other", "Connection: Upgrade\r\nUpgrade: websocket\r\n")
        let ended = try EmbeddedConnection(service: ScriptedService { $0.leaveUnanswered() })
        try ended.send(upgrade + "frames")
        ended.advance(by: .milliseconds(999))
        #expect(ended.isOpen)
        ended.advance(by: .milliseconds(1))
        #expect(!ended.isOpen)
        #expect(try ended.output().isEmpty)
        #expect(ended.service.limits.withLockedValue { $0 } == [.unansweredUpgrade])
    }

    @Test func otherProtocolsThanWebSocketAreIgnored() throws {
        let connection = try EmbeddedConnection()
        let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        try connection.send(get("/socket.io/1", offer) + get("/socket.io/2", offer))
        #expect(try connection.output().answers().map(\.body) == ["GET /socket.io/1", "GET /socket.io/2"])
    }
}
