// Part of socketio-server, MIT licence; see LICENSE.

internal import HeapModule
internal import SocketIOServer

// The people of the chat.
extension MemoryStore {
    /// See ``HistoryStore/person(_:)``.
    public func person(_ id: String) async throws -> ChatPerson? { state.people[id] }

    /// See ``HistoryStore/claim(_:skeleton:heldSince:)``.
    public func claim(_ person: ChatPerson, skeleton: String, heldSince: Int64) async throws -> Bool {
        if !skeleton.isEmpty, let holder = state.names[skeleton], !holder.hasSameBytes(as: person.id),
            let other = state.people[holder], other.seen >= heldSince
        {
            return false
        }
        let isNew = state.people[person.id] == nil
        if isNew, state.people.count >= state.limits.maxPeople {
            state.forgetNewcomers(seenBefore: person.seen - ChatLimits.newcomerMinimumAbsence, atMost: 1)
            guard state.people.count < state.limits.maxPeople else { throw HistoryStoreError.full }
        }
        if let old = state.skeletons[person.id], state.names[old]?.hasSameBytes(as: person.id) == true {
            state.names[old] = nil
        }
        if !skeleton.isEmpty { state.names[skeleton] = person.id }
        state.skeletons[person.id] = skeleton
        state.people[person.id] = person
        if isNew { state.addNewcomer(person) }
        return true
    }

    /// See ``HistoryStore/seen(_:at:)``.
    public func seen(_ people: [String], at time: Int64) async throws {
        for person in people { state.people[person]?.seen = time }
    }

    /// See ``HistoryStore/left(_:at:)``.
    public func left(_ person: String, at time: Int64) async throws {
        state.people[person]?.seen = time
        if state.places[person]?.isEmpty ?? true { state.forget(person) }
    }
}

extension MemoryStore {
    /// An entry of the queue of newcomers: a person and when they were last seen when the entry was made.
    struct NewcomerVisit: Comparable {
        let seen: Int64
        let person: String

        static func < (left: NewcomerVisit, right: NewcomerVisit) -> Bool { left.seen < right.seen }
        static func == (left: NewcomerVisit, right: NewcomerVisit) -> Bool { left.seen == right.seen }
    }
}

extension MemoryStore.State {
    /// Puts a person into the queue of newcomers.
    func addNewcomer(_ person: ChatPerson) {
        newcomers.insert(person.id)
        // Entries of people who are no newcomers any more are dropped together, when they are more than half.
        if newcomersBySeen.count > 2 * newcomers.count + 64 {
            newcomersBySeen = Heap(
                newcomers.map { MemoryStore.NewcomerVisit(seen: people[$0]?.seen ?? 0, person: $0) })
        } else {
            newcomersBySeen.insert(MemoryStore.NewcomerVisit(seen: person.seen, person: person.id))
        }
    }

    /// Forgets newcomers who were last seen before a time, in milliseconds since 1970; those seen longest ago first.
    func forgetNewcomers(seenBefore limit: Int64, atMost count: Int = .max) {
        var forgotten = 0
        while forgotten < count, let oldest = newcomersBySeen.min, oldest.seen < limit {
            newcomersBySeen.removeMin()
            guard newcomers.contains(oldest.person), let person = people[oldest.person] else { continue }
            if person.seen > oldest.seen {
                // Seen again since the entry was made.
                newcomersBySeen.insert(MemoryStore.NewcomerVisit(seen: person.seen, person: person.id))
            } else {
                forget(person.id)
                forgotten += 1
            }
        }
    }

    /// Forgets a person, with their name and their memberships. Bans stay.
    func forget(_ person: String) {
        for room in places[person] ?? [] { rooms[room]?.members[person] = nil }
        if let skeleton = skeletons.removeValue(forKey: person), names[skeleton]?.hasSameBytes(as: person) == true {
            names[skeleton] = nil
        }
        people[person] = nil
        places[person] = nil
        newcomers.remove(person)
    }
}
