// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOConcurrencyHelpers
package import NIOCore

/// A room and how many sockets of this server are in it.
package struct RoomSize: Sendable {
    package let namespace: String
    package let room: String
    package let members: Int
}

extension RoomSize: Equatable {
    package static func == (left: RoomSize, right: RoomSize) -> Bool {
        left.members == right.members && left.room.hasSameBytes(as: right.room)
            && left.namespace.hasSameBytes(as: right.namespace)
    }
}

/// Finds the largest rooms of one event loop, a bounded number of rooms at a time: with many rooms the answer gets better
/// from step to step instead of holding up the loop. Confined to the loop.
final class RoomSurvey {
    struct Key: Hashable, Sendable {
        let namespace: ExactName
        let room: ExactName
    }

    /// Rooms looked at in one step, about a millisecond.
    private static let budget = 10_000

    private var candidates: [Key: Int] = [:]
    private var namespace: ExactName = ""
    private var place = 0

    /// Looks at some more rooms.
    ///
    /// - Parameter namespaces: sorted by name.
    /// - Returns: the largest `limit` found until now, those that sockets have to themselves left out.
    func advance(_ namespaces: [(name: ExactName, shard: NamespaceShardCore)], limit: Int) -> [Key] {
        refresh(namespaces)
        var left = Self.budget
        var index = namespaces.firstIndex { $0.name >= namespace } ?? 0
        // Once around at most.
        for _ in 0...namespaces.count where left > 0 && !namespaces.isEmpty {
            let (name, shard) = namespaces[index]
            if name != namespace { place = 0 }
            namespace = name
            let next = shard.survey(from: place, budget: left) { room, count in
                candidates[Key(namespace: name, room: ExactName(room))] = count
            }
            // A namespace without rooms costs something, too.
            left -= next == nil ? min(left, max(1, shard.roomPlaces - place)) : left
            if candidates.count > 4 * limit { trim(to: limit) }
            if let next {
                place = next
            } else {
                place = 0
                index = (index + 1) % namespaces.count
                namespace = namespaces[index].name
            }
        }
        trim(to: limit)
        return Array(candidates.keys)
    }

    /// Counts the sockets of the candidates again: rooms change between two steps.
    private func refresh(_ namespaces: [(name: ExactName, shard: NamespaceShardCore)]) {
        let shards = Dictionary(namespaces.map { ($0.name, $0.shard) }) { first, _ in first }
        for key in candidates.keys {
            let count = shards[key.namespace]?.memberCount(of: key.room.text) ?? 0
            candidates[key] = count > 0 ? count : nil
        }
    }

    private func trim(to limit: Int) {
        guard candidates.count > limit else { return }
        let largest = candidates.sorted { ($1.value, $0.key.room) < ($0.value, $1.key.room) }.prefix(limit)
        candidates = Dictionary(largest.map { ($0.key, $0.value) }) { first, _ in first }
    }
}

extension Server {
    /// The largest rooms with sockets of this server, largest first, without the rooms that are named after sockets. It takes two
    /// hops to each event loop. With more than some thousand rooms, repeated calls find them all.
    package func largestRooms(_ limit: Int) async -> [RoomSize] {
        let namespaces = table.all.sorted { $0.name.precedesByBytes($1.name) }
        var keys: Set<RoomSurvey.Key> = []
        for shard in context.shards {
            let found = await shard.perform { shard in
                let survey = shard.roomSurvey ?? RoomSurvey()
                shard.roomSurvey = survey
                return survey.advance(
                    namespaces.map { (ExactName($0.name), $0.local.shards[shard.index].core.value(beside: shard)) },
                    limit: limit)
            }
            keys.formUnion(found)
        }
        var sizes: [RoomSurvey.Key: Int] = [:]
        let wanted = keys
        for shard in context.shards {
            let found = await shard.perform { shard in
                let shards = Dictionary(
                    namespaces.map { (ExactName($0.name), $0.local.shards[shard.index].core.value(beside: shard)) },
                    uniquingKeysWith: { first, _ in first })
                return wanted.map { ($0, shards[$0.namespace]?.memberCount(of: $0.room.text) ?? 0) }
            }
            for (key, count) in found { sizes[key, default: 0] += count }
        }
        return sizes.filter { $0.value > 0 }
            .sorted { ($1.value, $0.key.namespace, $0.key.room) < ($0.value, $1.key.namespace, $1.key.room) }
            .prefix(limit)
            .map { RoomSize(namespace: $0.key.namespace.text, room: $0.key.room.text, members: $0.value) }
    }

    /// Drops what ``largestRooms(_:)`` has gathered. Call it when there will be no further calls.
    package func forgetLargestRooms() {
        for shard in context.shards { shard.run { $0.roomSurvey = nil } }
    }

    /// Sockets connected to this server, in all namespaces.
    package var socketCount: Int { table.all.reduce(0) { $0 + $1.local.socketCount } }

    /// Live sessions by transport.
    package var sessionsByTransport: [TransportName: Int] { engineServer.sessionsByTransport }

    /// How late the latest event loop is, also while it stands still; zero unless ``measureLoopLag(every:)`` was called.
    package var currentLoopLag: TimeAmount { engineServer.currentLag }

    /// The limit of admission that keeps new clients away, in words; nil when none does.
    package var reachedAdmissionLimit: String? { engineServer.reachedLimit }

    /// Whether connections are being refused, or were a moment ago, because the process has no descriptors left for
    /// them.
    package var isShortOfDescriptors: Bool {
        lifecycle.withLockedValue { $0.listeners }.contains(where: \.isShortOfDescriptors)
    }

    /// How many sessions may be open, see `EngineConfiguration.maxSessions`.
    package var maxSessions: Int { engineServer.maxSessions }
}
