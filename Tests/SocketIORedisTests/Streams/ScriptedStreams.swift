// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import SocketIORedis

@testable import HiredisNIO
@testable import SocketIOCluster
@testable import SocketIOServer

extension ManualNode {
    /// Runs a test on a node with recovery over streams whose Redis the test plays.
    static func runStreams(
        subscribers: Int = 1, streams: RedisStreams = RedisStreams(),
        recovery: ConnectionStateRecovery = ConnectionStateRecovery(),
        script: @escaping @Sendable (inout ScriptedTransport.State) -> Void = { _ in },
        _ body: (ManualNode, NamespaceLog, any SessionStore) async throws -> Void
    ) async throws {
        try await run(subscribers: subscribers, recovery: recovery, script: script, { $0.streams = streams }) {
            node in
            guard let log = node.adapter.local.log, let store = log.store else { throw TestFailure("no store") }
            try await body(node, log, store)
        }
    }
}

extension RESPValue {
    static func text(_ text: String) -> RESPValue { .bulk(ByteBuffer(string: text)) }

    /// The reply of XRANGE.
    static func entries(_ entries: [(id: RedisStreamID, values: [String])]) -> RESPValue {
        .array(
            entries.map { id, values in
                let fields = zip(["uid", "nsp", "type", "data"], values).flatMap { [RESPValue.text($0), .text($1)] }
                return .array([.text(id.description), .array(fields)])
            })
    }
}

/// The data of a broadcast of one number to everybody.
func broadcast(_ number: Int) -> String {
    #"{"packet":{"type":2,"data":["n",\#(number)],"nsp":"/"},"opts":{"rooms":[],"except":[],"flags":{}}}"#
}

struct Refused: Error {}

func session(owner: String? = nil, start: EventPosition = .zero) throws -> KeptSession {
    guard let pid = PackedID("nod1bbbbccccddddeeee") else { throw TestFailure("pid") }
    return KeptSession(
        pid: pid, sid: "aaaabbbbccccddddeeee", namespace: "/", rooms: ["r"], data: .null, start: start,
        position: EventPosition(high: .max, low: 0), owner: owner)
}
