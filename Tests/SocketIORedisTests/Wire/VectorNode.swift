// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOConcurrencyHelpers
import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting

@testable import SocketIOCluster
@testable import SocketIORedis

/// One of the two recorded nodes, played by ours: same uids, same clients in the same rooms.
struct VectorNode: Sendable {
    let node: NodeUnderTest
    let transport: ScriptedTransport
    let configuration: String
    /// Clients by their recorded names, `b2` or `bc`.
    let clients: [String: TestSocket]
    let serverEvents: Recorder<[TestValue]>
    /// Names of clients that an operation has disconnected.
    let gone = Recorder<String>()

    private static let rooms: [String: [String]] = [
        "a": ["room1", "room3"], "b": ["room1"], "b2": ["room1", "room2", "42", "kick1"], "b3": ["kick2"],
        "ac": ["room1"], "bc": ["room1", "kick1"], "bc2": ["kick2"],
    ]

    /// Plays node `A` or `B` of a configuration.
    static func with(
        _ name: String, _ configuration: String, _ body: (VectorNode) async throws -> Void
    ) async throws {
        var settings = RedisClusterConfiguration()
        settings.requestsTimeout = .milliseconds(600)
        settings.heartbeatInterval = .seconds(3_600)
        settings.peerTimeout = .seconds(7_200)
        if configuration.contains("custom-key") || configuration.contains("custom-prefix") {
            settings.key = "my:prefix"
        }
        if configuration.hasPrefix("sharded-") {
            let mode = ShardedPubSub.SubscriptionMode(rawValue: String(configuration.dropFirst("sharded-".count)))
            settings.sharded = ShardedPubSub(subscriptionMode: mode ?? .dynamic)
        }
        settings.publishOnSpecificResponseChannel = configuration == "specific-response-channel"
        if configuration.hasPrefix("streams-") {
            var streams = RedisStreams()
            streams.onlyPlaintext = configuration.hasSuffix("only-plaintext")
            if configuration.hasSuffix("three-streams") {
                (streams.name, streams.count, settings.key) = ("st", 3, "pfx")
            }
            settings.streams = streams
        }
        let identifiers = SharedIDs()
        var ids = ClusterIDs()
        ids.adapter = { Vectors.uid(configuration, node: name, namespace: $0) }
        ids.request = { identifiers.next() }
        let holder = NIOLockedValueBox<ScriptedTransport?>(nil)
        let cluster = try RedisCluster(configuration: settings, ids: ids) { eventLoop, _ in
            let transport = ScriptedTransport(eventLoop: eventLoop)
            holder.withLockedValue { $0 = transport }
            return transport
        }
        let events = Recorder<[TestValue]>()
        let node = try await NodeUnderTest.start("nodX", cluster) { node in
            for namespace in ["/", "/chat"] {
                joinAsTold(node.io.of(namespace))
                listen(node.io.of(namespace), as: name, events)
            }
        }
        defer { Task { await node.io.close() } }
        guard let transport = holder.withLockedValue({ $0 }) else { throw TestFailure("no transport") }
        try await eventually("subscribed") {
            let isSharded = configuration.hasPrefix("sharded-")
            return transport.with {
                $0.patterns.count == 2 || $0.channels.count == 6 && (isSharded || !$0.streams.isEmpty)
            }
        }
        var clients: [String: TestSocket] = [:]
        for (client, rooms) in Self.rooms where client.hasPrefix(name.lowercased()) {
            let socket = try await node.client(rooms, namespace: client.contains("c") ? "/chat" : "/")
            answer(socket, as: client)
            clients[client] = socket
        }
        try await cluster.waitForRooms()
        let played = VectorNode(
            node: node, transport: transport, configuration: configuration, clients: clients, serverEvents: events,
            identifiers: identifiers)
        try await body(played)
        await node.io.close()
    }

    private let identifiers: SharedIDs

    private init(
        node: NodeUnderTest, transport: ScriptedTransport, configuration: String, clients: [String: TestSocket],
        serverEvents: Recorder<[TestValue]>, identifiers: SharedIDs
    ) {
        self.node = node
        self.transport = transport
        self.configuration = configuration
        self.clients = clients
        self.serverEvents = serverEvents
        self.identifiers = identifiers
    }

    /// What the recorded clients did with each question.
    private static func answer(_ socket: TestSocket, as name: String) {
        socket.answer("ask") { _ in [.string("answer-\(name)")] }
        socket.answer("ask-bin") { _ in [.binary([9, 8, name.hasSuffix("2") || name.hasSuffix("3") ? 2 : 1])] }
        socket.answer("ask-none") { _ in [] }
        socket.answer("ask-multi") { _ in ["first", "second"] }
        socket.answer("ask-null") { _ in [nil] }
        socket.answer("ask-float") { _ in [["f": 1.5, "i": 3, "d": "1970-01-01T00:00:00.000Z"]] }
    }

    /// What the recorded servers did.
    private static func listen(_ namespace: Namespace, as name: String, _ events: Recorder<[TestValue]>) {
        let prefix = name + namespace.name
        namespace.on("hello") { (first: SocketValue?, second: SocketValue?, third: SocketValue?) in
            events.append([.string(prefix)] + [first, second, third].compactMap { $0 }.map(TestValue.init(_:)))
        }
        namespace.on("ping-none") { (ack: Ack<>) in ack() }
        namespace.on("ping") { (value: SocketValue) -> SocketValue in ["from": .string(name), "got": [value]] }
    }

    /// The ids the next requests get.
    func use(requestIDs: [String]) { identifiers.set(requestIDs) }

    /// Recorded bytes with the recorded clients' socket ids replaced by those of ours.
    func translated(_ bytes: [UInt8]) -> [UInt8] {
        clients.reduce(bytes) { bytes, client in
            bytes.replacing(Vectors.socket(configuration, client.key), with: client.value.id)
        }
    }

    func translated(_ text: String) -> String { String(decoding: translated(Array(text.utf8)), as: UTF8.self) }
}

/// Request ids handed out in a given order.
final class SharedIDs: Sendable {
    private let ids = NIOLockedValueBox<[String]>([])

    func set(_ values: [String]) { ids.withLockedValue { $0 = values } }
    func next() -> String { ids.withLockedValue { $0.isEmpty ? "none-left" : $0.removeFirst() } }
}

extension TestValue {
    /// The same value in the tests' own form.
    init(_ value: SocketValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .number(Double(value))
        case .double(let value): self = .number(value)
        case .string(let value): self = .string(value)
        case .binary(let value): self = .binary(value.bytes)
        case .array(let values): self = .array(values.map(TestValue.init(_:)))
        case .object(let members):
            self = .object(Dictionary(members.map { ($0.key, TestValue($0.value)) }, uniquingKeysWith: { $1 }))
        }
    }

    /// A value in the recording's notation: `{"$bin": base64}` and the like.
    var plain: TestValue {
        switch self {
        case .array(let items): return .array(items.map(\.plain))
        case .object(let members):
            if let text = members["$bin"]?.string { return .binary(Array(Data(base64Encoded: text) ?? Data())) }
            if members["$undefined"] != nil || members["$float"] != nil { return .null }
            if case .array(let items)? = members["$set"] { return .array(items.map(\.plain)) }
            return .object(members.mapValues(\.plain))
        default: return self
        }
    }
}

extension MemoryAdapter {
    /// The end of what an operation sent.
    func broadcastMark() {
        guard let data = try? EncodedArguments.event("mark") else { return }
        broadcast(BroadcastPacket(namespace: "", event: "mark", data: data), options: BroadcastOptions())
    }
}
