// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// Charges questions to other servers to the client that has caused them. Each question costs all servers something, so one that a
/// handler asks for a client's event counts towards ``RateLimits/Rates/questionsPerSecond`` of the client.
package enum Questions {
    /// The socket whose event an asynchronous handler is for, while questions are limited. Tasks that the handler starts inherit it.
    @TaskLocal static var asker: Socket?

    /// Must be called before a request to other servers.
    ///
    /// - Throws: ``SocketError`` with code `rateLimited`, if the action is to drop what exceeds the rate.
    static func admit(isLocal: Bool = false) async throws {
        guard let asker, !isLocal else { return }
        if await asker.core.get({ $0.client.isRefused(.questions) }) { throw SocketError.tooManyQuestions }
    }

    /// Counts one question of the client, and returns the answer of `work`, or that of the same work of another caller that was
    /// begun after this call. What `work` asks is not counted again.
    package static func shared<Key, Value>(
        _ line: SharedWork<Key, Value>, _ key: Key, _ work: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await admit()
        return try await $asker.withValue(nil) { try await line.value(for: key, work) }
    }

    /// The same for calls that cannot wait for the client's event loop: elsewhere they are counted a moment later, and refused
    /// when the last one that was counted so exceeded the rate.
    static func admitWithoutWaiting(isLocal: Bool) throws {
        guard let asker, !isLocal else { return }
        var isRefused = asker.core.runIfHere { $0.client.isRefused(.questions) }
        if isRefused == nil {
            isRefused = asker.refusesQuestions.load(ordering: .relaxed)
            asker.core.run { asker.refusesQuestions.store($0.client.isRefused(.questions), ordering: .relaxed) }
        }
        if isRefused == true { throw SocketError.tooManyQuestions }
    }
}

extension SocketError {
    fileprivate static let tooManyQuestions = SocketError(
        .rateLimited, "the client asks other servers more often than it may")
}
