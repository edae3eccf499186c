// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import SocketIOCore

extension MemoryAdapter {
    /// How many of this server's sockets the options select.
    public func count(_ options: BroadcastOptions) async throws -> Int {
        if options.reachesEveryone { return socketCount }
        var count = 0
        for shard in shards where shard.socketCount > 0 {
            count += await shard.perform { $0.count(options) }
        }
        return count
    }

    /// How many of this server's sockets are in each room. Rooms that are named after sockets are left out.
    public func countByRoom() async throws -> NameDictionary<Int> {
        var counts: NameDictionary<Int> = [:]
        for shard in shards where shard.socketCount > 0 {
            let found = await shard.perform { $0.countByRoom() }
            counts.merge(found, uniquingKeysWith: +)
        }
        return counts
    }
}

extension NamespaceShardCore {
    /// How many sockets a broadcast with these options reaches here.
    func count(_ options: BroadcastOptions) -> Int {
        var count = 0
        forEach(options) { _ in count += 1 }
        return count
    }

    /// The sockets of each room, the rooms that sockets have to themselves left out.
    func countByRoom() -> NameDictionary<Int> {
        var counts: NameDictionary<Int> = [:]
        forEach(BroadcastOptions()) { core in
            guard let socket = core.handle else { return }
            for room in socket.rooms where !room.hasSameBytes(as: socket.id) { counts[room, default: 0] += 1 }
        }
        return counts
    }
}
