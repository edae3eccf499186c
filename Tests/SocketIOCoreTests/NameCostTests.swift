// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import ProcessTesting
import Testing

@testable import SocketIOCore

/// What a peer's names cost where they are looked at first. Combining marks made each of these quadratic once: the limit
/// holds with room to spare, and a quadratic step would exceed it by orders of magnitude.
@Suite("Names of combining marks cost no more than a few times as much as letters")
struct NameCostTests {
    private static let bytes = 100_000
    private static let limit = 6.0

    private static func expectLinear(
        _ what: Comment, inTurns: Bool = false, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (String) throws -> Void
    ) rethrows {
        let marks = HostileText.marks(bytes: bytes, inTurns: inTurns)
        let ratio = try ThreadCost.ratio(of: marks, to: HostileText.plain(bytes: marks.utf8.count), body)
        #expect(ratio < limit, what, sourceLocation: sourceLocation)
    }

    private struct Profile: Codable {
        var name: String?
        var tags: [String]?
    }

    @Test("members of objects, decoded in every way", arguments: [false, true])
    func members(inTurns: Bool) throws {
        try Self.expectLinear("few members", inTurns: inTurns) { name in
            let value = try RawJSON(#"{"\#(name)":1,"b":2,"\#(name)x":3}"#).value
            #expect(value.object?.count == 3 && value[name] == 1 && value["b"] == 2 && value["a"] == nil)
            #expect(value == value && value != ["b": 2])
            _ = value.hashValue
        }
        try Self.expectLinear("many members", inTurns: inTurns) { name in
            let others = (0..<40).map { #""k\#($0)":\#($0)"# }.joined(separator: ",")
            let value = try RawJSON("{\(others),\"\(name)\":1}").value
            #expect(value[name] == 1 && value["k7"] == 7 && value.object?.count == 41)
        }
        try Self.expectLinear("a type of the application", inTurns: inTurns) { name in
            let profile = try RawJSON(#"{"\#(name)":1,"name":"Ann","tags":["\#(name)"]}"#).decode(Profile.self)
            #expect(profile.name == "Ann")
        }
        enum Choice: Codable {
            case one(Int)
            case other(Int)
        }
        try Self.expectLinear("types that compare strings", inTurns: inTurns) { name in
            let text = try RawJSON(#"{"\#(name)":1,"one":{"_0":1}}"#)
            // The letters are refused for another reason, later.
            _ = try? text.decode([String: Int].self)
            _ = try? text.decode(Choice.self)
        }
        try Self.expectLinear("a dictionary of names", inTurns: inTurns) { name in
            let names = try RawJSON(#"{"\#(name)":1,"b":2}"#).decode(NameDictionary<Int>.self)
            #expect(names[name] == 1 && names["b"] == 2)
        }
    }

    @Test("values that are compared")
    func values() {
        Self.expectLinear("texts") { text in
            let (one, other) = (SocketValue.string(text), SocketValue.string(text + "b"))
            #expect(one != other && one == .string(String(decoding: Array(text.utf8), as: UTF8.self)) && one != "a")
            #expect(Set([one, other]).count == 2)
        }
    }

    @Test("rooms: joining, leaving, selecting, leaving out")
    func rooms() {
        Self.expectLinear("within the limit") { name in
            let index = RoomIndex<Int>(limits: RoomLimits(maxNameLength: 1_000_000))
            let member = index.add(1)
            index.activate(member)
            #expect(index.join(name, member) == .joined(roomCreated: true))
            #expect(index.members(rooms: [name, name + "b"]) == [1] && index.members(except: [name]).isEmpty)
            #expect(index.count(of: name) == 1 && index.contains(member, in: name))
            #expect(index.leave(name, member) == .left(roomDeleted: true))
        }
        Self.expectLinear("options") { name in
            var options = BroadcastOptions(rooms: [name, "a", name], except: [name + "b", name])
            options.add(room: name)
            options.add(except: name)
            #expect(options.rooms.count == 2 && options.except.count == 2 && options == options)
            _ = options.hashValue
        }
    }

    @Test("a name over the limit is refused before it is looked at")
    func tooLong() {
        let index = RoomIndex<Int>()
        let member = index.add(1)
        index.activate(member)
        let name = HostileText.marks(bytes: 10_000_000)
        let cost = ThreadCost.nanoseconds {
            for _ in 0..<100 {
                #expect(index.join(name, member) == .nameTooLong)
                #expect(index.leave(name, member) == .notMember)
                #expect(index.members(rooms: [name]).isEmpty && index.count(of: name) == 0)
            }
        }
        // A look at all bytes, 400 times, would take seconds.
        #expect(cost < 500_000_000)
    }

    @Test("event names and namespaces")
    func eventsAndNamespaces() throws {
        try Self.expectLinear("events") { name in
            var parser = DefaultParser(limits: PacketLimits(maxEventNameLength: 1_000_000))
            let packet = try parser.receive(.text(ByteBuffer(string: #"2["\#(name)",1]"#)))
            guard case .event(let payload)? = packet?.body else {
                Issue.record("no event")
                return
            }
            #expect(payload.eventName?.utf8.count == name.utf8.count && !EventName.isReserved(name))
        }
        Self.expectLinear("namespaces") { name in
            var machine = ClientStateMachine(limits: ClientLimits(maxNamespaceLength: 1_000_000))
            let packet = SocketPacket(nsp: "/" + name, body: .connect(nil))
            guard case .connect(slot: 0, _, _) = machine.received(packet) else {
                Issue.record("not connecting")
                return
            }
            #expect(machine.connected(slot: 0) == true)
            #expect(machine.joinedSlot("/" + name) == 0 && machine.joinedSlot("/" + name + "b") == nil)
            #expect(machine.left(slot: 0) == true)
            guard case .ignore(.socketJustLeft) = machine.received(SocketPacket(nsp: "/" + name, body: .disconnect))
            else {
                Issue.record("not just left")
                return
            }
        }
    }

    @Test("nodes, adapters and requests")
    func cluster() throws {
        Self.expectLinear("requests") { name in
            var table = ClusterRequestTable<Int, Int>()
            _ = table.begin(name, nodes: 2, peers: [name: "t", "b": "u"], context: 0)
            guard case .pending = table.answered(name, by: name, 1) else {
                Issue.record("not pending")
                return
            }
            guard case .duplicate = table.answered(name, by: name, 1) else {
                Issue.record("no duplicate")
                return
            }
            #expect(table.contains(name) && !table.contains(name + "b"))
            #expect(table.lost(peer: name).isEmpty)
        }
        Self.expectLinear("broadcasts") { name in
            var table = ClusterBroadcastTable<Int>()
            table.begin(name, nodes: 1, peers: [name: "t"], receiver: 1)
            #expect(table.reported(name, by: name, clients: 2) == 1)
            #expect(table.answered(name, by: name) == 1)
            #expect(table.lost(peer: name).first?.clients == 1)
        }
        Self.expectLinear("peers") { name in
            var table = PeerTable(timeout: .seconds(1), maximumPeers: 1024, maximumBytes: 64 << 20)
            let peer = ClusterPeer(nodeID: name, tag: "t", uids: [name: name])
            #expect(table.heard(peer, at: .now()) == .joined)
            #expect(table.node(ofUID: name) != nil && table.adapters(of: name)[name] == "t")
            #expect(table.left(name) != nil)
            #expect(table.count == 0)
        }
        try Self.expectLinear("MessagePack") { name in
            var writer = MessagePackWriter()
            writer.writeMapHead(2)
            for text in [name, name, "b", name] { writer.write(text) }
            var reader = MessagePackReader(writer.finish())
            let json = try MessagePackJSON.read(&reader)
            #expect(RawJSON(validated: json.json, attachments: []).value[name]?.string?.utf8.count == name.utf8.count)
        }
    }
}
