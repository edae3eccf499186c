// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import ProcessTesting
import Testing

/// The measurement that `make bench` and the guard of instruction counts rely on: it ends, and only when all has arrived.
@Suite struct FanOutSpeedTests {
    @Test(.timeLimit(.minutes(2)), arguments: [64, 600]) func everyRecipientReadsEveryBroadcast(size: Int) async throws
    {
        let process = try RunningProcess(
            BuiltProduct.path("measure"),
            ["fan-out-speed", "--recipients", "20", "--count", "10", "--size", "\(size)"], descriptors: 1024)
        defer { process.kill() }
        #expect(try await process.exitCode(within: 100) == 0, "\(process.output)")
        // Twenty recipients of ten broadcasts and of the five that are not measured.
        #expect(process.output.hasPrefix("fan-out\trecipients 20\tbroadcasts 10\tread 300\tCPU "), "\(process.output)")
    }

    @Test func wrongUsageIsRefused() async throws {
        let process = try RunningProcess(
            BuiltProduct.path("measure"), ["fan-out-speed", "--recipients", "0"])
        defer { process.kill() }
        #expect(try await process.exitCode(within: 60) == 64)
    }
}
