// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import ProcessTesting
import Testing

/// What clients that read nothing cost a server, in a process of its own.
@Suite(.serialized) struct SlowReadersTests {
    private struct Figures {
        let growth: Int
        let p99: Double
        let disconnected: Int
    }

    private static func run(_ arguments: [String]) async throws -> Figures {
        let process = try RunningProcess(
            BuiltProduct.path("measure"), ["slow-readers"] + arguments, descriptors: 4096)
        defer { process.kill() }
        // It fails when a client that reads does not get everything.
        #expect(try await process.exitCode(within: 170) == 0, "\(process.output)")
        func figure(_ name: String) throws -> Double {
            let field = process.output.split(separator: "\t").first { $0.hasPrefix(name + " ") }
            let number = field?.split(separator: " ").dropFirst().first?.trimmingCharacters(in: .newlines)
            return try #require(number.flatMap { Double($0) }, "\(process.output)")
        }
        return Figures(
            growth: Int(try figure("growth")) * 1024, p99: try figure("p99"),
            disconnected: Int(try figure("disconnected")))
    }

    /// 100 MB past a client that never reads: the hard bound, 16 MiB, and 2 MiB.
    @Test(.timeLimit(.minutes(3)), arguments: [1, 2], [65_536, 1000])
    func aClientThatNeverReadsCostsTheHardBound(loops: Int, size: Int) async throws {
        let megabytes = size < 10_000 ? 40 : 100
        var growths: [Int] = []
        for _ in 0..<3 {
            let figures = try await Self.run(
                ["--event-loops", "\(loops)", "--size", "\(size)", "--megabytes", "\(megabytes)"])
            #expect(figures.disconnected == 1)
            growths.append(figures.growth)
        }
        // The middle one: now and then the allocator begins another heap for a thread, which is 2 MiB more.
        #expect(growths.sorted()[1] <= 18 << 20, "\(growths) bytes")
    }

    /// Half of a room of 1,000 reads nothing: the others get everything, nearly as fast as alone.
    @Test(.timeLimit(.minutes(3))) func halfOfARoomThatStandsStillHurtsNobody() async throws {
        let alone = try await Self.run(["--readers", "500", "--stalled", "0", "--size", "8000", "--megabytes", "3"])
        let beside = try await Self.run(["--readers", "500", "--stalled", "500", "--size", "8000", "--megabytes", "3"])
        // Twice as long is the aim; the rest is for machines that do something else meanwhile.
        #expect(beside.p99 <= alone.p99 * 5 + 150, "\(beside.p99) ms beside them, \(alone.p99) ms alone")
        #expect(beside.growth <= 64 << 20, "\(beside.growth) bytes")
    }
}
