// Part of socketio-server, MIT licence; see LICENSE.

/// The time-out of one question to other servers, and what happens to partial results. `fetchSockets`, `allSockets`, `count`,
/// `countByRoom` and `rooms` take both as parameters; without them the settings of the adapter hold.
///
/// An adapter that asks other servers reads ``current`` at the beginning of its method, in the task that has called it.
public struct QueryOptions: Sendable, Hashable {
    /// What a call does when some servers have not answered in time.
    public enum PartialResults: String, Sendable, Hashable, Codable, CaseIterable {
        /// The call throws an error that names the missing servers, as far as they are known.
        case refused
        /// The call returns the answers that have arrived.
        case accepted
    }

    /// How long to wait; nil for the time that the adapter's settings say.
    public var timeout: Duration?
    /// What the call does after that time; nil for what the adapter's settings say.
    public var partialResults: PartialResults?

    /// - Parameters:
    ///   - timeout: How long to wait; nil for the time that the adapter's settings say.
    ///   - partialResults: What the call does after that time; nil for what the adapter's settings say.
    public init(timeout: Duration? = nil, partialResults: PartialResults? = nil) {
        self.timeout = timeout
        self.partialResults = partialResults
    }

    @TaskLocal private static var given: QueryOptions?

    /// The options of the question that is being asked in this task; both members are nil outside of a question.
    public static var current: QueryOptions { given ?? QueryOptions() }

    /// How long to wait: ``timeout``, or `usual`, the time of the adapter's settings, when that is nil.
    public func timeout(else usual: Duration) -> Duration { timeout ?? usual }

    /// Asks with these options.
    func ask<Answer>(_ question: () async throws -> Answer) async rethrows -> Answer {
        guard self != QueryOptions() else { return try await question() }
        return try await Self.$given.withValue(self, operation: question)
    }
}
