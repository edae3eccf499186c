// Part of socketio-server, MIT licence; see LICENSE.

/// What one question to other servers wants otherwise than the adapter's settings say: `fetchSockets`, `allSockets`, `count`
/// and their like take it as `timeout` and `partialResults`.
///
/// An adapter that asks other servers reads ``current`` when it is asked.
public struct QueryOptions: Sendable, Hashable {
    /// What becomes of the answers when some servers have not answered in time.
    public enum PartialResults: String, Sendable, Hashable, Codable, CaseIterable {
        /// The call throws an error that says who is missing.
        case refused
        /// The call returns what there is.
        case accepted
    }

    /// How long to wait; nil as the adapter's settings say.
    public var timeout: Duration?
    /// What happens then; nil as the adapter's settings say.
    public var partialResults: PartialResults?

    /// - Parameters:
    ///   - timeout: How long to wait; nil as the adapter's settings say.
    ///   - partialResults: What happens then; nil as the adapter's settings say.
    public init(timeout: Duration? = nil, partialResults: PartialResults? = nil) {
        self.timeout = timeout
        self.partialResults = partialResults
    }

    @TaskLocal private static var given: QueryOptions?

    /// Those of the question that is being asked in this task.
    public static var current: QueryOptions { given ?? QueryOptions() }

    /// How long to wait, if the adapter would wait for `usual`.
    public func timeout(else usual: Duration) -> Duration { timeout ?? usual }

    /// Asks with these options.
    func ask<Answer>(_ question: () async throws -> Answer) async rethrows -> Answer {
        guard self != QueryOptions() else { return try await question() }
        return try await Self.$given.withValue(self, operation: question)
    }
}
