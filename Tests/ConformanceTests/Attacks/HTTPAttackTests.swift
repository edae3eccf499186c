// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOTesting
import Testing

/// Attacks on the HTTP side, by the numbers of docs/security.md (1–9): the answer is as the table says, and
/// the server serves the next client.
@Suite("Attacks on HTTP and polling")
struct HTTPAttackTests {
    private static let engine = "/engine.io/"
    private static let handshake = "/engine.io/?EIO=4&transport=polling"

    @Test("1: refusals and their codes")
    func refusals() async throws {
        try await ServerUnderTest.engineEcho { address in
            let cases: [(method: String, query: String, code: Int)] = [
                ("GET", "EIO=4&transport=abc", 0), ("GET", "EIO=4&transport=__proto__", 0), ("GET", "EIO=4", 0),
                ("GET", "EIO=4&transport=", 0), ("GET", "EIO=4&transport=webtransport", 0),
                ("GET", "EIO=9&transport=polling", 5), ("GET", "EIO=4&transport=polling&sid=abc", 1),
                ("GET", "EIO=4&transport=polling&sid=", 1),
                ("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 1),
                ("PUT", "EIO=4&transport=polling", 2), ("DELETE", "EIO=4&transport=polling", 2),
                ("POST", "EIO=4&transport=polling", 2), ("GET", "EIO=4&transport=websocket", 3),
            ]
            let texts = [
                "Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden",
                "Unsupported protocol version",
            ]
            for item in cases where item.query != "EIO=4&transport=polling&sid=" {
                let response = try await request(address, .init(item.method, Self.engine + "?" + item.query))
                #expect(response.status == 400, "\(item)")
                #expect(response.text == #"{"code":\#(item.code),"message":"\#(texts[item.code])"}"#, "\(item)")
                #expect(response["content-type"] == "application/json")
            }
        }
    }

    @Test("2: a binary POST is refused and answered")
    func binaryPost() async throws {
        try await ServerUnderTest.engineEcho { address in
            let session = try await PollingSession(address)
            let response = try await session.post("4a", headers: [("Content-Type", "application/octet-stream")])
            #expect(response.status == 400)
            #expect(response.body.isEmpty)
            #expect(try await session.poll().status == 400)
        }
    }

    @Test("3: bodies over the limit, announced, chunked, and lengths that lie")
    func oversizedBodies() async throws {
        try await ServerUnderTest.engineEcho { address in
            let announced = try await PollingSession(address)
            let first = try await HTTPTestConnection.connect(to: address)
            // Only the head: the announced length decides.
            try await first.write("POST \(announced.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n")
            #expect(try await first.responses.next().status == 413)
            try await first.waitUntilClosed()
            #expect(try await announced.poll().status == 400)

            let huge = try await PollingSession(address)
            let fourth = try await HTTPTestConnection.connect(to: address)
            try await fourth.write(
                "POST \(huge.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999999\r\n\r\n")
            #expect([400, 413].contains(try await fourth.responses.next().status))
            try await fourth.waitUntilClosed()

            let chunked = try await PollingSession(address)
            let second = try await HTTPTestConnection.connect(to: address)
            try await second.write("POST \(chunked.path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 0x34, count: 65536) + Array("\r\n".utf8)
            let writing = Task { for _ in 0..<1000 { try await second.write(chunk) } }
            #expect(try await second.responses.next().status == 413)
            try await second.waitUntilClosed()
            _ = try? await writing.value
            #expect(try await chunked.poll().status == 400)

            // Shorter than announced, then gone: the session ends.
            let short = try await PollingSession(address)
            let third = try await HTTPTestConnection.connect(to: address)
            try await third.write("POST \(short.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n4abc")
            await third.close()
            try await eventually("the session to end") { try await short.poll(within: .seconds(1)).status == 400 }

            // Longer than announced: the rest is no request.
            let long = try await PollingSession(address)
            let fifth = try await HTTPTestConnection.connect(to: address)
            try await fifth.write("POST \(long.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n4abcdefg\r\n\r\n")
            #expect(try await fifth.responses.next().status == 200)
            #expect(try await fifth.responses.next().status == 400)
            try await fifth.waitUntilClosed()
        }
    }

    @Test("4: payloads that are no payloads, or too many packets")
    func badPayloads() async throws {
        try await ServerUnderTest.engineEcho { address in
            let bodies: [[UInt8]] = [
                [0x34, 0xFF, 0xFE], [0x34, 0xED, 0xA0, 0x80], Array(repeating: 0x1E, count: 10_000), [],
                Array("7abc".utf8), Array("9".utf8), Array("\u{1e}4a".utf8),
                Array(Array(repeating: "3", count: 30_000).joined(separator: "\u{1e}").utf8),
            ]
            for (index, body) in bodies.enumerated() {
                let session = try await PollingSession(address)
                #expect(try await session.post(body).status == 400, "body \(index)")
                #expect(try await session.poll().status == 400, "body \(index)")
            }
            // Packets that a client must not send, but can: the session ends, whatever the POST is told.
            for body in ["2", Array(repeating: "2", count: 30_000).joined(separator: "\u{1e}")] {
                let session = try await PollingSession(address)
                _ = try await session.post(body)
                #expect(try await session.poll().status == 400)
            }
            // Base64 that is none is read as far as it goes, as Node does.
            let binary = try await PollingSession(address)
            #expect(try await binary.post("b!!!!").status == 200)
            #expect(try await binary.poll().text == "b")
            // 1,024 packets are allowed, one more is not.
            let within = try await PollingSession(address)
            let pongs = Array(repeating: "3", count: 1023).joined(separator: "\u{1e}") + "\u{1e}4a"
            #expect(try await within.post(pongs).status == 200)
            #expect(try await within.poll().text == "4a")
            let over = try await PollingSession(address)
            #expect(try await over.post(pongs + "\u{1e}4b").status == 400)
        }
    }

    @Test("5: two POSTs at once")
    func overlappingPosts() async throws {
        try await ServerUnderTest.engineEcho { address in
            let session = try await PollingSession(address)
            let first = try await HTTPTestConnection.connect(to: address)
            try await first.write("POST \(session.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n4a")
            try await eventually("the second POST to be refused") {
                try await session.post("4b").status == 400
            }
            #expect(try await session.poll().status == 400)
        }
    }

    @Test("6: polls held open and cut, many times")
    func cutPolls() async throws {
        try await ServerUnderTest.engine { server in
            for _ in 0..<200 {
                let session = try await PollingSession(server.address)
                let connection = try await HTTPTestConnection.connect(to: server.address)
                try await connection.send(.init("GET", session.path))
                await connection.reset()
            }
            try await eventually("all sessions to end") { server.clientsCount() == 0 }
        }
    }

    @Test("7: handshakes that are never continued")
    func abandonedHandshakes() async throws {
        try await ServerUnderTest.engine(loops: 2) { server in
            let connection = try await HTTPTestConnection.connect(to: server.address)
            for _ in 0..<2000 {
                #expect(try await connection.request(.init("GET", Self.handshake)).status == 200)
            }
            try await eventually("all sessions to time out") { server.clientsCount() == 0 }
        }
    }

    @Test("8: heads and bodies that arrive a byte at a time")
    func slowRequests() async throws {
        let configure: ServerUnderTest.Configure = {
            $0.headTimeout = .milliseconds(300)
            $0.bodyTimeout = .milliseconds(300)
        }
        try await ServerUnderTest.engineEcho(configure: configure) { address in
            let head = try await HTTPTestConnection.connect(to: address)
            let writing = Task {
                for byte in "GET \(Self.handshake) HTTP/1.1\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaa".utf8 {
                    try await head.write([byte])
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            // Others are served meanwhile.
            #expect(try await get(address, Self.handshake).status == 200)
            #expect(try await head.responses.next(within: .seconds(3)).status == 408)
            try await head.waitUntilClosed(within: .seconds(3))
            writing.cancel()

            let session = try await PollingSession(address)
            let body = try await HTTPTestConnection.connect(to: address)
            try await body.write("POST \(session.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n4")
            #expect(try await body.responses.next(within: .seconds(3)).status == 408)
            try await body.waitUntilClosed(within: .seconds(3))

            // Nothing at all.
            let silent = try await HTTPTestConnection.connect(to: address)
            try await silent.waitUntilClosed(within: .seconds(10))
        }
    }

    @Test("9: heads that are too large or smuggle")
    func badHeads() async throws {
        try await ServerUnderTest.engineEcho { address in
            let line = "GET \(Self.handshake) HTTP/1.1\r\n"
            let cases: [(name: String, head: String, status: [Int])] = [
                ("5,000 headers", line + String(repeating: "a: b\r\n", count: 5000) + "\r\n", [431]),
                ("101 headers", line + String(repeating: "a: b\r\n", count: 101) + "\r\n", [431]),
                ("100 kB target", "GET /engine.io/?\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\n\r\n", [431]),
                ("one header of 20 kB", line + "a: \(String(repeating: "b", count: 20_000))\r\n\r\n", [431]),
                ("NUL in a value", line + "Host: a\r\na: b\0c\r\n\r\n", [400]),
                ("bare CR in a value", line + "Host: a\r\na: b\rc\r\n\r\n", [400]),
                ("NUL in a name", line + "Host: a\r\na\0: b\r\n\r\n", [400]),
                ("space before the colon", line + "Host: a\r\na : b\r\n\r\n", [400]),
                ("obs-fold", line + "Host: a\r\na: b\r\n c\r\n\r\n", [400]),
                (
                    "two lengths",
                    "POST \(Self.handshake) HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                    [400]
                ),
                (
                    "length and chunked",
                    "POST \(Self.handshake) HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    [400]
                ),
                (
                    "unknown transfer coding",
                    "POST \(Self.handshake) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                    [400, 501]
                ),
                ("negative length", "POST \(Self.handshake) HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", [400]),
                ("signed length", "POST \(Self.handshake) HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", [400]),
                (
                    "bad chunk size",
                    "POST \(Self.handshake)&sid=a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    [400]
                ),
                ("no HTTP", "hello world\r\n\r\n", [400]), ("HTTP/3", "GET / HTTP/3.0\r\n\r\n", [400, 505]),
            ]
            for item in cases {
                let connection = try await HTTPTestConnection.connect(to: address)
                let writing = Task { try await connection.write(item.head) }
                let response = try await connection.responses.next()
                #expect(item.status.contains(response.status), "\(item.name): \(response)")
                try await connection.waitUntilClosed()
                #expect(connection.responses.count == 0, "\(item.name): one answer only")
                _ = try? await writing.value
            }
            #expect(try await get(address, Self.handshake).status == 200)
        }
    }
}
