// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import HTTPServerCore
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// A server whose limit of open files is reached: it refuses newcomers without effort, serves those who are there, tells
/// those who run it, and recovers by itself.
@Suite(.serialized) struct DescriptorTests {
    fileprivate static let limit = 256

    /// Idle connections stay for as long as the tests take.
    fileprivate static func server() throws -> RunningProcess {
        try RunningProcess.server(
            [
                "--host", "127.0.0.1", "--port", "0", "--event-loops", "2", "--operations-port", "0",
                "--limits-head-timeout-ms", "600000", "--limits-keep-alive-timeout-ms", "600000",
                "--admission-max-sessions", "10000",
            ], descriptors: limit, mayRaise: false)
    }

    /// How much of one core a process uses, over two seconds.
    private static func load(of server: RunningProcess) async throws -> Double {
        let before = try ProcessFigures(of: server.identifier).processorTime
        let start = ContinuousClock.now
        try await Task.sleep(for: .seconds(2))
        let used = try ProcessFigures(of: server.identifier).processorTime - before
        return used / ((ContinuousClock.now - start) / .seconds(1))
    }

    fileprivate static func isRefused(_ port: Int) throws -> Bool {
        var client = try BlockingClient(port: port)
        try client.send(BlockingClient.handshake(headers: "Connection: close\r\n"))
        return String(decoding: try client.receiveAll(), as: UTF8.self).hasPrefix("HTTP/1.1 503 ")
    }

    @Test(.timeLimit(.minutes(3))) func clientsAreRefusedBeforeTheLastDescriptors() async throws {
        let server = try Self.server()
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let start = ContinuousClock.now
        _ = try await server.line { line in
            line.contains("few connections fit into the limit of open files") && line.contains("limit=256") ? true : nil
        }
        var client = try BlockingClient(port: port)
        try client.send(Array(BlockingClient.upgrade.utf8) + BlockingClient.frame("40{\"name\":\"Ada\"}"))
        _ = try client.receive(through: "40{\"sid\"")
        var held = Connections()
        try held.open(Self.limit, to: port)
        // Whoever finds no room is answered, and the connection closed.
        try await eventually("the table is full", within: .seconds(30)) {
            try ProcessFigures(of: server.identifier).descriptors >= Self.limit
                - DescriptorLimit.headroom(of: Self.limit) - 2
        }
        var late = try BlockingClient(port: port)
        try late.send(BlockingClient.handshake())
        let answer = String(decoding: try late.receiveAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n"), "\(answer)")
        // Those who run the server get in, and read what is the matter.
        try await eventually("readiness", within: .seconds(30)) {
            let ready = try await ask(operations, "/readyz").text
            return ready.contains("\"overloaded\"") && ready.contains("descriptors: connections are refused")
        }
        let metrics = try PrometheusText(try await ask(operations, "/metrics").text)
        #expect(try #require(metrics["socketio_connections_refused_for_descriptors_total"]) >= 1)
        #expect(metrics["socketio_overloaded"] == 1)
        #expect(try await Self.load(of: server) < 0.05)
        #expect(try ProcessFigures(of: server.identifier).descriptors < Self.limit)
        // Those who are in notice nothing.
        try client.send(BlockingClient.frame("421[\"rooms\"]"))
        _ = try client.receive(through: "431[")
        // One line a minute for all of them.
        let lines = server.output.components(separatedBy: "connections are refused: the process").count - 1
        #expect(lines >= 1 && lines <= 1 + Int((ContinuousClock.now - start) / .seconds(60)))

        held.closeAll()
        try await eventually("room again", within: .seconds(30)) {
            // Refused for a moment more, perhaps with a reset.
            (try? await ask(port, "/healthz"))?.status == 200
        }
        try await eventually("ready", within: .seconds(30)) {
            try await ask(operations, "/readyz").text.contains("\"ready\"")
        }
        try client.send(BlockingClient.frame("422[\"rooms\"]"))
        _ = try client.receive(through: "432[")
    }

    /// The operations listener uses what clients leave, but not the last descriptors: without any, libdispatch ends the process.
    @Test(.timeLimit(.minutes(3))) func theLastDescriptorsAreNobodys() async throws {
        let server = try Self.server()
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        var held = Connections()
        try held.open(Self.limit, to: port)
        // The rest by way of the operations listener, whose connections end after five seconds.
        try await eventually("nobody gets in", within: .seconds(60)) {
            try held.open(8, to: operations)
            return try Self.isRefused(operations)
        }
        #expect(try Self.isRefused(port))
        // The guards of two listeners may hold one more for a moment.
        let free = Self.limit - (try ProcessFigures(of: server.identifier).descriptors)
        #expect(free >= DescriptorLimit.reserve(of: Self.limit) - 2)
        #expect(try await Self.load(of: server) < 0.05)
        #expect(server.isRunning, "ended with \(server.status ?? -1):\n\(server.output.suffix(4000))")
        held.closeAll()
        try await eventually("room again", within: .seconds(30)) {
            (try? await ask(port, "/readyz"))?.text.contains("\"ready\"") ?? false
        }
        server.signal(15)
        #expect(try await server.exitCode() == 0)
    }
}

extension DescriptorTests {
    /// Whenever one client leaves, the listener takes the next; those behind it in the queue get none of the last descriptors.
    @Test(.timeLimit(.minutes(3))) func comingAndGoingUsesUpNoneOfTheLast() async throws {
        let server = try Self.server()
        let port = try await server.port()
        var held = Connections()
        try held.open(Self.limit, to: port)
        try await eventually("refused", within: .seconds(30)) { try Self.isRefused(port) }
        for _ in 0..<20 {
            held.closeFirst()
            try held.open(12, to: port)
            #expect(try Self.isRefused(port))
        }
        let free = Self.limit - (try ProcessFigures(of: server.identifier).descriptors)
        #expect(free >= DescriptorLimit.headroom(of: Self.limit) - 2)
        held.closeAll()
        server.signal(15)
        #expect(try await server.exitCode() == 0)
    }
}

/// Connections that are held and say nothing.
private struct Connections: ~Copyable {
    private var held: [Held] = []

    private final class Held {
        let client: BlockingClient
        init(_ client: consuming BlockingClient) { self.client = client }
    }

    mutating func open(_ count: Int, to port: Int) throws {
        for _ in 0..<count { held.append(Held(try BlockingClient(port: port))) }
    }

    mutating func closeFirst() { held.removeFirst() }

    mutating func closeAll() { held = [] }
}
