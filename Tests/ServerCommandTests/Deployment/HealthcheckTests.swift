// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// `socketio-server healthcheck`.
@Suite struct HealthcheckTests {
    private static func place(ready: Bool = false, _ change: (inout Settings) -> Void) -> HealthEndpoint? {
        var settings = Settings()
        change(&settings)
        return HealthEndpoint(settings, ready: ready)
    }

    @Test func itAsksWhereTheServerAnswers() throws {
        let standard = try #require(Self.place { _ in })
        #expect((standard.host, standard.port, standard.path) == ("127.0.0.1", 3_000, "/healthz"))
        #expect(!standard.isTLS)
        let ready = try #require(
            Self.place(ready: true) { ($0.host, $0.port, $0.health.readyPath) = ("::", 80, "/up") })
        #expect((ready.host, ready.port, ready.path) == ("127.0.0.1", 80, "/up"))
        for (host, asked) in [
            ("0.0.0.0", "127.0.0.1"), ("[::]", "127.0.0.1"), ("[::1]", "::1"), ("fe80::1", "fe80::1"),
        ] {
            #expect(Self.place { $0.host = host }?.host == asked)
        }
        let operations = try #require(
            Self.place {
                ($0.operations.host, $0.operations.port) = ("10.0.0.1", 9_464)
                ($0.proxyProtocol, $0.health.path, $0.tls.certificateFile) = (true, nil, "/cert.pem")
            })
        #expect((operations.host, operations.port, operations.path) == ("10.0.0.1", 9_464, "/healthz"))
        #expect(!operations.isTLS)
        #expect(Self.place { $0.tls.certificateFile = "/cert.pem" }?.isTLS == true)
        #expect(Self.place { $0.port = 0 } == nil)
        #expect(Self.place { $0.operations.port = 0 } == nil)
        #expect(Self.place { $0.proxyProtocol = true } == nil)
        #expect(Self.place { $0.health.path = nil } == nil)
        #expect(Self.place(ready: true) { $0.health.readyPath = nil } == nil)
    }

    private static func run(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        let process = try RunningProcess.server(["healthcheck"] + arguments)
        return (try await process.exitCode(), process.output)
    }

    @Test func itTellsAliveFromReady() async throws {
        let server = try RunningProcess.server(
            ["--host", "127.0.0.1", "--port", "0", "--operations-port", "0", "--drain-window-ms", "3600000"])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        for place in [["--port", "\(port)"], ["--operations-port", "\(operations)"]] {
            #expect(try await Self.run(place).code == 0)
            #expect(try await Self.run(place + ["--ready"]).code == 0)
        }
        // Somebody must be there, or the server ends at once.
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
        _ = try await client.join(auth: ["name": "Ada"])
        server.signal(SIGTERM)
        _ = try await server.line { $0.contains("draining") ? true : nil }
        #expect(try await Self.run(["--port", "\(port)"]).code == 0)
        let ready = try await Self.run(["--port", "\(port)", "--ready"])
        #expect(ready.code == 1 && ready.output.contains("answered 503"), "\(ready.output)")
        server.kill()
        let gone = try await Self.run(["--port", "\(port)"])
        #expect(gone.code == 1 && gone.output == "127.0.0.1:\(port)/healthz gave no answer: nothing listens there\n")
        let unknown = try await Self.run(["--port", "\(port)", "--host", "no-such-host.invalid"])
        #expect(
            unknown.code == 1 && unknown.output.contains("the host 'no-such-host.invalid' is not known"),
            "\(unknown.output)")
    }

    @Test func whatItCannotDoItSays() async throws {
        let nowhere = try await Self.run(["--port", "0"])
        #expect(nowhere.code == 78 && nowhere.output.contains("operations.port"))
        #expect(try await Self.run(["--timeout-ms", "0"]).code == 64)
        #expect(try await Self.run(["--prot", "1"]).code == 64)
        #expect(try await Self.run(["--config", "/nowhere"]).code == 78)
    }

    /// A server that is stopped takes connections, and answers nothing.
    @Test func itDoesNotWaitForEver() async throws {
        let server = try RunningProcess.server(["--host", "127.0.0.1", "--port", "0"])
        let port = try await server.port()
        server.signal(SIGSTOP)
        let result = try await Self.run(["--port", "\(port)", "--timeout-ms", "200"])
        #expect(result.code == 1 && result.output.contains("too long"), "\(result.output)")
    }
}
