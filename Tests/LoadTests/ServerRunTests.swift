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

    @Test(arguments: FaultyServer.Fault.ofBroadcasts) func faultsAreFound(fault: FaultyServer.Fault) async throws {
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

    /// Every mode that checks deliveries, against servers that lose, double and reorder: exit code 2, and the fault by name.
    @Test(
        arguments: [FaultyServer.Fault.loses, .doubles, .reorders],
        [["broadcast", "-c", "5"], ["rooms", "--rooms", "2", "--members", "3"]])
    func faultyServersEndWithTwo(fault: FaultyServer.Fault, mode: [String]) async throws {
        let server = try await FaultyServer.start(fault)
        let load = try await LoadProcess.run(
            mode + [
                "-t", server.address, "--duration", "300ms", "--warmup", "0", "--drain", "300ms", "--rate", "200",
            ])
        await server.stop()
        #expect(load.code == 2, "\(load.output)")
        let word =
            switch fault {
            case .loses: "lost"
            case .doubles: "doubled"
            default: "out of order"
            }
        let faults = load.output.split(separator: "\n").filter { $0.contains("FAULT") }
        #expect(faults.contains { $0.hasSuffix(word) }, "\(load.output)")
    }

    /// An acknowledgement too few, and one behind a later one. Our server cannot send one twice.
    @Test(arguments: [FaultyServer.Fault.loses, .reorders])
    func faultyAcknowledgementsEndWithTwo(fault: FaultyServer.Fault) async throws {
        let server = try await FaultyServer.start(fault)
        let load = try await LoadProcess.run([
            "echo", "-t", server.address, "-c", "3", "--echo-event", "faulty-echo", "--duration", "300ms", "--warmup",
            "0", "--drain", "300ms", "--rate", "300", "--json",
        ])
        await server.stop()
        #expect(load.code == 2, "\(load.output)")
        let counts = try #require(
            try JSONDecoder().decode(LoadReport.self, from: Data(load.output.utf8)).parts.first?.counts)
        #expect((fault == .loses ? counts.lost : counts.outOfOrder) > 0)
    }

    /// A server that is at fault in a comparison is named, and there are figures of neither that hide it.
    @Test func aFaultInAComparisonEndsWithTwo() async throws {
        let good = try await FaultyServer.start(nil)
        let bad = try await FaultyServer.start(.loses)
        let compared = try await LoadProcess.run([
            "compare", good.address, bad.address, "--rounds", "1", "--pause", "0", "--", "broadcast", "-c", "5",
            "--duration", "300ms", "--warmup", "0", "--drain", "300ms", "--rate", "200",
        ])
        await good.stop()
        await bad.stop()
        #expect(compared.code == 2, "\(compared.output)")
        #expect(compared.output.contains("B broadcast: "), "\(compared.output)")
        #expect(!compared.output.contains("A broadcast: "), "\(compared.output)")
    }

    /// The modes of the command line, each for a moment.
    @Test(arguments: [
        ["echo", "-c", "5", "--in-flight", "4"], ["polling", "-c", "5"],
        ["rooms", "--rooms", "3", "--members", "4", "--in-flight", "2"], ["churn", "-c", "4"], ["idle", "-c", "20"],
        [
            "mixed", "--echo-connections", "5", "--echo-rate", "100", "--rooms", "2", "--members", "3", "--room-rate",
            "50", "--polling-connections", "3", "--polling-rate", "30", "--connect-rate", "10",
        ],
    ])
    func everyModeRuns(mode: [String]) async throws {
        let server = try await FaultyServer.start(nil)
        let other = try await FaultyServer.start(nil)
        // Rooms are of one server only where no adapter connects two.
        let targets = mode[0] == "rooms" || mode[0] == "mixed" ? [server] : [server, other]
        let load = try await LoadProcess.run(
            mode + targets.flatMap { ["-t", $0.address] } + [
                "--duration", "400ms", "--warmup", "100ms", "--pid", "\(getpid())", "--json",
            ])
        await server.stop()
        await other.stop()
        #expect(load.code == 0, "\(load.output)")
        let report = try JSONDecoder().decode(LoadReport.self, from: Data(load.output.utf8))
        #expect(report.targets.count == targets.count)
        #expect(report.servers.map(\.pid) == [getpid()])
        for part in report.parts where part.work != .idle {
            #expect(part.counts.delivered > 0, "\(part.name)")
            #expect(part.latency != nil, "\(part.name)")
        }
        #expect(report.parts.count == (mode[0] == "mixed" ? 4 : 1))
    }

    /// A stall of the server is in the latency of everything that should have been sent meanwhile, not of one message.
    @Test func latencyCountsFromTheIntendedTime() async throws {
        var part = LoadPart(name: "echo", work: .echo, transport: .websocket, connections: 4)
        part.rate = 400
        let server = try await FaultyServer.start(.stalls)
        var plan = LoadPlan(mode: "echo", targets: [try LoadTarget(server.address)], parts: [part])
        plan.events.echo = "faulty-echo"
        plan.duration = 1_000_000_000
        plan.settle = 20_000_000
        let report = try await offPool { [plan] in try LoadRun.run(plan, progress: ProgressLine(isShown: false)) }
        await server.stop()
        try expectNoFaults(report)
        // The server stood still for 300 ms, a third of the time: of what was to leave then, a half had to wait for 150 ms.
        let latency = try #require(report.parts[0].latency)
        #expect(latency.max >= 250_000)
        #expect(latency.p90 >= 100_000, "p90 \(latency.p90) µs")
    }

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
func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: .init(catching: body)) }
    }
}
