// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOConcurrencyHelpers

/// Enforces the budget for the queues of all clients of the node: the clients with the longest queues are given up
/// first.
extension EngineServer {
    /// How many sessions of each shard are considered at once.
    private static let candidatesPerShard = 128

    /// A session and the bytes queued for it.
    private struct Candidate: Sendable {
        let session: LoopReference<SessionCore>
        let waiting: Int
    }

    /// The sessions that the shards have reported.
    private struct Answers {
        var missing: Int
        var candidates: [Candidate] = []
    }

    /// Asks every shard for its sessions with the longest queues and gives up as many of them as necessary. May be
    /// called from any thread.
    func shed() {
        let answers = NIOLockedValueBox(Answers(missing: shards.count))
        for shard in shards {
            shard.run { shard in
                let worst = shard.slowClients.worst(Self.candidatesPerShard).map {
                    Candidate(session: LoopReference($0.session), waiting: $0.waiting)
                }
                let all = answers.withLockedValue { answers -> [Candidate]? in
                    answers.candidates += worst
                    answers.missing -= 1
                    return answers.missing == 0 ? answers.candidates : nil
                }
                if let all { self.shed(all.sorted { $0.waiting > $1.waiting }[...]) }
            }
        }
    }

    /// Gives up sessions in this order, each on its own loop, until enough memory is free.
    private func shed(_ candidates: ArraySlice<Candidate>) {
        let budget = context.budget
        guard let first = candidates.first, budget.isExceeded else { return budget.sheddingEnded() }
        first.session.run { session in
            let shard = session.shard
            var rest = candidates
            shard.deferringSessionEnds {
                while let next = rest.first, next.session.home === shard.home, budget.isExceeded {
                    rest.removeFirst()
                    next.session.value(beside: shard).shed()
                }
            }
            self.shed(rest)
        }
    }
}
