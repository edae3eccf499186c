// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import Testing

@testable import socketio_load

/// Whole runs against a server in this process; loopback only, each well below a second of load.
@Suite(.serialized) struct ServerRunTests {
    @Test(arguments: LoadTransport.allCases) func echoesComeBack(transport: LoadTransport) async throws {
        var part = LoadPart(name: "echo", work: .echo, transport: transport, connections: 20)
        part.inFlight = 3
        let report = try await run([part])
        try expectNoFaults(report)
        #expect(report.parts[0].counts.sent >= 60)
        #expect(report.parts[0].latency != nil)
        // The server is this process.
        #expect(report.servers.map(\.pid) == [getpid()])
        #expect(try #require(report.cpuPerDelivery) > 0)
    }

    @Test(arguments: [1, 2], [1, 3]) func broadcastsReachAll(threads: Int, publishers: Int) async throws {
        var part = LoadPart(name: "broadcast", work: .publish, transport: .websocket, connections: 30)
        part.publishersPerRoom = publishers
        part.inFlight = 4
        let report = try await run([part]) { $0.threads = threads }
        try expectNoFaults(report)
        #expect(report.parts[0].counts.delivered == report.parts[0].counts.sent * 30)
    }

    @Test(arguments: [1, 2]) func roomsStayApart(threads: Int) async throws {
        var part = LoadPart(name: "rooms", work: .publish, transport: .websocket, connections: 40)
        part.rooms = 8
        part.publishersPerRoom = 5
        let report = try await run([part]) { $0.threads = threads }
        try expectNoFaults(report)
        #expect(report.parts[0].counts.delivered == report.parts[0].counts.sent * 5)
    }

    @Test(arguments: LoadTransport.allCases) func connectionsComeAndGo(transport: LoadTransport) async throws {
        let part = LoadPart(name: "connect", work: .connect, transport: transport, connections: 5)
        let report = try await run([part])
        try expectNoFaults(report)
        #expect(report.parts[0].counts.sent >= 5)
        #expect(report.parts[0].counts.delivered == report.parts[0].counts.sent)
    }

    @Test func fixedRatesAreKept() async throws {
        var echo = LoadPart(name: "echo", work: .echo, transport: .websocket, connections: 10)
        echo.rate = 500
        var room = LoadPart(name: "rooms", work: .publish, transport: .polling, connections: 10)
        room.rate = 50
        var connect = LoadPart(name: "connect", work: .connect, transport: .websocket, connections: 20)
        connect.rate = 50
        let report = try await run([echo, room, connect]) { $0.threads = 2 }
        try expectNoFaults(report)
        // Half a second of plan, whatever the server made of it.
        let planned = report.parts.map { $0.counts.sent + $0.counts.unsent }
        for (count, expected) in zip(planned, [250, 25, 25]) { #expect(abs(count - expected) <= 3) }
        #expect(report.parts[0].sendLag != nil)
    }

    @Test func idleConnectionsStay() async throws {
        let part = LoadPart(name: "idle", work: .idle, transport: .websocket, connections: 50)
        let report = try await run([part], mode: "idle")
        try expectNoFaults(report)
        #expect(report.residentPerConnection != nil)
    }

    @Test func namespacesAuthAndNamesAreUsed() async throws {
        let part = LoadPart(name: "broadcast", work: .publish, transport: .websocket, connections: 4)
        let report = try await run([part]) { plan in
            plan.namespace = "/guarded"
            plan.auth = #"{"token":"right"}"#
        }
        try expectNoFaults(report)
        await #expect(throws: LoadFailure.self) {
            try await run([part]) { $0.namespace = "/guarded" }
        }
    }

    // MARK: Faults

    @Test(arguments: FaultyServer.Fault.allCases) func faultsAreFound(fault: FaultyServer.Fault) async throws {
        var part = LoadPart(name: "broadcast", work: .publish, transport: .websocket, connections: 10)
        part.rooms = 2
        part.rate = 200
        let report = try await run([part], fault: fault) { $0.drain = 300_000_000 }
        let counts = report.parts[0].counts
        let found: [FaultyServer.Fault: Int] = [
            .loses: counts.lost, .doubles: counts.doubled, .reorders: counts.outOfOrder, .harms: counts.damaged,
            .misdelivers: counts.misdelivered, .disconnects: counts.lostConnections,
        ]
        #expect(try #require(found[fault]) > 0, "\(report.faults)")
        #expect(!report.faults.isEmpty)
        if fault == .doubles || fault == .reorders { #expect(counts.lost == 0) }
    }

    @Test func nobodyThereIsAFailure() async throws {
        let part = LoadPart(name: "echo", work: .echo, transport: .websocket, connections: 1)
        var plan = LoadPlan(mode: "echo", targets: [try LoadTarget("http://127.0.0.1:1")], parts: [part])
        plan.processes = .none
        let unreachable = plan
        await #expect(throws: LoadFailure.self) {
            try await offPool { try LoadRun.run(unreachable, progress: ProgressLine(isShown: false)) }
        }
    }

    // MARK: The executable

    @Test func exitCodesTellTheOutcome() async throws {
        let common = ["--duration", "200ms", "--warmup", "0", "--drain", "300ms", "-c", "5", "--rate", "100"]
        let good = try await FaultyServer.start(nil)
        let bad = try await FaultyServer.start(.doubles)
        let fine = try await LoadProcess.run(["broadcast", "-t", good.address] + common)
        #expect(fine.code == 0, "\(fine.output)")
        #expect(fine.output.contains("0 doubled"))
        let faulty = try await LoadProcess.run(["broadcast", "-t", bad.address, "--json"] + common)
        #expect(faulty.code == 2, "\(faulty.output)")
        let compared = try await LoadProcess.run(
            ["compare", good.address, good.address, "--rounds", "2", "--pause", "0", "--json", "--", "broadcast"]
                + common)
        #expect(compared.code == 0, "\(compared.output)")
        let comparison = try JSONDecoder().decode(Comparison.self, from: Data(compared.output.utf8))
        #expect(comparison.metrics.first?.first.count == 2)
        #expect(try await LoadProcess.run(["echo", "-t", "http://127.0.0.1:1", "--warmup", "0"]).code == 1)
        #expect(try await LoadProcess.run(["echo", "--size", "1"]).code == 64)
        await good.stop()
        await bad.stop()
    }

    // MARK: Support

    private func run(
        _ parts: [LoadPart], mode: String = "test", fault: FaultyServer.Fault? = nil,
        _ change: (inout LoadPlan) -> Void = { _ in }
    ) async throws -> LoadReport {
        let server = try await FaultyServer.start(fault)
        var plan = LoadPlan(mode: mode, targets: [try LoadTarget(server.address)], parts: parts)
        plan.duration = 500_000_000
        plan.settle = 20_000_000
        change(&plan)
        do {
            let report = try await offPool { [plan] in
                try LoadRun.run(plan, progress: ProgressLine(isShown: false))
            }
            await server.stop()
            return report
        } catch {
            await server.stop()
            throw error
        }
    }

    private func expectNoFaults(_ report: LoadReport) throws {
        #expect(report.faults == [])
        for part in report.parts where part.work != .idle { #expect(part.counts.delivered > 0, "\(part.name)") }
    }
}

/// A run blocks its thread; the threads of tests are too few for that.
private func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: .init(catching: body)) }
    }
}
