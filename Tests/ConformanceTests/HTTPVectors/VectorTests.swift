// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import Testing

/// Replays what a Node server did on the wire, `Vectors/http.jsonl`, against ours.
@Suite("Recorded HTTP and WebSocket exchanges")
struct VectorTests {
    private static let covered = VectorScenario.all.filter { VectorExceptions.notCovered[$0.id] == nil }

    @Test("Every scenario of a built feature gives the recorded answers", arguments: covered, [1, 2])
    func replay(_ recorded: VectorScenario, loops: Int) async throws {
        let scenario = VectorExceptions.expected(recorded)
        let differences = try await self.differences(scenario, loops: loops)
        if !differences.isEmpty { Issue.record("\(differences.joined(separator: "\n"))") }
    }

    private func differences(_ scenario: VectorScenario, loops: Int) async throws -> [String] {
        let found = NIOLockedValueBox<[String]>([])
        try await ServerUnderTest.vectors(scenario.server, loops: loops) { address in
            let replay = VectorReplay(scenario, address: address)
            try await replay.run()
            let differences = replay.differences
            found.withLockedValue { $0 = differences }
        }
        return found.withLockedValue { $0 }
    }

    @Test("The exceptions name scenarios that exist, and most are covered")
    func exceptions() {
        let ids = Set(VectorScenario.all.map(\.id))
        #expect(ids.count == VectorScenario.all.count, "ids are unique")
        for id in VectorExceptions.notCovered.keys { #expect(ids.contains(id), "\(id)") }
        for id in VectorExceptions.deviations.keys { #expect(ids.contains(id), "\(id)") }
        #expect(ids.count == 151, "every line of the file was read")
        #expect(Self.covered.count == ids.count - VectorExceptions.notCovered.count)
        print(
            "http.jsonl: \(Self.covered.count) of \(ids.count) scenarios covered,",
            "\(VectorExceptions.deviations.count) with settled differences; not covered:",
            VectorExceptions.notCovered.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
                .joined(separator: ", "))
    }
}
