// Part of socketio-server, MIT licence; see LICENSE.

internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// Each limit of requests and sessions, passed by one: what the client gets, and that exactly this limit is counted.
@Suite(.serialized) struct LimitMetricsTests {
    private static let arguments = [
        "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--operations-port", "0",
        "--chat-enabled=false", "--max-http-buffer-size", "2000", "--limits-max-request-head-size", "1024",
        "--limits-max-headers", "10", "--limits-head-timeout-ms", "700", "--limits-body-timeout-ms", "300",
        "--limits-send-timeout-ms", "500", "--destroy-upgrade-timeout-ms", "200",
        "--limits-max-packets-per-payload", "4", "--limits-max-fragments-per-message", "4",
        "--limits-max-control-frames-per-second", "4", "--admission-max-pending-sessions", "20",
    ]

    /// What the test sends, and what comes back before the connection is closed.
    private struct Attack {
        let limit: String
        let request: [UInt8]
        let answer: String

        init(_ limit: String, _ request: [UInt8], _ answer: String) {
            self.limit = limit
            self.request = request
            self.answer = answer
        }

        init(_ limit: String, _ request: String, _ answer: String) {
            self.init(limit, Array(request.utf8), answer)
        }
    }

    private static func close(_ code: UInt16) -> String {
        String(decoding: [0x88, 0x02, UInt8(code >> 8), UInt8(code & 0xFF)], as: UTF8.self)
    }

    /// A head of so many bytes.
    private static func head(of size: Int) -> String {
        let (start, end) = ("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", "\r\n\r\n")
        return start + String(repeating: "x", count: size - start.utf8.count - end.utf8.count) + end
    }

    private static func headers(_ count: Int) -> String {
        "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + (0..<(count - 2)).map { "A\($0): x\r\n" }.joined() + "\r\n"
    }

    private static let upgraded = Array(BlockingClient.upgrade.utf8)

    private static func fragments(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { index in
            BlockingClient.frame(index == 0 ? "4" : "", opcode: index == 0 ? 1 : 0, isFinal: index == count - 1)
        }
    }

    private static func pings(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { _ in BlockingClient.frame([], opcode: 9) }
    }

    private static let goodbye = BlockingClient.frame([], opcode: 8)

    /// One over the limit.
    private static let attacks = [
        Attack("maxRequestHeadSize", head(of: 1_025), "HTTP/1.1 431 "),
        Attack("maxHeaders", headers(11), "HTTP/1.1 431 "),
        Attack("headTimeoutMs", "GET / HT", "HTTP/1.1 408 "),
        Attack("destroyUpgradeTimeoutMs", BlockingClient.upgrade.replacing("/socket.io/", with: "/other/"), ""),
        Attack(
            "maxRequestHeadSize",
            "POST /other HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                + (0..<9).map { _ in "1;" + String(repeating: "e", count: 200) + "\r\nx\r\n" }.joined(),
            "HTTP/1.1 40"),
        Attack("maxHttpBufferSize", upgraded + BlockingClient.frame(String(repeating: "4", count: 2_001)), close(1009)),
        Attack("maxFragmentsPerMessage", upgraded + fragments(5), close(1008)),
        Attack("maxControlFramesPerSecond", upgraded + pings(5), close(1008)),
    ]

    /// At the limit: nothing is counted.
    private static let harmless = [
        Attack("", head(of: 1_024), "HTTP/1.1 200 "), Attack("", headers(10), "HTTP/1.1 200 "),
        Attack("", upgraded + BlockingClient.frame("2" + String(repeating: "x", count: 1_999)), ""),
        Attack("", upgraded + fragments(4) + goodbye, ""), Attack("", upgraded + pings(3) + goodbye, ""),
    ]

    @Test(.timeLimit(.minutes(2))) func eachLimitIsCountedForItself() async throws {
        let server = try RunningProcess.server(Self.arguments)
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        var expected = try await Self.counts(operations)
        #expect(expected.count == 13 && expected.values.allSatisfy { $0 == 0 }, "\(expected)")
        for attack in Self.harmless + Self.attacks {
            var client = try BlockingClient(port: port)
            try client.send(attack.request)
            let answer = String(decoding: try client.receiveAll(), as: UTF8.self)
            #expect(answer.contains(attack.answer), "\(attack.limit): \(answer)")
            expected[attack.limit]? += 1
            try await Self.expect(expected, operations, attack.limit)
        }

        // A body that is too long, one with too many packets, and one that comes too slowly.
        for (limit, length, body, answer) in [
            ("maxHttpBufferSize", 2_001, "", "HTTP/1.1 413 "),
            ("maxPacketsPerPayload", 9, "3\u{1e}3\u{1e}3\u{1e}3\u{1e}3", "HTTP/1.1 400 "),
            ("bodyTimeoutMs", 100, "4", "HTTP/1.1 408 "),
        ] {
            var client = try BlockingClient(port: port)
            let sid = try Self.open(&client)
            try client.send(
                "POST /socket.io/?EIO=4&transport=polling&sid=\(sid) HTTP/1.1\r\nHost: x\r\n"
                    + "Content-Type: text/plain\r\nContent-Length: \(length)\r\n\r\n\(body)")
            let text = String(decoding: try client.receive(through: "\r\n"), as: UTF8.self)
            #expect(text.hasPrefix(answer), "\(limit): \(text)")
            expected[limit]? += 1
            try await Self.expect(expected, operations, limit)
        }

        // More sessions than may be there without a namespace.
        for _ in 0..<25 {
            var client = try BlockingClient(port: port)
            _ = try Self.open(&client)
        }
        let pending = try PrometheusText(try await ask(operations, "/metrics").text)
        #expect(pending["engineio_pending_sessions"] == 20)
        #expect(try #require(pending["engineio_limit_refusals_total", ["limit": "maxPendingSessions"]]) >= 5)
        #expect(server.output.contains("sessions that joined no namespace were ended: admission.maxPendingSessions"))
    }

    private static func open(_ client: inout BlockingClient) throws -> String {
        try client.send(BlockingClient.handshake())
        let answer = String(decoding: try client.receive(through: "}"), as: UTF8.self)
        guard let sid = answer.firstMatch(of: /"sid":"([^"]+)"/) else {
            throw BlockingClient.Failure(description: answer)
        }
        return String(sid.1)
    }

    private static func counts(_ operations: Int) async throws -> [String: Double] {
        let metrics = try PrometheusText(try await ask(operations, "/metrics").text)
        let samples = metrics.samples.filter { $0.name == "engineio_limit_refusals_total" }
        return Dictionary(samples.map { ($0.labels["limit"] ?? "", $0.value) }, uniquingKeysWith: +)
    }

    private static func expect(_ expected: [String: Double], _ operations: Int, _ limit: String) async throws {
        try await eventually("\(limit) is counted", within: .seconds(20)) {
            try await counts(operations) == expected
        }
    }
}
