// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Our node with the sharded adapter in the place of either of the recorded ones: both ways, every recorded operation,
/// and the channels that the recorded nodes subscribed to.
@Suite("Recorded operations over sharded publish/subscribe", .serialized)
struct ShardedVectorTests {
    private static let configurations = [
        "sharded-dynamic", "sharded-dynamic-private", "sharded-static", "sharded-custom-prefix",
    ]

    /// Calls whose messages differ from the recorded ones, and why.
    private static let differences: [String: String] = [
        "fetch-sockets-data-binary": "dates are text here",
        "sse-undefined": "the call cannot be made with values that JSON does not have",
        "broadcast-ack-null-response": "undefined is null here",
        "typedarray-uint16": "the recorded library loses half of each number",
        "arraybuffer": "the recorded library loses the bytes",
        "date-with-buffer": "dates are text here",
        "all-rooms": "the rooms of all nodes are asked for",
        "float-integral": "-0 is 0 in JSON",
        "remote-socket-join": "the flag for one answer is of no use here",
        "event-names": "an event without a name cannot be sent by the recorded library",
    ]

    /// Operations that cannot be played, and why.
    private static let skipped: [String: String] = [
        "event-number": "an event whose name is no string",
        "placeholder-lookalike": "a placeholder without an attachment",
        "room-20-chars": "the recorded call also joins the room, in the same process",
    ]

    @Test("there is something to test")
    func recording() { #expect(Vectors.shardedLines.count == 445) }

    @Test("as node A: recorded calls", arguments: configurations)
    func calls(configuration: String) async throws {
        try await VectorNode.with("A", configuration) { node in
            var count = 0
            for (name, operation) in VectorOperations.all where Self.differences[name] == nil {
                let lines = Vectors.operation("\(configuration)/\(name)")
                guard !lines.isEmpty else { continue }
                try await StreamVectorTests().call(name, operation, lines, node)
                count += 1
            }
            #expect(count >= (configuration == "sharded-dynamic" ? 75 : 3))
        }
    }

    @Test("as node B: recorded messages", arguments: configurations)
    func messages(configuration: String) async throws {
        try await VectorNode.with("B", configuration) { node in
            var names: [String] = []
            for line in Vectors.lines(configuration)
            where line.isPublish && !names.contains(line.name) && Self.skipped[line.name] == nil {
                names.append(line.name)
            }
            for name in names {
                try await StreamVectorTests().play(
                    Vectors.operation("\(configuration)/\(name)"), name, at: node, differences: Self.differences)
            }
            #expect(names.count > (configuration == "sharded-dynamic" ? 85 : 3))
            #expect(node.node.cluster.statistics.invalid == 0)
        }
    }

    @Test("the channels are the recorded ones", arguments: configurations, ["A", "B"])
    func channels(configuration: String, name: String) async throws {
        let recorded = ["startup", "rooms-setup"].flatMap { Vectors.operation("\(configuration)/\($0)") }
            .filter { $0.from == "\(name)-sub" && $0.command == "SSUBSCRIBE" }
            .compactMap { $0.json["args"]?[0]?.string }
        #expect(recorded.count >= 4)
        try await VectorNode.with(name, configuration) { node in
            let expected = Set(recorded.map(node.translated))
            try await eventually("\(node.transport.with { $0.channels }), not \(expected)") {
                node.transport.with { $0.channels.filter { !$0.contains("-node#") } } == expected
            }
            #expect(node.transport.with { $0.patterns.isEmpty })
        }
    }

    @Test("rooms that come and go are subscribed to as recorded")
    func rooms() async throws {
        try await VectorNode.with("B", "sharded-dynamic") { node in
            let socket = try #require(node.clients["b"])
            let channel = "socket.io#/#brand-new#"
            let commands = ["room-create", "room-delete", "room-delete-last"].flatMap {
                Vectors.operation("sharded-dynamic/\($0)")
            }.filter { $0.from == "B-sub" }.map { [$0.command, $0.json["args"]?[0]?.string ?? ""] }
            #expect(commands == [["SSUBSCRIBE", channel], ["SUNSUBSCRIBE", channel]])
            node.node.io.in(socket.id).socketsJoin("brand-new")
            try await eventually("subscribed") { node.transport.with { $0.channels.contains(channel) } }
            node.node.io.in(socket.id).socketsLeave("brand-new")
            try await eventually("left") {
                node.transport.with { !$0.channels.contains(channel) && $0.unsubscribed == [channel] }
            }
        }
    }
}
