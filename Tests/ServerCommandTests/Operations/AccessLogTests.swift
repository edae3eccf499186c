// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Foundation
internal import Logging
internal import NIOConcurrencyHelpers
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

@Suite struct AccessLogTests {
    private static let quick = [
        "--host", "127.0.0.1", "--port", "0", "--event-loops", "2", "--chat-enabled=false", "--node-tag", "n001",
    ]

    private struct Line: Decodable {
        let label: String
        let message: String
        let metadata: [String: String]
    }

    private static func lines(_ server: RunningProcess, _ message: String) -> [[String: String]] {
        server.output.split(separator: "\n").compactMap { try? JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
            .filter { $0.label == "socketio.access" && $0.message == message }.map(\.metadata)
    }

    @Test(.timeLimit(.minutes(2))) func aFinishedSessionIsOneLine() async throws {
        let server = try RunningProcess.server(Self.quick + ["--log-access", "sessions", "--log-format", "json"])
        let port = try await server.line { $0.firstMatch(of: /"port":"(\d+)"/).flatMap { Int($0.1) } }
        let address = ServerAddress(port: port)
        let webSocket = try await SocketTestClient.connect(to: address, transport: .websocket)
        let upgraded = try await SocketTestClient.connect(to: address, transport: .upgrade)
        let sids = [webSocket.engine.handshake.sid, upgraded.engine.handshake.sid]
        for client in [webSocket, upgraded] { try await client.join().emit("x", "0123456789") }
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling&sid=nobody").status == 400)
        await webSocket.close()
        await upgraded.close()
        try await eventually("both lines", within: .seconds(60)) { Self.lines(server, "session").count == 2 }
        let first = try #require(
            Self.lines(server, "session").first { $0["sid"] == "\(sids[0].prefix(4))…\(sids[0].suffix(4))" })
        #expect(first["node"] == "n001" && first["transport"] == "websocket" && first["remote"] == "127.0.0.1")
        #expect(first["reason"] == "transport close")
        // CONNECT and the event; the answer to CONNECT.
        #expect(first["messagesIn"] == "2" && first["messagesOut"] == "1")
        #expect(Int(first["bytesIn"] ?? "") == #"0"#.utf8.count + #"2["x","0123456789"]"#.utf8.count)
        #expect((Int(first["bytesOut"] ?? "") ?? 0) > 100 && (Int(first["ms"] ?? "") ?? -1) >= 0)
        #expect(!sids.contains { server.output.contains($0) })
        #expect(Self.lines(server, "request").isEmpty && Self.lines(server, "refused").isEmpty)
        let last = try await SocketTestClient.connect(to: address)
        try await last.join()
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
        #expect(Self.lines(server, "session").last?["reason"] == "server shutting down")
    }

    /// What this layer ends a session for: a packet over a limit, a violation, a rate, no namespace in time.
    @Test(.timeLimit(.minutes(2))) func aSessionThatTheServerEndsHasADetail() async throws {
        let server = try RunningProcess.server(
            Self.quick + [
                "--log-access", "sessions", "--log-format", "json", "--limits-max-nesting", "3", "--connect-timeout-ms",
                "1000", "--rates-action", "disconnect", "--rates-burst-seconds", "1",
                "--rates-session-events-per-second", "20",
            ])
        let port = try await server.line { $0.firstMatch(of: /"port":"(\d+)"/).flatMap { Int($0.1) } }
        let address = ServerAddress(port: port)
        let cases: [(packets: [String], reason: String, detail: String)] = [
            (
                ["0", #"2["a",[[[]]]]"#], "forced close",
                "a packet that cannot be decoded: arrays and objects nested more than 3 deep (maxNesting)"
            ),
            (["0", "0"], "forced server close", "a second CONNECT to a namespace"),
            (["0", #"2/n,["a"]"#], "forced server close", "a packet for a namespace that it has not joined"),
            (
                ["0"] + Array(repeating: #"2["a"]"#, count: 40), "forced server close",
                "more events per second than its session may have (rates.session.eventsPerSecond)"
            ),
            ([], "forced server close", "no namespace joined within connectTimeout"),
        ]
        for (number, (packets, reason, detail)) in cases.enumerated() {
            let client = try await SocketTestClient.connect(to: address)
            // The server may close before the last packet has been sent.
            for packet in packets { try? await client.engine.send([EngineTestPacket.text(packet)]) }
            try await eventually("line \(number)", within: .seconds(60)) {
                Self.lines(server, "session").count == number + 1
            }
            let line = try #require(Self.lines(server, "session").last)
            #expect(line["reason"] == reason && line["detail"] == detail, "\(line)")
        }
    }

    @Test(.timeLimit(.minutes(2))) func requestsAndRefusalsAreLinesIfWanted() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--log-access", "requests", "--log-format", "json", "--operations-port", "0"])
        let port = try await server.line { line in
            line.contains(#""message":"listening""#) ? line.firstMatch(of: /"port":"(\d+)"/).flatMap { Int($0.1) } : nil
        }
        let secret = "n001Asecretsecretse"
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling&sid=\(secret)").status == 400)
        #expect(try await ask(port, "/healthz?token=hidden").status == 200)
        let polling = try await SocketTestClient.connect(to: ServerAddress(port: port), transport: .polling)
        try await polling.join()
        let upgraded = try await SocketTestClient.connect(to: ServerAddress(port: port), transport: .websocket)
        let connection = try await HTTPTestConnection.connect(to: ServerAddress(port: port))
        #expect(try await connection.request(HTTPTestRequest("GET", "/ nonsense")).status == 400)
        await polling.close()
        await upgraded.close()
        try await eventually("the lines", within: .seconds(60)) {
            let requests = Self.lines(server, "request")
            return ["200", "400", "101"].allSatisfy { status in requests.contains { $0["status"] == status } }
                && Self.lines(server, "session").count == 2
        }
        let requests = Self.lines(server, "request")
        let refused = try #require(Self.lines(server, "refused").first)
        #expect(refused["code"] == "1" && refused["remote"] == "127.0.0.1")
        #expect(refused["sid"] == "n001…etse")
        #expect(requests.contains { $0["status"] == "400" && $0["sid"] == "n001…etse" && $0["path"] == "/socket.io/" })
        #expect(requests.contains { $0["path"] == "/healthz" && (Int($0["bytesOut"] ?? "") ?? 0) > 3 })
        #expect(requests.contains { $0["method"] == "POST" && $0["status"] == "200" })
        #expect(requests.contains { $0["method"] == "" && $0["status"] == "400" })
        let all = server.output
        #expect(!all.contains(secret) && !all.contains("hidden") && !all.contains(polling.engine.handshake.sid))
        // What operators ask is not the public's.
        #expect(!requests.contains { $0["path"] == "/metrics" })
    }

    @Test func itIsWrittenWhateverTheLevelOfTheLog() {
        let lines = NIOLockedValueBox<[String]>([])
        var settings = Settings.Log()
        settings.level = .critical
        #expect(AccessLog(settings, node: "n001") == nil)
        settings.access = .sessions
        let log = AccessLog(settings, node: "n001") { line in lines.withLockedValue { $0.append(line) } }
        #expect(log?.wantsRequests == false)
        log?.refused(RefusalRecord(code: nil, reason: "a\nb", sid: nil, clientAddress: "::1"))
        let written = lines.withLockedValue { $0 }
        #expect(written.count == 1 && written[0].contains("refused node=n001 reason=") && written[0].contains("::1"))
        #expect(written[0].filter { $0 == "\n" }.count == 1)
    }
}
