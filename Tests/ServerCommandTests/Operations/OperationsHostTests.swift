// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Foundation
internal import NIOHTTP1
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// A page whose name has been made to point to 127.0.0.1 gets nothing from the operations listener.
@Suite struct OperationsHostTests {
    @Test(arguments: [
        ("localhost", true), ("LOCALHOST:9464", true), ("127.0.0.1:9464", true), ("127.8.8.8", true),
        ("[::1]:9464", true),
        ("evil.example", false), ("evil.example:9464", false), ("localhost.evil.example", false),
        ("127.0.0.1.evil.example", false), ("10.0.0.1", false), ("0.0.0.0", false), ("", false), ("a b", false),
        ("localhost, evil.example", false), ("metrics.internal", true), ("Metrics.Internal:9464", true),
    ])
    func hosts(host: String, isAllowed: Bool) {
        let headers: HTTPHeaders = ["Host": host]
        #expect(
            OperationsHosts(hasToken: false, configured: "metrics.internal").allows(headers) == isAllowed, "\(host)")
        // With a token it is the token that decides.
        #expect(
            OperationsHosts(hasToken: true, configured: "metrics.internal").allows(headers) == (Authority(host) != nil))
    }

    @Test func aHostThatIsMissingOrTwiceIsNone() {
        let hosts = OperationsHosts(hasToken: false, configured: "127.0.0.1")
        #expect(!hosts.allows([:]) && !hosts.allows(["Host": "localhost", "host": "localhost"]))
    }

    @Test func otherNamesGetNothing() async throws {
        let server = try RunningProcess.server([
            "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--operations-port", "0",
        ])
        let operations = try await server.operationsPort()
        for path in ["/metrics", "/loglevel", "/status", "/status/", "/nothing"] {
            let stranger = try await ask(operations, path, headers: [("Host", "evil.example:\(operations)")])
            #expect(stranger.status == 421 && stranger.text.contains("operations.token"), "\(path)")
            #expect(!stranger.text.contains("socketio_"))
        }
        let feed = "/status/socket.io/?EIO=4&transport=polling"
        #expect(try await ask(operations, feed, headers: [("Host", "evil.example")]).status == 403)
        for host in ["localhost:\(operations)", "127.0.0.1", "[::1]:1"] {
            #expect(try await ask(operations, "/metrics", headers: [("Host", host)]).status == 200, "\(host)")
            #expect(try await ask(operations, "/loglevel", headers: [("Host", host)]).status == 200, "\(host)")
            #expect(try await ask(operations, feed, headers: [("Host", host)]).status == 200, "\(host)")
        }
        // Probes ask by whatever name they like, and learn nothing.
        #expect(try await ask(operations, "/healthz", headers: [("Host", "evil.example")]).status == 200)
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }
}
