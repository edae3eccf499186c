// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

/// With the default log, an operator learns which setting has refused a client, and whose address it was.
@Suite struct LimitLogTests {
    /// A client that exceeds one limit.
    enum Excess: String, CaseIterable, Sendable {
        case head = "limits.maxRequestHeadSize"
        case message = "maxHttpBufferSize"
        case packets = "limits.maxPacketsPerPayload"
        case nesting = "limits.maxNesting"
        case auth = "limits.maxAuthBytes"

        var setting: String { rawValue }

        func commit(at address: ServerAddress) async throws {
            switch self {
            case .head:
                let connection = try await HTTPTestConnection.connect(to: address)
                let long = String(repeating: "a", count: 3_000)
                #expect(try await connection.request(HTTPTestRequest("GET", "/?\(long)")).status == 431)
            case .message:
                try await send([#"2["a","\#(String(repeating: "a", count: 3_000))"]"#], over: .websocket, to: address)
            case .packets:
                try await send(Array(repeating: #"2["a"]"#, count: 5), over: .polling, to: address, joins: true)
            case .nesting: try await send([#"2["a",[[[]]]]"#], over: .websocket, to: address)
            case .auth: try await send([#"0{"a":"0123456789"}"#], over: .websocket, to: address)
            }
        }

        private func send(
            _ packets: [String], over transport: TestTransport, to address: ServerAddress, joins: Bool = false
        ) async throws {
            let client = try await SocketTestClient.connect(to: address, transport: transport)
            // Without it the first event ends the session, before anything is counted.
            if joins { _ = try await client.join() }
            // The server may close before everything has been sent.
            try? await client.engine.send(packets.map { EngineTestPacket.text($0) })
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: Excess.allCases) func theLogNamesTheSetting(excess: Excess) async throws {
        let server = try RunningProcess.server([
            "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--chat-enabled=false",
            "--limits-max-request-head-size", "2048", "--max-http-buffer-size", "1000", "--limits-max-nesting", "3",
            "--limits-max-auth-bytes", "10", "--limits-max-packets-per-payload", "4",
        ])
        let port = try await server.line { $0.firstMatch(of: /listening .*port=(\d+)/).flatMap { Int($0.1) } }
        try await excess.commit(at: ServerAddress(port: port))
        let line = try await server.line { $0.contains("a client exceeded a limit and was refused") ? $0 : nil }
        #expect(line.contains("notice") && line.contains("setting=\(excess.setting)"), "\(line)")
        #expect(line.contains("remote=127.0.0.1"), "\(line)")
    }
}
