// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import ProcessTesting
import SocketIORedis
import SocketIOTesting
import Testing

enum Python {
    /// Debian's python3-msgpack and python3-redis, or the same from elsewhere.
    static let hasModules = (try? run(["-c", "import msgpack, redis"])) == 0

    static func run(_ arguments: [String]) throws -> Int32 {
        try RunningProcess.run("/usr/bin/python3", arguments).code
    }
}

/// Somebody else's MessagePack and somebody else's Redis client, as many non-JavaScript emitters are built on.
@Suite("An emitter written in Python", .enabled(if: RedisServer.isInstalled && Python.hasModules))
struct PythonEmitterTests {
    private static let script = """
        import datetime, json, msgpack, redis, sys
        r = redis.Redis(port=int(sys.argv[1]))
        def packet(*data): return {"type": 2, "data": list(data), "nsp": "/"}
        def opts(*rooms): return {"rooms": list(rooms), "except": [], "flags": {}}
        def publish(channel, message, **options): assert r.publish(channel, msgpack.packb(message, **options)) == 2
        publish("socket.io#/#a#", ["emitter", packet("one", 1, 1.5, "é", None, True, [1, {"k": b"\\x01"}]), opts("a")])
        publish("socket.io#/#", ["emitter", {"data": ["two", -70000, 2**40, 3.0], "nsp": "/", "type": 2}, {}])
        publish("socket.io#/#", ["emitter", packet("three"), opts("a", "b")], use_bin_type=False)
        publish("socket.io#/#", [b"emitter", packet("four", {1: "x"}), opts()], use_single_float=True)
        publish("socket.io#/#", ["emitter", packet("five", datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)),
            opts()], datetime=True)
        r.publish("socket.io-request#/#", json.dumps({"type": 2, "opts": {"rooms": ["a"], "except": []}, "rooms": ["c"]}))
        publish("socket.io#/#c#", ["emitter", packet("six"), opts("c")])
        """

    @Test("is understood")
    func emitter() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"]) { nodes in
            let sockets = [try await nodes[0].client(["a"]), try await nodes[1].client(["a"])]
            #expect(try Python.run(["-c", Self.script, "\(redis.port)"]) == 0)
            for socket in sockets {
                let one = try await socket.events.next()
                #expect(one == TestEvent("one", 1, 1.5, "é", nil, true, [1, ["k": .binary([1])]]))
                #expect(try await socket.events.next() == TestEvent("two", -70000, .number(1_099_511_627_776), 3))
                #expect(try await socket.events.next() == TestEvent("three"))
                #expect(try await socket.events.next() == TestEvent("four", ["1": "x"]))
                #expect(try await socket.events.next() == TestEvent("five", "2026-01-02T00:00:00.000Z"))
                #expect(try await socket.events.next() == TestEvent("six"))
            }
            #expect(nodes.allSatisfy { $0.cluster.statistics.invalid == 0 })
        }
    }
}
