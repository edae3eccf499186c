// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// The requests to other nodes that wait for answers.
///
///     begun ── all known peers and as many foreign nodes as expected have answered ──▶ completed
///       ├───── as many answers as there are nodes ──▶ completed
///       ├───── those that are missing have gone ──▶ completed, with the answers there are
///       └───── time is up ──▶ timed out, with the answers there are and who is missing
///
/// Our peers sign their answers, which is how a double answer is told from another node's and how a request stops
/// waiting for a node that has died. Foreign nodes do not; they are only counted. Nothing is kept of a request that has
/// ended, so late answers find nothing.
///
/// A peer may send a response in parts, numbered from 0. They count when the last part has arrived and none is missing.
/// A peer whose response has a gap is reported as one that has not responded.
package struct ClusterRequestTable<Answer, Context> {
    /// How a request ended.
    package struct Outcome {
        package var context: Context
        /// The responses; one that was sent in parts takes several elements.
        package var answers: [Answer]
        /// How many nodes have answered.
        package var answered: Int
        /// Tags of the known peers that have not answered.
        package var missing: [String]
        /// How many answers were expected in the end.
        package var expected: Int
        package var isComplete: Bool
    }

    package enum Event {
        /// No such request, or not any more.
        case unknown
        /// That peer has responded before, or a part of its response is out of order.
        case duplicate
        case pending
        case completed(Outcome)
    }

    private struct Entry {
        var context: Context
        /// Known peers still to answer: uid to tag.
        var missing: NameDictionary<String>
        var answered: Set<ExactName> = []
        var foreignMissing: Int
        /// Foreign nodes there were when the request went out, less those that have gone since.
        var foreign: Int
        /// Whether it was known which of the nodes are peers.
        let knowsPeers: Bool
        var expected: Int
        var answers: [Answer] = []
        var answerCount = 0
        /// Parts of incomplete responses, by the uids of the peers.
        var parts: NameDictionary<[Answer]> = [:]

        var isComplete: Bool { (missing.isEmpty && foreignMissing <= 0) || answerCount >= expected }

        func outcome(isComplete: Bool) -> Outcome {
            Outcome(
                context: context, answers: answers, answered: answerCount, missing: missing.values.sortedByBytes(),
                expected: expected, isComplete: isComplete)
        }
    }

    private var entries: [ExactName: Entry] = [:]

    package init() {}

    package var count: Int { entries.count }

    package func contains(_ id: String) -> Bool { entries[ExactName(id)] != nil }

    /// A request goes out to `nodes` other nodes, of which `peers` (uid to tag) are known. Returns the outcome when there
    /// is nobody to wait for.
    package mutating func begin(
        _ id: String, nodes: Int, peers: NameDictionary<String>, context: Context
    ) -> Outcome? {
        let entry = Entry(
            context: context, missing: peers, foreignMissing: nodes - peers.count,
            foreign: max(0, nodes - peers.count), knowsPeers: !peers.isEmpty, expected: max(0, nodes))
        guard !entry.isComplete else { return entry.outcome(isComplete: true) }
        entries[ExactName(id)] = entry
        return nil
    }

    /// The most parts of one answer.
    package static var maximumParts: Int { 1024 }

    /// Adds a part of a peer's response, but not the last one.
    ///
    /// - Parameter number: Its position among the parts, from 0.
    package mutating func received(part number: Int, of id: String, by uid: String, _ answer: Answer) -> Event {
        let id = ExactName(id)
        guard let entry = entries[id] else { return .unknown }
        let known = entry.parts[uid]?.count ?? 0
        // The last part is one more.
        guard !entry.answered.contains(ExactName(uid)), number == known, known + 1 < Self.maximumParts else {
            return .duplicate
        }
        entries[id]?.parts[uid, default: []].append(answer)
        return .pending
    }

    /// Adds the last part of a peer's response.
    package mutating func answered(_ id: String, by uid: String, _ answer: Answer, lastPart number: Int) -> Event {
        let key = ExactName(id)
        guard let entry = entries[key] else { return .unknown }
        guard !entry.answered.contains(ExactName(uid)), number == entry.parts[uid]?.count ?? 0 else {
            return .duplicate
        }
        let parts = entries[key]?.parts.removeValue(forKey: uid) ?? []
        entries[key]?.answers += parts
        return answered(id, by: uid, answer)
    }

    /// An answer, signed or not.
    package mutating func answered(_ id: String, by uid: String?, _ answer: Answer) -> Event {
        let id = ExactName(id)
        guard var entry = entries[id] else { return .unknown }
        if let uid {
            guard entry.answered.insert(ExactName(uid)).inserted else { return .duplicate }
            // A peer that has come since the request went out is one of the nodes that were counted.
            if entry.missing.removeValue(forKey: uid) == nil { entry.foreignMissing -= 1 }
        } else {
            entry.foreignMissing -= 1
        }
        entry.answers.append(answer)
        entry.answerCount += 1
        return settle(id, entry).map(Event.completed) ?? .pending
    }

    /// A peer has gone: nobody waits for it any more.
    package mutating func lost(peer uid: String) -> [Outcome] {
        var outcomes: [Outcome] = []
        for (id, var entry) in entries where entry.missing.removeValue(forKey: uid) != nil {
            entry.parts[uid] = nil
            entry.expected -= 1
            // An answer that arrives after all would count as that of another node.
            entry.answered.insert(ExactName(uid))
            if let outcome = settle(id, entry) { outcomes.append(outcome) }
        }
        return outcomes
    }

    /// Whether answers of foreign nodes are waited for.
    package var isWaitingForForeign: Bool { entries.values.contains { $0.foreignMissing > 0 } }

    /// So many nodes are left that are not known, and so many altogether. Foreign nodes do not sign their answers: those
    /// that have gone count as the ones that have not answered.
    package mutating func left(foreign: Int, nodes: Int) -> [Outcome] {
        var outcomes: [Outcome] = []
        for (id, var entry) in entries {
            let gone = entry.foreign - (entry.knowsPeers ? foreign : nodes)
            guard gone > 0 else { continue }
            entry.foreign -= gone
            entry.foreignMissing -= gone
            entry.expected -= gone
            if let outcome = settle(id, entry) { outcomes.append(outcome) }
        }
        return outcomes
    }

    /// The time is up.
    package mutating func timedOut(_ id: String) -> Outcome? {
        entries.removeValue(forKey: ExactName(id))?.outcome(isComplete: false)
    }

    /// Ends everything.
    package mutating func removeAll() -> [Outcome] {
        let outcomes = entries.values.map { $0.outcome(isComplete: false) }
        entries = [:]
        return outcomes
    }

    private mutating func settle(_ id: ExactName, _ entry: Entry) -> Outcome? {
        guard entry.isComplete else {
            entries[id] = entry
            return nil
        }
        entries[id] = nil
        return entry.outcome(isComplete: true)
    }
}

extension ClusterRequestTable.Outcome: Sendable where Answer: Sendable, Context: Sendable {}
