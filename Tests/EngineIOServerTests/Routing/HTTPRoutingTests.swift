// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import Testing

@testable import EngineIOServer

@Suite("HTTP routing")
struct HTTPRoutingTests {
    private static let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

    private func get(_ target: String, _ lines: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n"
    }

    @Test(arguments: [
        ("/socket.io/?EIO=4", true), ("/socket.io/whatever", true), ("/socket.io?EIO=4", false),
        ("/socket.iofoo", false), ("/", false), ("/socket.io", false), ("/socket.io/../x", true), ("*", false),
        ("http://host/socket.io/?x", true),
    ])
    func thePrefixDecides(_ target: String, _ isOurs: Bool) throws {
        let connection = try EmbeddedConnection()
        try connection.send(get(target))
        #expect(connection.engine.exchanges.count == (isOurs ? 1 : 0))
        #expect(try connection.output().answers().map(\.status) == [isOurs ? 200 : 404])
    }

    @Test func foreignUpgradesAreEndedAfterAWhile() throws {
        let ended = try EmbeddedConnection()
        try ended.send(get("/other", Self.upgrade) + "frames")
        ended.advance(by: .milliseconds(999))
        #expect(ended.isOpen)
        ended.advance(by: .milliseconds(1))
        #expect(!ended.isOpen)
        #expect(try ended.output().isEmpty)
        let left = try EmbeddedConnection { $0.destroyUpgrade = false }
        try left.send(get("/other", Self.upgrade))
        #expect(try left.output().answers().map(\.status) == [404])
    }

    @Test(arguments: [
        ("/io?EIO=4", true), ("/io", true), ("/io/x", true), ("/iofoo", false), ("/i", false),
    ])
    func withoutSlashThePathMustEnd(_ target: String, _ isOurs: Bool) throws {
        let connection = try EmbeddedConnection {
            $0.path = "/io/"
            $0.addTrailingSlash = false
        }
        try connection.send(get(target))
        #expect(connection.engine.exchanges.count == (isOurs ? 1 : 0))
    }

    @Test(arguments: [
        "/socket.io/../../etc/passwd", "/socket.io/%2e%2e%2fsocket.io.js", "/socket.io/..%5csocket.io.js",
        "/socket.io/socket.io.js%00", "/socket.io//socket.io.js", "/socket.io/socket.io.jsx",
        "/socket.io/client/socket.io.js",
    ])
    func onlyTheEightNamesAreFiles(_ target: String) throws {
        let connection = try EmbeddedConnection { $0.clientDirectory = "/" }
        try connection.send(get(target))
        #expect(connection.engine.exchanges.count == 1)
    }

    @Test func missingClientFilesNameTheRemedy() throws {
        let connection = try EmbeddedConnection()
        try connection.send(get("/socket.io/socket.io.js"))
        let answer = try #require(try connection.output().answers().first)
        #expect(answer.status == 404 && answer.body.contains("make client"))
        let disabled = try EmbeddedConnection { $0.serveClient = false }
        try disabled.send(get("/socket.io/socket.io.js"))
        #expect(disabled.engine.exchanges.count == 1)
    }

    @Test func clientFilesTakeGetAndHeadOnly() throws {
        let connection = try EmbeddedConnection()
        try connection.send("POST /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        let output = try connection.output()
        #expect(output.answers().map(\.status) == [405] && output.contains("Allow: GET, HEAD\r\n"))
    }

    // MARK: CORS

    @Test func corsHeadersStandOnEveryAnswer() throws {
        let engine = ScriptedEngine { $0.respond(.refusal(.unknownTransport)) }
        let connection = try EmbeddedConnection(engine: engine) {
            $0.cors = CORSConfiguration(
                origin: .list(["http://a.example"]), exposedHeaders: ["X-A", "X-B"], credentials: true)
        }
        try connection.send(get("/socket.io/?transport=abc", "Origin: http://a.example\r\n"))
        let answer = try #require(try connection.output().answers().first)
        #expect(answer.status == 400 && answer.body == #"{"code":0,"message":"Transport unknown"}"#)
        #expect(answer.head.contains("Access-Control-Allow-Origin: http://a.example\r\nVary: Origin\r\n"))
        #expect(answer.head.contains("Access-Control-Expose-Headers: X-A,X-B\r\n"))
        #expect(answer.head.contains("Content-Type: application/json\r\n"))
    }

    @Test func presetHeadersReachTheUpgrade() throws {
        let connection = try EmbeddedConnection(engine: ScriptedEngine { _ in }) { $0.cors = CORSConfiguration() }
        try connection.send(get("/socket.io/?transport=websocket", Self.upgrade + "Origin: http://a\r\n"))
        #expect(connection.engine.exchanges.first?.presetHeaders["access-control-allow-origin"] == ["*"])
    }

    @Test func enforcedOriginsAreRefusedOnBothTransports() throws {
        let refused = NIOLockedValueBox<[EngineErrorCode]>([])
        func connection() throws -> EmbeddedConnection {
            try EmbeddedConnection {
                $0.cors = CORSConfiguration(origin: .list(["http://a.example"]))
                $0.onConnectionError = { error in refused.withLockedValue { $0.append(error.code) } }
            }
        }
        let polling = try connection()
        try polling.send(get("/socket.io/", "Origin: http://evil.example\r\n"))
        #expect(try polling.output().answers().map(\.status) == [403])
        #expect(
            try polling.output().hasSuffix(#"{"code":4,"message":"Forbidden: cors.origin does not allow this origin"}"#)
        )
        let webSocket = try connection()
        try webSocket.send(get("/socket.io/", Self.upgrade + "Origin: http://evil.example\r\n"))
        #expect(try webSocket.output().hasPrefix("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n"))
        #expect(!webSocket.isOpen)
        #expect(refused.withLockedValue { $0 } == [.forbidden, .forbidden])
        for line in ["", "Origin: http://a.example\r\n"] {
            let allowed = try connection()
            try allowed.send(get("/socket.io/", line))
            #expect(try allowed.output().answers().map(\.status) == [200])
        }
    }

    @Test func preflightsMayGoOn() throws {
        let connection = try EmbeddedConnection {
            $0.cors = CORSConfiguration(maxAge: .seconds(60), preflightContinue: true)
        }
        try connection.send("OPTIONS /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n")
        let answer = try #require(try connection.output().answers().first)
        #expect(answer.body == "OPTIONS /socket.io/" && answer.head.contains("Access-Control-Max-Age: 60\r\n"))
    }

    // MARK: Middlewares

    @Test func middlewaresRunInOrderAndAddHeaders() async throws {
        let order = NIOLockedValueBox<[Int]>([])
        try await TestServer.with(
            configure: {
                $0.middlewares = [
                    { _ in
                        order.withLockedValue { $0.append(1) }
                        return .next(["X-One": "1"])
                    },
                    { info in
                        order.withLockedValue { $0.append(2) }
                        return info.query["stop"] == nil
                            ? .next() : .respond(status: .unauthorized, body: ByteBuffer(string: "stop"))
                    },
                ]
            },
            { server in
                let client = try await server.connect()
                try await client.send(get("/socket.io/?a") + get("/socket.io/?stop=1") + get("/socket.io/?b"))
                let answers = try await client.answers(3)
                #expect(answers.map(\.body) == ["GET /socket.io/?a", "stop", "GET /socket.io/?b"])
                #expect(answers.map(\.status) == [200, 401, 200])
                #expect(answers.allSatisfy { $0.head.contains("X-One: 1\r\n") })
                #expect(order.withLockedValue { $0 } == [1, 2, 1, 2, 1, 2])
            })
    }

    @Test func aFailingMiddlewareIsCodeThree() async throws {
        let contexts = NIOLockedValueBox<[[String: String]]>([])
        let engine = ScriptedEngine()
        try await TestServer.with(
            engine: engine,
            configure: {
                $0.middlewares = [{ _ in .fail("no") }]
                $0.onConnectionError = { error in contexts.withLockedValue { $0.append(error.context) } }
            },
            { server in
                let client = try await server.connect()
                try await client.send(get("/socket.io/"))
                #expect(try await client.answers(1)[0].body == #"{"code":3,"message":"Bad request"}"#)
                try await client.send(get("/socket.io/", Self.upgrade))
                try await client.wait { received, isClosed in isClosed && received.hasSuffix("\r\n\r\nBad request") }
                #expect(engine.exchanges.isEmpty)
                #expect(
                    contexts.withLockedValue { $0.map { $0["name"] } } == ["MIDDLEWARE_FAILURE", "MIDDLEWARE_FAILURE"])
            })
    }

    @Test func aMiddlewareIsCancelledWithItsConnection() async throws {
        let started = NIOLockedValueBox(false)
        let cancelled = NIOLockedValueBox(false)
        try await TestServer.with(
            configure: {
                $0.middlewares = [
                    { _ in
                        started.withLockedValue { $0 = true }
                        try? await Task.sleep(for: .seconds(60))
                        cancelled.withLockedValue { $0 = Task.isCancelled }
                        return .next()
                    }
                ]
            },
            { server in
                let client = try await server.connect()
                try await client.send(get("/socket.io/"))
                #expect(await holdsSoon { started.withLockedValue { $0 } })
                try await client.close()
                #expect(await holdsSoon { cancelled.withLockedValue { $0 } })
            })
    }
}
