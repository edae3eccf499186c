// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// Bounds the questions of this node that wait for answers of others. Each of them costs every node something, so more of them at
/// once only make all of them late. From any thread.
package final class QuestionGate: Sendable {
    private let limit: Int
    private let waiting = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// How many wait.
    var count: Int { waiting.load(ordering: .relaxed) }

    /// Before a question; ``leave()`` follows when it returns.
    ///
    /// - Throws: ``ClusterError`` with code `overloaded`.
    func enter() throws {
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue > limit else { return }
        leave()
        throw ClusterError(.overloaded, "\(limit) questions to other nodes wait for answers already")
    }

    func leave() { waiting.wrappingSubtract(1, ordering: .relaxed) }
}
