// Part of socketio-server, MIT licence; see LICENSE.

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOSSL

/// Requests to programs that the operator names: permission callbacks, webhooks, key sets, other nodes.
extension HTTPClient {
    /// A client that speaks TLS 1.2 or later and leaves redirects to its user. It has connections of its own.
    static func strict(_ change: (inout Configuration) -> Void = { _ in }) -> HTTPClient {
        var configuration = Configuration(redirectConfiguration: .disallow)
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.tlsConfiguration?.minimumTLSVersion = .tlsv12
        change(&configuration)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Sends a request and reads its answer, both within one time limit. The limit of `execute` ends at the head of the
    /// answer, so a program that sends no more than a head would keep the caller waiting.
    ///
    /// The connection of a request that is not over when the limit or `read` ends is closed.
    ///
    /// - Parameter read: Takes what is needed of the answer.
    /// - Throws: `HTTPClientError.deadlineExceeded` after `limit`, an error of the connection, or what `read` throws.
    func exchange<Result: Sendable>(
        _ request: HTTPClientRequest, within limit: TimeAmount,
        _ read: @escaping @Sendable (HTTPClientResponse) async throws -> Result
    ) async throws -> Result {
        let end = ContinuousClock.now + .nanoseconds(limit.nanoseconds)
        // This one knows why there was no connection, and says so when the time is over.
        let response = try await execute(request, timeout: limit)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await read(response) }
            group.addTask {
                try await ContinuousClock().sleep(until: end)
                return nil
            }
            defer { group.cancelAll() }
            guard let result = try await group.next().flatMap(\.self) else { throw HTTPClientError.deadlineExceeded }
            return result
        }
    }
}
