// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// Clients that come and go leave nothing behind: no memory, no descriptor, no timer, no room.
///
/// `make churn` has `CHURN_SESSIONS=100000` of them; without the variable there are fewer.
@Suite(.serialized) struct ChurnTests {
    private static let sessions = ProcessInfo.processInfo.environment["CHURN_SESSIONS"].flatMap { Int($0) } ?? 4_000
    private static let firstSessions = 3_000
    private static let handshakes = 10_000

    /// What is left at one moment.
    private struct Figures {
        let process: ProcessFigures
        let metrics: PrometheusText

        init(_ server: RunningProcess, operations: Int) async throws {
            metrics = try PrometheusText(try await ask(operations, "/metrics").text)
            process = try ProcessFigures(of: server.identifier)
        }

        /// Nobody is there.
        var isEmpty: Bool {
            ["engineio_sessions", "engineio_pending_sessions", "socketio_sockets", "socketio_rooms", "socketio_timers"]
                .allSatisfy { metrics[$0] == 0 }
        }

        var mebibytes: Double { Double(process.residentBytes) / 1_048_576 }
    }

    private static func server(_ arguments: [String]) throws -> RunningProcess {
        try RunningProcess.server(
            [
                "--host", "127.0.0.1", "--port", "0", "--event-loops", "2", "--operations-port", "0",
                // All visitors come from one address.
                "--chat-address-factor", "0",
            ] + arguments)
    }

    /// Waits until everybody is gone and the memory is at most `limit` (the allocator takes its time), and returns what there is
    /// then.
    private static func settled(
        _ server: RunningProcess, _ operations: Int, limit: Int = .max
    ) async throws -> Figures {
        var last = try await Figures(server, operations: operations)
        try await eventually("everybody is gone", within: .seconds(120)) {
            last = try await Figures(server, operations: operations)
            return last.isEmpty
        }
        let end = ContinuousClock.now + .seconds(30)
        while last.process.residentBytes > limit, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(200))
            last = try await Figures(server, operations: operations)
        }
        return last
    }

    private static func compare(_ after: Figures, with before: Figures, _ what: String) {
        print(
            "churn: \(what): resident memory \(before.mebibytes.formatted(.number.precision(.fractionLength(1)))) MiB before, "
                + "\(after.mebibytes.formatted(.number.precision(.fractionLength(1)))) MiB after; descriptors "
                + "\(before.process.descriptors) and \(after.process.descriptors)")
        #expect(Double(after.process.residentBytes) <= Double(before.process.residentBytes) * 1.05, "\(what)")
        #expect(after.process.descriptors <= before.process.descriptors, "\(what)")
    }

    @Test(.timeLimit(.minutes(60))) func clientsComeAndGo() async throws {
        let server = try Self.server([])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        // Whatever is made once is there, and what grows for a while has reached its bound: the histories of the rooms and the pages
        // that the database keeps. After 2,000 visits the memory stands still.
        try await Threads.run(4, times: Self.firstSessions) { try Self.visit(port, number: $0) }
        let before = try await Self.settled(server, operations)
        try await Threads.run(4, times: Self.sessions) { try Self.visit(port, number: $0) }
        let limit = before.process.residentBytes / 100 * 105
        let after = try await Self.settled(server, operations, limit: limit)
        Self.compare(after, with: before, "\(Self.sessions) sessions")
        #expect(after.metrics["socketio_connections_total"] == Double(Self.sessions + Self.firstSessions))
        #expect(server.isRunning)
    }

    /// One client: connects, joins a room of the chat, says something, leaves, and goes in one of four ways.
    private static func visit(_ port: Int, number: Int) throws {
        var client = try BlockingClient(port: port)
        let room = "r\(number % 16)"
        try client.send(Array(BlockingClient.upgrade.utf8) + BlockingClient.frame("40{\"name\":\"n\(number)\"}"))
        _ = try client.receive(through: "40{\"sid\"")
        try client.send(
            BlockingClient.frame("420[\"join\",\"\(room)\"]")
                + BlockingClient.frame("421[\"message\",\"room:\(room)\",\"hello from \(number)\"]")
                + BlockingClient.frame("422[\"leave\",\"room:\(room)\"]"))
        _ = try client.receive(through: "432[")
        switch number % 4 {
        case 0: client.reset()
        case 1: try client.send(BlockingClient.frame("41"))
        case 2:
            try client.send(BlockingClient.frame([0x03, 0xE8], opcode: 8))
            _ = try client.receiveAll()
        default: break
        }
    }

    /// Clients that never come back after their handshake, each with a large cookie.
    @Test(.timeLimit(.minutes(10))) func abandonedHandshakes() async throws {
        let server = try Self.server([
            "--connect-timeout-ms", "3000", "--ping-interval-ms", "2000", "--ping-timeout-ms", "1000",
        ])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        try await Threads.run(4, times: 200) { _ in try Self.abandon(port) }
        let before = try await Self.settled(server, operations)
        try await Threads.run(4, times: Self.handshakes) { _ in try Self.abandon(port) }
        let limit = before.process.residentBytes / 100 * 105
        Self.compare(
            try await Self.settled(server, operations, limit: limit), with: before,
            "\(Self.handshakes) abandoned handshakes")
    }

    /// Heads of 14 kB: what is kept of them is bounded while they are there.
    @Test(.timeLimit(.minutes(10))) func abandonedHandshakesWithLargeHeads() async throws {
        let server = try Self.server([])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        try await Threads.run(4, times: 200) { _ in try Self.abandon(port) }
        let before = try await Figures(server, operations: operations)
        let cookie = "Cookie: \(String(repeating: "c", count: 13_800))\r\n"
        try await Threads.run(4, times: Self.handshakes) { _ in try Self.abandon(port, headers: cookie) }
        let after = try await Figures(server, operations: operations)
        let growth = after.mebibytes - before.mebibytes
        print("churn: \(Self.handshakes) handshakes with heads of 14 kB: grown by \(growth) MiB")
        #expect(growth <= 40)
        let pending = try #require(after.metrics["engineio_pending_sessions"])
        #expect(pending > 2_000 && pending < 2_500)
    }

    private static func abandon(_ port: Int, headers: String = "") throws {
        var client = try BlockingClient(port: port)
        try client.send(BlockingClient.handshake(headers: headers))
        _ = try client.receive(through: "\"maxPayload\"")
    }
}

/// Threads of a test's own, for calls that wait.
private enum Threads {
    /// Calls `body` with 0 to `times`, on so many threads; the first error ends all.
    static func run(_ count: Int, times: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
        let next = NIOLockedValueBox(0)
        let failure = NIOLockedValueBox<(any Error)?>(nil)
        await withTaskGroup { group in
            for _ in 0..<count {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        Thread.detachNewThread {
                            while failure.withLockedValue({ $0 }) == nil {
                                let number = next.withLockedValue { next in
                                    defer { next += 1 }
                                    return next
                                }
                                guard number < times else { break }
                                do {
                                    try body(number)
                                } catch {
                                    failure.withLockedValue { $0 = $0 ?? error }
                                }
                            }
                            continuation.resume()
                        }
                    }
                }
            }
        }
        if let failure = failure.withLockedValue({ $0 }) { throw failure }
    }
}
