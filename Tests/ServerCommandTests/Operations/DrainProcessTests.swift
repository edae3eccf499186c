// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// SIGTERM, as a load balancer and clients see it.
@Suite struct DrainProcessTests {
    private static let quick = ["--host", "127.0.0.1", "--port", "0", "--event-loops", "2"]

    private static func clients(_ count: Int, port: Int) async throws -> [(SocketTestClient, TestSocket)] {
        var clients: [(SocketTestClient, TestSocket)] = []
        for number in 0..<count {
            let transport: TestTransport = number % 2 == 0 ? .websocket : .polling
            let client = try await SocketTestClient.connect(to: ServerAddress(port: port), transport: transport)
            clients.append((client, try await client.join(auth: ["name": .string("person \(number)")])))
        }
        return clients
    }

    @Test func newcomersAreRefusedAndClientsSentAwayOneByOne() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--drain-window-ms", "6000", "--shutdown-timeout-ms", "60000", "--operations-port", "0"])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let clients = try await Self.clients(8, port: port)
        #expect(try await ask(port, "/readyz").status == 200)
        server.signal(SIGTERM)
        _ = try await server.line { $0.contains("draining") ? true : nil }
        // At once, while everybody is still there: no client is sent away in the first eighth of the window.
        let ready = try await ask(port, "/readyz")
        #expect(ready.status == 503)
        #expect(ready.text.contains("\"draining\""))
        #expect(try await ask(port, "/healthz").status == 200)
        let refused = try await ask(port, "/socket.io/?EIO=4&transport=polling")
        #expect(refused.status == 503)
        #expect((1...5).contains(Int(refused["retry-after"] ?? "") ?? 0))
        let text = try PrometheusText(try await ask(operations, "/metrics").text)
        #expect(text["socketio_draining"] == 1)
        #expect(text["socketio_ready"] == 0)
        #expect(text["engineio_handshakes_refused_total", ["reason": "draining"]] == 1)
        // Whoever is still there is served: every acknowledgement either comes, or the connection ends.
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (_, socket) in clients {
                group.addTask {
                    var served = 0
                    while (try? await socket.emitWithAck("rooms")) != nil { served += 1 }
                    return served
                }
            }
            var total = 0
            for try await served in group { total += served }
            #expect(total > 0)
        }
        #expect(try await server.exitCode() == 0)
        #expect(server.output.contains("closing clients=0"), "\(server.output)")
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSecondSignalEndsAtOnce(signal: Int32) async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--drain-window-ms", "3600000", "--shutdown-timeout-ms", "60000"])
        let clients = try await Self.clients(2, port: try await server.port())
        server.signal(SIGTERM)
        let first = ContinuousClock.now
        _ = try await server.line { $0.contains("draining") ? true : nil }
        // Signals within a second of the first one are the same request.
        let insistence = Task {
            while !Task.isCancelled {
                server.signal(signal)
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        #expect(try await server.exitCode() == 1)
        insistence.cancel()
        #expect(ContinuousClock.now - first >= SecondSignal.sameRequest)
        #expect(server.output.contains("told a second time"))
        for (client, _) in clients { await client.engine.abort() }
    }

    /// A supervisor passes a signal on that the terminal has sent to the whole group already.
    @Test func theSameRequestMayArriveTwice() async throws {
        let server = try RunningProcess.server(Self.quick + ["--drain-window-ms", "2000"])
        let clients = try await Self.clients(2, port: try await server.port())
        server.signal(SIGTERM)
        server.signal(SIGTERM)
        server.signal(SIGINT)
        #expect(try await server.exitCode() == 0, "\(server.output)")
        #expect(!server.output.contains("told a second time"))
        for (client, _) in clients { await client.engine.abort() }
    }

    @Test func aDrainThatTakesTooLongIsCutOff() async throws {
        // A client that never fetches what is left for it keeps its session for half a minute.
        let server = try RunningProcess.server(Self.quick + ["--drain-window-ms", "0", "--shutdown-timeout-ms", "300"])
        let port = try await server.port()
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling").status == 200)
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 1)
        #expect(server.output.contains("took longer than drain.windowMs and shutdownTimeoutMs"))
    }

    @Test func withoutClientsTheEndIsQuick() async throws {
        let server = try RunningProcess.server(Self.quick + ["--drain-window-ms", "3600000"])
        _ = try await server.port()
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func admissionReachesTheEngine() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--admission-max-sessions", "1", "--node-tag-header", "X-SIO-Node", "--cookie-mode", "tag"],
            environment: ["SOCKETIO_NODE_TAG": "n007"])
        let port = try await server.port()
        let first = try await ask(port, "/socket.io/?EIO=4&transport=polling")
        #expect(first.status == 200)
        #expect(first["x-sio-node"] == "n007")
        #expect(first["set-cookie"] == "io=n007; Path=/; HttpOnly; SameSite=Lax")
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling").status == 503)
    }
}
