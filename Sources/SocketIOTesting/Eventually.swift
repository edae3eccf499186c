// Part of socketio-server, MIT licence; see LICENSE.

/// Waits until `condition` holds, looking again every few milliseconds, at most `timeout` (default 30 s).
///
/// Throws ``TestClientError/timedOut(_:)`` naming `what` when it never did.
public func eventually(
    _ what: String, within timeout: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: timeout)
    while try await !condition() {
        guard clock.now < deadline else { throw TestClientError.timedOut(what) }
        try await Task.sleep(for: .milliseconds(5))
    }
}
