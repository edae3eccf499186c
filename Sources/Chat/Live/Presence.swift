// Part of socketio-server, MIT licence; see LICENSE.

internal import Metrics
internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Who is here, on all servers, each person once however many tabs they have.
///
/// A table on each server, so that nobody is asked when somebody comes. Changes are collected for a moment and then told
/// to those who look: one message for a crowd that comes at once. Servers tell each other of their own people in the same
/// moment; ``replace(_:)`` puts right what that has missed.
final class Presence: Sendable {
    /// Somebody came or went.
    struct Change: Codable, Sendable {
        /// The community; empty for the chat as a whole.
        var space: String
        var person: String
        var name: String
        var isHere: Bool
    }

    /// The people of one server.
    struct Node: Codable, Sendable {
        var node: String
        var people: [Change]
    }

    fileprivate struct Entry {
        var name = ""
        /// Connections to this server.
        var connections = 0
        /// Whether other servers were told that the person is here.
        var isTold = false
        /// Other servers that have the person.
        var others: NameSet = []

        var isHere: Bool { isTold || !others.isEmpty }
    }

    fileprivate struct State {
        var spaces: NameDictionary<NameDictionary<Entry>> = [:]
        /// How many people are here, by community.
        var counts: NameDictionary<Int> = [:]
        /// Changes of this server's people, for the other servers.
        var own: [Change] = []
        /// Changes as seen from here, for those who look.
        var seen: [Change] = []
        var isWaiting = false
        /// How many people of other servers there are, each counted for every community and server.
        var others = 0
        /// People of other servers that are not in the table, not counted yet.
        var leftOut = 0
    }

    /// This server among the others.
    let node = ChatID.random()
    private let state = NIOLockedValueBox(State())
    private let leftOutCounter = Counter(label: "socketio_chat_presence_left_out_total")
    /// Told of collected changes: those of this server's people, and all.
    private let tell: @Sendable (_ node: String, _ own: [Change], _ seen: [Change]) async -> Void

    init(_ tell: @escaping @Sendable (_ node: String, _ own: [Change], _ seen: [Change]) async -> Void) {
        self.tell = tell
    }

    // MARK: This server's people

    /// A connection of a person.
    func arrived(_ person: ChatPerson, in space: String, limits: ChatLimits) {
        change(limits) { state in
            var entry = state.spaces[space]?[person.id] ?? Entry()
            let wasHere = entry.isHere
            entry.name = person.name
            entry.connections += 1
            if !entry.isTold {
                entry.isTold = true
                let change = Change(space: space, person: person.id, name: person.name, isHere: true)
                state.own.append(change)
                if !wasHere { state.see(change) }
            }
            state.spaces[space, default: [:]][person.id] = entry
        }
    }

    /// The end of a connection. Without another one after the grace, the person is gone.
    func departed(_ person: ChatPerson, in space: String, limits: ChatLimits, atOnce: Bool) {
        let isLast = state.withLockedValue { state -> Bool in
            guard var entry = state.spaces[space]?[person.id] else { return false }
            entry.connections -= 1
            state.spaces[space, default: [:]][person.id] = entry
            return entry.connections <= 0
        }
        guard isLast else { return }
        if atOnce { return removeIfGone(person, in: space, limits: limits) }
        Task {
            try? await Task.sleep(for: limits.presenceGrace)
            removeIfGone(person, in: space, limits: limits)
        }
    }

    private func removeIfGone(_ person: ChatPerson, in space: String, limits: ChatLimits) {
        change(limits) { state in
            guard var entry = state.spaces[space]?[person.id], entry.connections <= 0, entry.isTold else { return }
            entry.isTold = false
            let change = Change(space: space, person: person.id, name: person.name, isHere: false)
            state.own.append(change)
            if !entry.isHere { state.see(change) }
            state.put(entry, person.id, space)
        }
    }

    // MARK: Other servers' people

    /// The most people of other servers, each counted for every community and server, so that whoever can publish to Redis
    /// cannot fill the memory.
    static let maximumOthers = 200_000

    /// What another server tells. What is beyond ``maximumOthers`` is left out and counted.
    func heard(_ node: String, _ changes: [Change], limits: ChatLimits) {
        change(limits) { state in
            for change in changes.prefix(10_000) { state.apply(change, of: node) }
        }
        countLeftOut()
    }

    private func countLeftOut() {
        let leftOut = state.withLockedValue { state in
            defer { state.leftOut = 0 }
            return state.leftOut
        }
        if leftOut > 0 { leftOutCounter.increment(by: Int64(leftOut)) }
    }

    /// All other servers as they are; what is not among them is gone.
    func replace(_ nodes: [Node], limits: ChatLimits) {
        change(limits) { state in
            var wanted: NameDictionary<NameDictionary<NameSet>> = [:]
            for node in nodes {
                for person in node.people {
                    wanted[person.space, default: [:]][person.person, default: []].insert(node.node)
                }
            }
            for (space, people) in state.spaces {
                for (person, entry) in people {
                    for node in entry.others where wanted[space]?[person]?.contains(node) != true {
                        state.apply(Change(space: space, person: person, name: entry.name, isHere: false), of: node)
                    }
                }
            }
            for node in nodes { for person in node.people { state.apply(person, of: node.node) } }
        }
        countLeftOut()
    }

    /// The people of this server, for the others.
    var own: Node {
        state.withLockedValue { state in
            Node(
                node: node,
                people: state.spaces.flatMap { space, people in
                    people.compactMap { person, entry in
                        entry.isTold ? Change(space: space, person: person, name: entry.name, isHere: true) : nil
                    }
                })
        }
    }

    // MARK: Looking

    /// Whether a person is here.
    func isHere(_ person: String) -> Bool { state.withLockedValue { $0.spaces[""]?[person]?.isHere == true } }

    /// Whether a device of a person is connected to this server.
    func isConnected(_ person: String) -> Bool {
        state.withLockedValue { $0.spaces[""]?[person]?.connections ?? 0 > 0 }
    }

    /// The ids of people who have a device connected to this server.
    var connectedPeople: [String] {
        state.withLockedValue { ($0.spaces[""] ?? [:]).filter { $0.value.connections > 0 }.map(\.key) }
    }

    /// How many people are in a community.
    func count(in space: String) -> Int { state.withLockedValue { $0.counts[space] ?? 0 } }

    /// How many people are in a community, and the first of them by name.
    func people(in space: String, limit: Int) -> (count: Int, first: [ChatPerson]) {
        state.withLockedValue { state in
            let count = state.counts[space] ?? 0
            let here = (state.spaces[space] ?? [:]).lazy.filter { $0.value.isHere }
            // Sorting a crowd takes too long.
            let first =
                count > 10_000
                ? Array(here.prefix(limit))
                : Array(here.sorted { $0.value.name.precedesByBytes($1.value.name) }.prefix(limit))
            return (count, first.map { ChatPerson(id: $0.key, name: $0.value.name) })
        }
    }

    // MARK: Telling

    private func change(_ limits: ChatLimits, _ body: (inout State) -> Void) {
        let begins = state.withLockedValue { state -> Bool in
            body(&state)
            guard !state.isWaiting, !(state.own.isEmpty && state.seen.isEmpty) else { return false }
            state.isWaiting = true
            return true
        }
        guard begins else { return }
        Task {
            try? await Task.sleep(for: limits.presenceInterval)
            let (own, seen) = state.withLockedValue { state in
                defer {
                    state.own = []
                    state.seen = []
                    state.isWaiting = false
                }
                return (state.own, state.seen)
            }
            await tell(node, own, seen)
        }
    }
}

extension Presence.State {
    /// Somebody has come or gone, as seen from here.
    fileprivate mutating func see(_ change: Presence.Change) {
        seen.append(change)
        let count = (counts[change.space] ?? 0) + (change.isHere ? 1 : -1)
        counts[change.space] = count == 0 ? nil : count
    }

    fileprivate mutating func put(_ entry: Presence.Entry, _ person: String, _ space: String) {
        let isGone = entry.connections <= 0 && !entry.isHere
        spaces[space, default: [:]][person] = isGone ? nil : entry
        if spaces[space]?.isEmpty == true { spaces[space] = nil }
    }

    fileprivate mutating func apply(_ change: Presence.Change, of node: String) {
        guard change.space.utf8.count <= 64, ChatID.isValid(change.person), change.name.utf8.count <= 256 else {
            return
        }
        var entry = spaces[change.space]?[change.person] ?? Presence.Entry()
        let wasHere = entry.isHere
        if change.isHere {
            guard entry.others.contains(node) || others < Presence.maximumOthers else {
                leftOut += 1
                return
            }
            entry.name = change.name
            if entry.others.insert(node).inserted { others += 1 }
        } else if entry.others.remove(node) != nil {
            others -= 1
        }
        if entry.isHere != wasHere { see(change) }
        put(entry, change.person, change.space)
    }
}
