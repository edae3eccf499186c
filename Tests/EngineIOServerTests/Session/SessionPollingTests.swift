// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer

@Suite struct SessionPollingTests {
    typealias Server = SessionTestServer

    @Test func handshakeAnswersTheFiveKeysAlone() async throws {
        try await Server.run(
            onOpen: { $0.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "hello"))))) }
        ) { server in
            let wire = try await server.connect()
            let response = try await wire.get(Server.polling)
            #expect(response.status == 200)
            #expect(response.header("content-type") == "text/plain; charset=UTF-8")
            #expect(response.header("cache-control") == "no-store")
            let sid = try Server.sid(in: response.body)
            #expect(sid.utf8.count == 20)
            #expect(
                response.body == "0{\"sid\":\"\(sid)\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
                    + "\"pingTimeout\":20000,\"maxPayload\":1000000}")
            // What the layer above sends when it hears of the session comes with the next poll.
            #expect(try await wire.get(Server.target("polling", sid)).body == "4hello")
            #expect(server.engine.clientsCount == 1)
        }
    }

    @Test(arguments: [1, 2, 4])
    func postsAreEchoedThroughPolls(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            // Connections go to the loops in turn, so polls and posts arrive on loops other than the session's.
            for _ in 0..<loops {
                let wires = [try await server.connect(), try await server.connect()]
                let sid = try await server.openPolling(wires[0])
                let target = Server.target("polling", sid)
                for number in 0..<20 {
                    try await wires[1].send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
                    let post = try await wires[0].post(target, "4\(number)\u{1e}bAQID")
                    #expect(post.status == 200)
                    #expect(post.body == "ok")
                    #expect(post.header("content-type") == "text/html")
                    #expect(try await wires[1].response().body == "4\(number)\u{1e}bAQID")
                }
            }
        }
    }

    @Test(arguments: [1, 2])
    func aSecondPollEndsTheSession(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            let (first, second) = (try await server.connect(), try await server.connect())
            let sid = try await server.openPolling(first)
            let target = Server.target("polling", sid)
            try await first.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            // The first poll has to be there first.
            try await eventually("held poll") { await server.isWritable(sid) }
            let refused = try await second.get(target)
            #expect(refused.status == 400)
            #expect(refused.body == "")
            let held = try await first.response()
            #expect(held.status == 200)
            #expect(held.body == "1")
            #expect(try await server.closeReason(sid) == "transport error|overlap from client")
            let later = try await second.get(target)
            #expect(later.status == 400)
            #expect(later.body == "{\"code\":1,\"message\":\"Session ID unknown\"}")
        }
    }

    @Test func aSecondPostEndsTheSession() async throws {
        try await Server.run { server in
            let (first, second) = (try await server.connect(), try await server.connect())
            let sid = try await server.openPolling(first)
            let target = Server.target("polling", sid)
            try await first.send("POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4ab")
            try await eventually("post") {
                let refused = try await second.post(target, "4x")
                return refused.status == 400 && refused.body == ""
            }
            #expect(try await server.closeReason(sid) == "transport error|data request overlap from client")
            #expect(try await first.response().status == 400)
        }
    }

    @Test func refusesWhatIsNoPostBody() async throws {
        try await Server.run({ $0.maxHttpBufferSize = 1000 }) { server in
            var wire = try await server.connect()
            var sid = try await server.openPolling(wire)
            var response = try await wire.post(
                Server.target("polling", sid), "4x", headers: "Content-Type: application/octet-stream\r\n")
            // Only the first of two equal headers counts.
            #expect(response.status == 200)

            try await wire.send(
                "POST \(Server.target("polling", sid)) HTTP/1.1\r\nHost: x\r\n"
                    + "Content-Type: application/octet-stream\r\nContent-Length: 1\r\n\r\nx")
            response = try await wire.response()
            #expect(response.status == 400)
            #expect(try await server.closeReason(sid) == "transport error|invalid content")

            wire = try await server.connect()
            sid = try await server.openPolling(wire)
            response = try await wire.post(Server.target("polling", sid), String(repeating: "4", count: 1001))
            #expect(response.status == 413)
            #expect(response.body == "")
            #expect(try await server.closeReason(sid) == "transport error|payload too large")

            wire = try await server.connect()
            sid = try await server.openPolling(wire)
            response = try await wire.post(Server.target("polling", sid), "4good\u{1e}abc")
            #expect(response.status == 400)
            #expect(response.body == "{\"code\":3,\"message\":\"Bad request\"}")
            #expect(try await server.closeReason(sid).hasPrefix("parse error|"))

            wire = try await server.connect()
            sid = try await server.openPolling(wire)
            response = try await wire.post(Server.target("polling", sid), "2")
            #expect(try await server.closeReason(sid) == "transport error|invalid heartbeat direction")
        }
    }

    @Test func aClosePacketReleasesThePoll() async throws {
        try await Server.run(loops: 2) { server in
            let (first, second) = (try await server.connect(), try await server.connect())
            let sid = try await server.openPolling(first)
            let target = Server.target("polling", sid)
            try await first.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("held poll") { await server.isWritable(sid) }
            #expect(try await second.post(target, "1").body == "ok")
            #expect(try await first.response().body == "6")
            #expect(try await server.closeReason(sid).hasPrefix("transport close|"))
        }
    }

    @Test func anOrderlyCloseWaitsForThePoll() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            var sid = try await server.openPolling(wire)
            server.session(sid)?.close()
            try await eventually("closing") { await server.isClosing(sid) }
            #expect(try await wire.get(Server.target("polling", sid)).body == "6\u{1e}1")
            #expect(try await server.closeReason(sid) == "forced close|")

            sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "last")))))
            session.close()
            session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "late")))))
            try await eventually("closing") { await server.isClosing(sid) }
            #expect(try await wire.get(Server.target("polling", sid)).body == "4last")
            #expect(try await wire.get(Server.target("polling", sid)).body == "6\u{1e}1")

            sid = try await server.openPolling(wire)
            try await wire.send("GET \(Server.target("polling", sid)) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("held poll") { await server.isWritable(sid) }
            server.session(sid)?.close()
            #expect(try await wire.response().body == "1")
            #expect(try await server.closeReason(sid) == "forced close|")
        }
    }

    @Test func aPollThatDropsEndsTheSession() async throws {
        try await Server.run(loops: 2) { server in
            let (first, second) = (try await server.connect(), try await server.connect())
            let sid = try await server.openPolling(first)
            try await second.send("GET \(Server.target("polling", sid)) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("held poll") { await server.isWritable(sid) }
            second.close()
            #expect(try await server.closeReason(sid) == "transport error|poll connection closed prematurely")

            let third = try await server.connect()
            let other = try await server.openPolling(first)
            try await third.send(
                "POST \(Server.target("polling", other)) HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4a")
            third.close()
            #expect(
                try await server.closeReason(other) == "transport error|data request connection closed prematurely")
        }
    }

    @Test func refusalsFollowTheOrderOfTheSpecification() async throws {
        try await Server.run(loops: 2) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            func expect(_ request: String, _ status: Int, _ body: String) async throws {
                try await wire.send("\(request) HTTP/1.1\r\nHost: x\r\n\r\n")
                let response = try await wire.response()
                #expect(response.status == status, "\(request)")
                #expect(response.body == body, "\(request)")
            }
            let json = { (code: Int, text: String) in "{\"code\":\(code),\"message\":\"\(text)\"}" }
            try await expect("GET /socket.io/?EIO=4&transport=abc", 400, json(0, "Transport unknown"))
            try await expect("GET /socket.io/?EIO=4", 400, json(0, "Transport unknown"))
            try await expect("GET /socket.io/?EIO=4&transport=__proto__", 400, json(0, "Transport unknown"))
            try await expect("GET \(Server.target("polling", "nope"))", 400, json(1, "Session ID unknown"))
            try await expect("POST \(Server.polling)", 400, json(2, "Bad handshake method"))
            try await expect("PUT \(Server.polling)", 400, json(2, "Bad handshake method"))
            try await expect("GET \(Server.websocket)", 400, json(3, "Bad request"))
            try await expect("GET \(Server.target("websocket", sid))", 400, json(3, "Bad request"))
            try await expect("GET /socket.io/?EIO=3&transport=polling", 400, json(5, "Unsupported protocol version"))
            try await expect("PUT \(Server.target("polling", sid))", 500, "")
        }
    }

    @Test func compressesLargeAnswersOnly() async throws {
        try await Server.run({ $0.httpCompression = HTTPCompressionConfiguration() }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let target = Server.target("polling", sid)
            #expect(try await wire.post(target, "4" + String(repeating: "a", count: 2000)).body == "ok")
            let large = try await wire.get(target, headers: "Accept-Encoding: gzip, deflate\r\n")
            #expect(large.header("content-encoding") == "gzip")
            #expect(large.body.utf8.count < 200)
            #expect(try await wire.post(target, "4a").body == "ok")
            let small = try await wire.get(target, headers: "Accept-Encoding: gzip, deflate\r\n")
            #expect(small.header("content-encoding") == nil)
            #expect(small.body == "4a")
        }
    }

    @Test func hooksCookieAndGateAreAsked() async throws {
        let refusals = NIOLockedValueBox<[EngineConnectionError]>([])
        try await Server.run(
            loops: 2,
            {
                $0.cookie = CookieConfiguration()
                $0.initialHeaders = { headers, _ in headers.add(name: "X-First", value: "1") }
                $0.headers = { headers, info in headers.add(name: "X-Every", value: info.method) }
                $0.onConnectionError = { error in refusals.withLockedValue { $0.append(error) } }
                $0.allowRequest = { info in
                    await Task.yield()
                    return info.query["token"] == "good" ? .allow : .refuse("not \"you\"")
                }
            }
        ) { server in
            let wire = try await server.connect()
            let refused = try await wire.get(Server.polling)
            #expect(refused.status == 403)
            #expect(refused.body == "{\"code\":4,\"message\":\"not \\\"you\\\"\"}")
            // The hook is told on the session's loop, the client by the connection's: either may come first.
            try await eventually("the refusal is reported") { refusals.withLockedValue { !$0.isEmpty } }
            let refusal = try #require(refusals.withLockedValue { $0.first })
            #expect(refusal.code == .forbidden)
            #expect(refusal.message == "Forbidden")
            #expect(refusal.context["message"] == "not \"you\"")

            let opened = try await wire.get(Server.polling + "&token=good")
            let sid = try Server.sid(in: opened.body)
            #expect(opened.header("set-cookie") == "io=\(sid); Path=/; HttpOnly; SameSite=Lax")
            #expect(opened.header("x-first") == "1")
            #expect(opened.header("x-every") == "GET")
            let post = try await wire.post(Server.target("polling", sid), "4a")
            #expect(post.header("set-cookie") == nil)
            #expect(post.header("x-first") == nil)
            #expect(post.header("x-every") == "POST")

            let upgrade = try await server.connect().upgrade(Server.websocket + "&token=good")
            #expect(upgrade.status == 101)
            #expect(upgrade.header("set-cookie")?.hasPrefix("io=") == true)
            #expect(upgrade.header("x-first") == "1")

            let raw = try await server.connect().upgrade(Server.websocket)
            #expect(raw.status == 400)
            #expect(raw.body == "not \"you\"")
            #expect(raw.header("connection") == "close")
        }
    }

    @Test func idsMayComeFromTheApplication() async throws {
        let next = NIOLockedValueBox(0)
        try await Server.run(
            loops: 4,
            {
                $0.generateId = { _ in
                    let number = next.withLockedValue { value in
                        value += 1
                        return value
                    }
                    if number == 3 { throw WireError.malformed("no id") }
                    return number == 2 ? "custom-1" : "custom-\(number)"
                }
            }
        ) { server in
            let wire = try await server.connect()
            #expect(try await server.openPolling(wire) == "custom-1")
            for other in [try await server.connect(), try await server.connect()] {
                let refused = try await other.get(Server.polling)
                #expect(refused.status == 400)
                #expect(refused.body == "{\"code\":3,\"message\":\"Bad request\"}")
            }
            // The id names no shard, and is found from any loop.
            for _ in 0..<4 {
                let response = try await server.connect().post(Server.target("polling", "custom-1"), "4a")
                #expect(response.body == "ok")
            }
        }
    }
}

extension SessionTestServer {
    /// Whether the session of `sid` would send at once; asked on its loop.
    func isWritable(_ sid: String) async -> Bool {
        guard let session = session(sid) else { return false }
        return await session.isWritable
    }
}
