// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Foundation
internal import NIOHTTP1
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

@Suite struct StatusTests {
    private static let quick = ["--host", "127.0.0.1", "--port", "0", "--event-loops", "2", "--operations-port", "0"]

    private static func status(_ port: Int, headers: [(name: String, value: String)] = []) async throws
        -> SocketTestClient
    {
        try await SocketTestClient.connect(to: ServerAddress(port: port), path: "/status/socket.io/", headers: headers)
    }

    @Test(.timeLimit(.minutes(2))) func reportsComeWhileSomebodyLooks() async throws {
        let server = try RunningProcess.server(Self.quick + ["--node-tag", "n001"])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let ada = try await SocketTestClient.connect(to: ServerAddress(port: port))
            .join("/", auth: ["name": "Ada"])
        _ = try await ada.emitWithAck("join", "lobby")
        let watcher = try await Self.status(operations).join()
        var report: TestValue?
        for _ in 0..<3 { report = try await watcher.next("status", within: .seconds(30)).arguments.first }
        #expect(report?["status"] == "ready" && report?["webSocket"] == 1 && report?["polling"] == 0)
        #expect(report?["nodes"]?[0]?["tag"] == "n001" && report?["nodes"]?[0]?["sessions"] == 1)
        #expect(report?["rooms"]?[0]?["namespace"] == "/")
        let text = "\(report.map(\.json) ?? "")"
        #expect(text.contains("\"room:lobby\"") && text.contains("\"person:"))
        // Rooms that sockets have to themselves are nobody's business.
        #expect(!text.contains(ada.id))
        // What watchers send is of no consequence, and they are not counted as clients.
        try await watcher.emit("status", "x")
        _ = try await watcher.next("status", within: .seconds(30))
        let metrics = try PrometheusText(try await ask(operations, "/metrics").text)
        #expect(metrics["engineio_sessions"] == 1 && metrics["socketio_connections_total"] == 1)
        #expect(metrics["socketio_events_unhandled_total"] == 0)
        server.signal(15)
        #expect(try await server.exitCode() == 0)
    }

    @Test(.timeLimit(.minutes(2))) func withoutTheTokenNothingIsTold() async throws {
        let server = try RunningProcess.server(Self.quick, environment: ["SOCKETIO_OPERATIONS_TOKEN": "s3cret"])
        let operations = try await server.operationsPort()
        for auth: TestValue? in [nil, ["token": "wrong"], ["token": 1], ["token": ""]] {
            let client = try await Self.status(operations)
            await #expect(throws: RefusedNamespace.self) { try await client.join("/", auth: auth) }
            await client.close()
        }
        let client = try await Self.status(operations)
        let watcher = try await client.join("/", auth: ["token": "s3cret"])
        _ = try await watcher.next("status", within: .seconds(30))
        // No other namespace is there, with or without it.
        let other = try await Self.status(operations)
        await #expect(throws: RefusedNamespace.self) { try await other.join("/admin", auth: ["token": "s3cret"]) }
        let page = try await ask(operations, "/status")
        #expect(page.status == 200 && !page.text.contains("s3cret") && !page.text.contains("{{"))
    }

    @Test(.timeLimit(.minutes(2))) func thePageMayLoadNothingElse() async throws {
        let server = try RunningProcess.server(Self.quick)
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let pages = [try await ask(operations, "/status"), try await ask(operations, "/status/?x")]
        let policies = pages.map { $0["content-security-policy"] ?? "" }
        #expect(policies[0] != policies[1])
        for (page, policy) in zip(pages, policies) {
            let nonce = try #require(policy.firstMatch(of: /script-src 'nonce-([0-9a-z]{10,})'/)?.1)
            #expect(policy.hasPrefix("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe") && !policy.contains("*"))
            #expect(page.text.components(separatedBy: "nonce=\"\(nonce)\"").count == 4)
            // The only address in it is its own.
            #expect(!page.text.contains("//www") && !page.text.contains("http"))
        }
        #expect(try await ask(operations, "/status", method: "POST")["allow"] == "GET, HEAD")
        for path in ["/status", "/status/socket.io/?EIO=4&transport=polling"] {
            #expect(try await ask(port, path).status == 404, "\(path)")
        }
    }

    private struct Visit: Sendable {
        let host: String?
        var origin: String?
        var hasToken = false
        let isAllowed: Bool
    }

    private static let visits: [Visit] = [
        Visit(host: "localhost:9", isAllowed: true),
        Visit(host: "127.0.0.1:9", isAllowed: true),
        Visit(host: "[::1]:9", isAllowed: true),
        Visit(host: "evil.example:9", isAllowed: false),
        Visit(host: "127.0.0.1.evil.example", isAllowed: false),
        Visit(host: nil, isAllowed: false),
        Visit(host: nil, hasToken: true, isAllowed: false),
        Visit(host: "ops.example", hasToken: true, isAllowed: true),
        Visit(host: "localhost:9", origin: "http://localhost:9", isAllowed: true),
        Visit(host: "localhost:9", origin: "http://localhost:10", isAllowed: false),
        Visit(host: "localhost:9", origin: "null", isAllowed: false),
        Visit(host: "ops.example", origin: "https://ops.example", hasToken: true, isAllowed: true),
        Visit(host: "ops.example", origin: "https://evil.example", hasToken: true, isAllowed: false),
    ]

    @Test func onlyItsOwnPagesMayConnect() {
        for visit in Self.visits {
            var headers = HTTPHeaders()
            if let host = visit.host { headers.add(name: "Host", value: host) }
            if let origin = visit.origin { headers.add(name: "Origin", value: origin) }
            let request = HandshakeInfo(
                method: "GET", url: "/", headers: headers, remoteAddress: "127.0.0.1", isSecure: false, time: 0)
            let gate = StatusGate(hosts: OperationsHosts(hasToken: visit.hasToken, configured: "127.0.0.1"))
            #expect(gate.allows(request) == visit.isAllowed, "\(visit)")
        }
    }

    @Test func theGatheringEndsWithTheLastWatcher() async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 1
        let server = Server(configuration: configuration)
        let feed = StatusFeed(server: server, readiness: Readiness(), cluster: nil)
        #expect(!feed.isRunning)
        let reports = Inbox<StatusReport>("a report")
        feed.joined { reports.push($0) }
        feed.joined { _ in Issue.record("one gathering serves all") }
        #expect(try await reports.next(within: .seconds(30)).status == "starting")
        feed.left()
        #expect(feed.isRunning)
        feed.left()
        #expect(!feed.isRunning)
        feed.left()
        feed.joined { reports.push($0) }
        #expect(feed.isRunning)
        feed.left()
        await server.close()
    }
}
