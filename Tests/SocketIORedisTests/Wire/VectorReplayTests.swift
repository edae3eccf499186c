// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Our node in the place of the recorded node B: everything node A, the emitter and the hand-written messages published is
/// played at it, and what its clients, its servers' listeners and Redis get is compared.
@Suite("Recorded messages are understood", .serialized)
struct VectorReplayTests {
    /// Where our answers differ from the recorded ones, and why.
    private static let exceptions: [String: String] = [
        "in-numeric-string-room": "the room 42 is text here, so text reaches it",
        "beyond-2-53": "numbers keep all their digits", "beyond-2-64": "numbers keep all their digits",
    ]

    /// What the test client takes for violations of the protocol.
    private static let skipped: [String: String] = [
        "event-number": "an event whose name is no string",
        "placeholder-lookalike": "a placeholder without an attachment",
    ]

    @Test(
        "as node B",
        arguments: ["default", "specific-response-channel", "custom-key", "emitter", "emitter-custom-key"])
    func replay(configuration: String) async throws {
        try await VectorNode.with("B", configuration) { node in
            var operations = 0
            var names: [String] = []
            for line in Vectors.lines(configuration)
            where line.isPublish && !names.contains(line.name) && Self.skipped[line.name] == nil {
                names.append(line.name)
            }
            for name in names {
                try await replay(Vectors.operation("\(configuration)/\(name)"), name, at: node)
                operations += 1
            }
            #expect(operations > (configuration == "default" ? 100 : 1))
            // The one message that is no JSON, and the one of an unknown type.
            #expect(node.node.cluster.statistics.invalid == (configuration == "default" ? 2 : 0))
        }
    }

    private func replay(_ lines: [VectorLine], _ name: String, at node: VectorNode) async throws {
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
            // What A sent after an answer of B's it sent because of it.
            try await eventually("\(name): \(answers) answers") { node.transport.published.count >= answers }
            // Acknowledgements and answers of A to itself are none of B's business, but B hears them.
            try await node.transport.deliver(node.translated(line.channel), node.translated(line.payload))
        }
        try await eventually("\(name): \(expected.count) answers, not \(node.transport.published.map(\.text))") {
            node.transport.published.count >= expected.count
        }
        try compare(node.transport.published, expected, name, node)
        if hasData { try await node.setDataOfB([:]) }
        try await compareFrames(lines, name, node)
        try await compareServerEvents(lines, name, node)
    }

    // MARK: Answers

    private func compare(
        _ published: [Published], _ expected: [VectorLine], _ name: String, _ node: VectorNode
    ) throws {
        #expect(published.count == expected.count, "\(name)")
        // Clients answer in any order.
        let ours = try published.map { try describe($0.channel, $0.payload, name) }.sorted { $0.json < $1.json }
        let theirs = try expected.map {
            // For requests without uid Node answers to a channel that is called undefined.
            try describe($0.channel.replacing("#undefined#", with: "#"), node.translated($0.payload), name)
        }.sorted { $0.json < $1.json }
        #expect(ours == theirs, "\(name)")
    }

    /// A message as a value, with what is random or depends on the machine taken out, and lists without order sorted.
    private func describe(_ channel: String, _ payload: [UInt8], _ name: String) throws -> TestValue {
        var members: [String: TestValue] = ["channel": .string(channel)]
        if payload.first == UInt8(ascii: "{") {
            guard case .object(var object) = try TestValue(json: String(decoding: payload, as: UTF8.self)) else {
                throw TestFailure("no object")
            }
            if case .array(let items)? = object["sockets"] {
                object["sockets"] = .array(items.map(withoutChance).sorted { $0.json < $1.json })
            }
            if case .array(let items)? = object["rooms"] {
                object["rooms"] = .array(items.map(asText).sorted { $0.json < $1.json })
            }
            members["json"] = .object(object)
        } else {
            // Bytes are compared elsewhere; here the test client has sorted the members of its answers.
            var reader = MessagePackReader(ByteBuffer(bytes: payload))
            let value = try MessagePackJSON.read(&reader)
            members["json"] = try TestValue(json: String(buffer: value.json))
            members["bytes"] = .array(value.attachments.flatMap { $0.readableBytesView.map { .number(Double($0)) } })
        }
        return .object(members)
    }

    private func withoutChance(_ socket: TestValue) -> TestValue {
        guard case .object(var members) = socket else { return socket }
        if case .object(var handshake)? = members["handshake"] {
            // Which members there are and of which kind, not what the test client's requests look like.
            for (key, value) in handshake { handshake[key] = .string(kind(value)) }
            members["handshake"] = .object(handshake)
        }
        if case .array(let rooms)? = members["rooms"] {
            members["rooms"] = .array(
                rooms.map(asText).sorted { $0.json < $1.json })
        }
        return .object(members)
    }

    /// Rooms that are numbers in Node are text here.
    private func asText(_ room: TestValue) -> TestValue {
        guard case .number(let number) = room else { return room }
        return .string("\(Int(number))")
    }

    private func kind(_ value: TestValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "bool"
        case .number: "number"
        case .string: "string"
        case .binary: "binary"
        case .array: "array"
        case .object: "object"
        }
    }

    // MARK: Clients

    func compareFrames(_ lines: [VectorLine], _ name: String, _ node: VectorNode) async throws {
        let frames = lines.first?.json["client_frames"] ?? []
        for namespace in ["/", "/chat"] { node.node.io.of(namespace).local.broadcastMark() }
        for (client, socket) in node.clients.sorted(by: { $0.key < $1.key }) {
            var events: [TestEvent] = []
            var isGone = false
            do {
                while case let event = try await socket.events.next(), event.name != "mark" { events.append(event) }
            } catch TestClientError.closed {
                isGone = true
            }
            // Long ones have not been recorded.
            guard case .array(let frames) = frames, Self.exceptions[name] == nil else {
                #expect(!isGone || node.gone.all.contains(client), "\(name), \(client)")
                continue
            }
            let recorded = try RecordedFrames(frames, client: client)
            #expect(events.map(\.name) == recorded.events.map(\.name), "\(name), \(client)")
            #expect(events.map(\.arguments) == recorded.events.map(\.arguments), "\(name), \(client)")
            #expect(events.map { $0.ackID == nil } == recorded.events.map { $0.ackID == nil }, "\(name), \(client)")
            // Disconnected by this operation, as the recorded client was, or by an earlier one.
            if recorded.isDisconnected { node.gone.append(client) }
            #expect(isGone == node.gone.all.contains(client), "\(name), \(client)")
        }
    }

    func compareServerEvents(_ lines: [VectorLine], _ name: String, _ node: VectorNode) async throws {
        guard case .array(let events)? = lines.first?.json["server_side_events"] else { return }
        let expected = events.compactMap { event -> [TestValue]? in
            guard case .array(let items) = event, items.first?.string?.hasPrefix("B") == true else { return nil }
            return items.map(\.plain).filter { $0 != .null }
        }
        try await eventually("\(name): \(expected)") { node.serverEvents.count >= expected.count }
        #expect(node.serverEvents.all == expected, "\(name)")
    }
}

/// The frames a recorded client got, as events.
struct RecordedFrames {
    private(set) var events: [TestEvent] = []
    private(set) var isDisconnected = false

    init(_ frames: [TestValue], client: String) throws {
        // `cB2/chat` is the client bc2, `cB2` is b2.
        let isChat = client.contains("c")
        let number = client.filter(\.isNumber)
        let recorded = "c\(client.prefix(1).uppercased())\(number)\(isChat ? "/chat" : "")"
        var attachments: [[UInt8]] = []
        var waiting: (text: String, missing: Int)?
        for frame in frames where frame[0]?.string == recorded {
            if let text = frame[1]?.string {
                let type = text.prefix(1)
                guard type == "2" || type == "5" else {
                    isDisconnected = isDisconnected || type == "1"
                    continue
                }
                let missing = type == "5" ? Int(text.dropFirst().prefix(while: \.isNumber)) ?? 0 : 0
                if missing > 0 { waiting = (text, missing) } else { events.append(try Self.event(text, [])) }
            } else if case .binary(let bytes)? = frame[1]?.plain {
                attachments.append(bytes)
            }
            if let (text, missing) = waiting, attachments.count == missing {
                events.append(try Self.event(text, attachments))
                (waiting, attachments) = (nil, [])
            }
        }
    }

    private static func event(_ text: String, _ attachments: [[UInt8]]) throws -> TestEvent {
        let head = text.prefix { $0 != "[" }
        let afterNamespace =
            head.contains(",") ? head.drop { $0 != "," }.dropFirst() : head.drop { $0 != "-" }.dropFirst()
        let id = head.contains(",") || head.contains("-") ? afterNamespace : head.dropFirst()
        let value = resolve(try TestValue(json: String(text.dropFirst(head.count))), attachments)
        guard case .array(let items) = value, let first = items.first else { throw TestFailure("no event: \(text)") }
        var event = TestEvent(first.string ?? first.json)
        event.arguments = Array(items.dropFirst())
        event.ackID = Int(id)
        return event
    }

    private static func resolve(_ value: TestValue, _ attachments: [[UInt8]]) -> TestValue {
        switch value {
        case .array(let items): return .array(items.map { resolve($0, attachments) })
        case .object(let members):
            if members["_placeholder"] == true, case .number(let number)? = members["num"],
                attachments.indices.contains(Int(number))
            {
                return .binary(attachments[Int(number)])
            }
            return .object(members.mapValues { resolve($0, attachments) })
        default: return value
        }
    }
}
