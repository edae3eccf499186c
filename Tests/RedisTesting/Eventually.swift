// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// What a test did not find.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Looks at a condition until it holds; fails when it does not within the limit.
package func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ condition: @Sendable () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else { throw TestFailure("not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Collects values from event loops.
package final class Recorder<Value: Sendable>: Sendable {
    private let box = NIOLockedValueBox<[Value]>([])
    /// Nothing, to begin with.
    package init() {}

    package var values: [Value] { box.withLockedValue { $0 } }
    package var count: Int { box.withLockedValue { $0.count } }
    package func append(_ value: Value) { box.withLockedValue { $0.append(value) } }
}
