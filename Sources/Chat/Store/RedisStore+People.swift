// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO

extension RedisStore {
    package func person(_ id: String) async throws -> ChatPerson? {
        guard let found = try await run(RedisScripts.person, id).arrayValue, found.count == 2,
            let name = found[0].stringValue
        else { return nil }
        return ChatPerson(id: id, name: name, seen: found[1].integerValue ?? 0)
    }

    package func claim(_ person: ChatPerson, skeleton: String, heldSince: Int64) async throws -> Bool {
        try await run(
            RedisScripts.claim, person.id, person.name, skeleton, String(person.seen), String(heldSince),
            limits.maxPeople, String(person.seen - ChatLimits.newcomerMinimumAbsence)
        ).integerValue == 1
    }

    package func seen(_ people: [String], at time: Int64) async throws {
        _ = try await run(RedisScripts.seen, [String(time)] + people)
    }

    package func left(_ person: String, at time: Int64) async throws {
        _ = try await run(RedisScripts.left, person, String(time))
    }
}
