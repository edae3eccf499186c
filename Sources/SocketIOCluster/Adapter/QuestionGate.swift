// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// Limits how many questions of this node wait for answers of others. Each question costs every node some work, so a
/// larger number at the same time would only delay all of them. From any thread.
package final class QuestionGate: Sendable {
    private let limit: Int
    private let waiting = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// How many questions wait.
    var count: Int { waiting.load(ordering: .relaxed) }

    /// Call this before a question, and ``leave()`` when the question has returned.
    ///
    /// - Throws: ``ClusterError`` with code `overloaded`.
    func enter() throws {
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue > limit else { return }
        leave()
        throw ClusterError(.overloaded, "\(limit) questions to other nodes wait for answers already")
    }

    func leave() { waiting.wrappingSubtract(1, ordering: .relaxed) }
}
