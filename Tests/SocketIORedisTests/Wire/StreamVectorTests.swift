// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Our node with the streams adapter in the place of either of the recorded ones: both ways, every recorded operation.
@Suite("Recorded operations over streams", .serialized)
struct StreamVectorTests {
    private static let configurations = [
        "streams-default", "streams-three-streams", "streams-only-plaintext", "streams-emitter",
    ]

    /// Calls whose messages differ from the recorded ones, and why.
    private static let differences: [String: String] = [
        "fetch-sockets-data-binary": "dates are text here, and bytes in `data` are written as JSON",
        "sse-undefined": "JSON has no such numbers, and dates are text here",
        "broadcast-ack-null-response": "undefined is null here",
        "arraybuffer": "the recorded library loses the bytes",
        "typedarray-uint16": "the recorded library keeps both bytes of each number",
        "all-rooms": "the rooms of all nodes are asked for",
        "float-integral": "-0 is 0 in JSON",
        "remote-socket-join": "the flag for one answer is of no use here",
        "event-names": "an event without a name cannot be sent by the recorded library",
    ]

    /// What the test client takes for violations of the protocol.
    private static let skipped: [String: String] = [
        "event-number": "an event whose name is no string",
        "placeholder-lookalike": "a placeholder without an attachment",
    ]

    @Test("there is something to test")
    func recording() { #expect(Vectors.streamLines.count == 298) }

    @Test("as node A: recorded calls", arguments: configurations.dropLast())
    func calls(configuration: String) async throws {
        try await VectorNode.with("A", configuration) { node in
            var count = 0
            for (name, operation) in VectorOperations.all where Self.differences[name] == nil {
                let lines = Vectors.operation("\(configuration)/\(name)")
                guard !lines.isEmpty else { continue }
                try await call(name, operation, lines, node)
                count += 1
            }
            #expect(count > (configuration == "streams-default" ? 75 : 0))
        }
    }

    func call(
        _ name: String, _ operation: VectorOperationTests.Operation, _ lines: [VectorLine], _ node: VectorNode
    ) async throws {
        node.transport.forget()
        let expected = lines.filter { $0.isPublish && $0.from == "A-pub" }
        let answers = lines.filter { $0.isPublish && $0.from == "B-pub" }
        let suite = VectorOperationTests()
        node.use(requestIDs: expected.compactMap(suite.requestID))
        let player = Task {
            for answer in answers {
                try await eventually("\(name): the question of \(answer.text)") {
                    node.transport.published.contains { suite.contains($0.payload, suite.requestID(answer)) }
                }
                try await node.transport.deliver(answer.channel, answer.payload)
            }
        }
        let result = try await operation(node)
        try await player.value
        try await eventually("\(name): \(expected.count) messages, not \(node.transport.published)") {
            node.transport.published.count >= expected.count
        }
        let published = node.transport.published
        #expect(published.map(\.channel) == expected.map { node.translated($0.channel) }, "\(name)")
        for (ours, theirs) in zip(published, expected) {
            let bytes = node.translated(theirs.payload)
            // Entries of streams, and broadcasts as JSON, are the same to the byte; of other messages only the order of members differs.
            if ours.channel.hasPrefix("XADD") || Self.isPlainBroadcast(bytes) {
                #expect(ours.text == String(decoding: bytes, as: UTF8.self), "\(name)")
            } else {
                #expect(try Self.value(ours.payload) == Self.value(bytes), "\(name)")
            }
        }
        if let result = result.map(VectorOperations.sorted), let recorded = lines.first?.json["result"]?.plain {
            let text = VectorOperations.sorted(recorded).json
            #expect(result == VectorOperations.sorted(try TestValue(json: node.translated(text))), "\(name)")
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
                try await play(Vectors.operation("\(configuration)/\(name)"), name, at: node)
            }
            #expect(names.count > (configuration == "streams-default" ? 90 : 1))
            #expect(node.node.cluster.statistics.invalid == 0)
        }
    }

    func play(
        _ lines: [VectorLine], _ name: String, at node: VectorNode, differences: [String: String] = Self.differences
    ) async throws {
        node.transport.forget()
        node.serverEvents.removeAll()
        let expected = lines.filter { $0.isPublish && $0.from == "B-pub" }
        let hasData = name == "fetch-sockets-data-binary"
        if hasData { try await node.setDataOfB(["bin": .binary([1, 2]), "d": "1970-01-01T00:00:00.000Z", "n": 1.5]) }
        var answers = 0
        for line in lines where line.isPublish {
            guard !line.from.hasPrefix("B") else {
                answers += 1
                continue
            }
            try await eventually("\(name): \(answers) answers") { node.transport.published.count >= answers }
            try await node.transport.deliver(node.translated(line.channel), node.translated(line.payload))
        }
        try await eventually("\(name): \(expected.count) answers, not \(node.transport.published.map(\.text))") {
            node.transport.published.count >= expected.count
        }
        // Clients answer in any order.
        let ours = try node.transport.published.map { try Self.answer($0.channel, $0.payload) }.sorted()
        let theirs = try expected.map { try Self.answer($0.channel, node.translated($0.payload)) }.sorted()
        #expect(ours == theirs || differences[name] != nil, "\(name)")
        if hasData { try await node.setDataOfB([:]) }
        let replay = VectorReplayTests()
        try await replay.compareFrames(lines, name, node)
        if differences[name] == nil { try await replay.compareServerEvents(lines, name, node) }
    }

    // MARK: Messages as values

    /// A message without what means nothing to anybody.
    private static func value(_ payload: [UInt8]) throws -> TestValue {
        let (text, attachments) = try json(payload)
        guard case .object(var message) = try TestValue(json: text) else { throw TestFailure("no map") }
        guard case .object(var data)? = message["data"] else { return .object(message) }
        // The namespace stands in the message already.
        if case .object(var packet)? = data["packet"] {
            packet["nsp"] = nil
            data["packet"] = .object(packet)
        }
        if data["packet"] == .null { data["packet"] = nil }
        if case .array(let sockets)? = data["sockets"] {
            data["sockets"] = .array(sockets.map(socket).sorted { $0.json < $1.json })
        }
        message["data"] = .object(data)
        let bytes = attachments.flatMap { $0.readableBytesView.map { TestValue.number(Double($0)) } }
        message["bytes"] = .array(bytes)
        return .object(message)
    }

    private static func json(_ payload: [UInt8]) throws -> (text: String, attachments: [ByteBuffer]) {
        if payload.first == UInt8(ascii: "{") { return (String(decoding: payload, as: UTF8.self), []) }
        var reader = MessagePackReader(ByteBuffer(bytes: payload))
        let json = try MessagePackJSON.read(&reader)
        return (String(buffer: json.json), json.attachments)
    }

    private static func isPlainBroadcast(_ payload: [UInt8]) -> Bool {
        payload.starts(with: #"{"type":3,"data":{"packet":"#.utf8)
            && payload.firstRange(of: #""requestId""#.utf8) == nil
    }

    private static func answer(_ channel: String, _ payload: [UInt8]) throws -> String {
        channel + " " + (try value(payload).json)
    }

    /// A socket without its handshake, whose requests are those of another client, and with rooms as text, in order.
    private static func socket(_ socket: TestValue) -> TestValue {
        guard case .object(var members) = socket else { return socket }
        members["handshake"] = nil
        if case .array(let rooms)? = members["rooms"] {
            members["rooms"] = .array(
                rooms.map { room in
                    guard case .number(let number) = room else { return room }
                    return .string("\(Int(number))")
                }.sorted { $0.json < $1.json })
        }
        return .object(members)
    }
}
