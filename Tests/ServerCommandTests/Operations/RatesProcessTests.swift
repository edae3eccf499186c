// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The settings `rates.*` of the executable: they limit whom they name, and what they refuse is counted.
@Suite(.serialized) struct RatesProcessTests {
    private static let base = """
        host: 127.0.0.1
        port: 0
        eventLoops: 1
        chat: {enabled: false}
        operations: {host: 127.0.0.1, port: 0}

        """

    /// Twenty packets at once, and so few later that they are told apart from the others.
    private static func rates(_ action: String, _ scope: String) -> String {
        let none = "{eventsPerSecond: 0, bytesPerSecond: 0}"
        let one = "{eventsPerSecond: 1, bytesPerSecond: 0}"
        let scopes = ["session", "user", "address"].map { "\($0): \($0 == scope ? one : none)" }
        return "rates: {action: \(action), burstSeconds: 20, \(scopes.joined(separator: ", "))}\n"
    }

    private static func metrics(_ operations: Int) async throws -> PrometheusText {
        try PrometheusText(try await ask(operations, "/metrics").text)
    }

    /// How many of `sent` events were handled, when each has been handled or refused.
    private static func handled(_ sent: Int, _ action: String, _ operations: Int) async throws -> Int {
        var handled = 0
        try await eventually("all of \(sent) are handled or refused", within: .seconds(30)) {
            let metrics = try await metrics(operations)
            handled = Int(metrics["socketio_events_received_total"] ?? -1)
            let refused = metrics["socketio_rate_limited_total", ["kind": "events", "action": action]] ?? -1
            return handled + Int(refused) == sent
        }
        return handled
    }

    @Test(.timeLimit(.minutes(2))) func aSessionIsLimited() async throws {
        let file = try TemporaryFile(Self.base + Self.rates("drop", "session"))
        let server = try RunningProcess.server(["--config", file.path])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let start = ContinuousClock.now
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
        let socket = try await client.join()
        for _ in 0..<40 { try await socket.emit("n") }
        let handled = try await Self.handled(40, "drop", operations)
        // The CONNECT was the first of twenty packets. One comes back every second.
        #expect((19...20 + Int((ContinuousClock.now - start) / .seconds(1))).contains(handled), "\(handled)")
        // Another session has its own.
        let other = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        for _ in 0..<19 { try await other.emit("n") }
        #expect(try await Self.handled(59, "drop", operations) >= handled + 19)
        await client.close()
    }

    @Test(.timeLimit(.minutes(2))) func theUserOfATokenIsLimitedInAllSessions() async throws {
        let maker = try TokenMaker()
        let secret = "a-secret-0123456789-0123456789-01"
        let file = try TemporaryFile(
            Self.base + Self.rates("drop", "user") + "auth: {jwt: {mode: optional, secret: \"\(secret)\"}}\n")
        let server = try RunningProcess.server(["--config", file.path])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let start = ContinuousClock.now
        let token = TestValue.string(try maker.hmac(secret))
        var sockets: [TestSocket] = []
        for _ in 0..<2 {
            let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
            sockets.append(try await client.join("/", auth: ["token": token]))
        }
        for socket in sockets { for _ in 0..<18 { try await socket.emit("n") } }
        let handled = try await Self.handled(36, "drop", operations)
        // Twenty for both together, CONNECTs included; each may go over by what passes between two looks, which is 2.
        #expect((18...22 + Int((ContinuousClock.now - start) / .seconds(1))).contains(handled), "\(handled)")
        // Without a token a client is nobody, and not limited.
        let nobody = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        for _ in 0..<100 { try await nobody.emit("n") }
        #expect(try await Self.handled(136, "drop", operations) == handled + 100)
    }

    @Test(.timeLimit(.minutes(2))) func rateSettingsAreReloaded() async throws {
        let maker = try TokenMaker()
        try maker.write(Self.base + Self.rates("drop", "address"), to: "settings.yaml")
        let server = try RunningProcess.server(["--config", maker.file("settings.yaml")])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let socket = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        for _ in 0..<40 { try await socket.emit("n") }
        let before = try await Self.handled(40, "drop", operations)
        #expect(before < 40)
        try maker.write(Self.base + Self.rates("drop", "none"), to: "settings.yaml")
        server.signal(SIGHUP)
        try await eventually("settings reloaded", within: .seconds(30)) { server.output.contains("settings reloaded") }
        for _ in 0..<100 { try await socket.emit("n") }
        #expect(try await Self.handled(140, "drop", operations) == before + 100)
    }
}
