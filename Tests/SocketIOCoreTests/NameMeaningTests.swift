// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import ProcessTesting
import Testing

@testable import SocketIOCore

/// Names that Swift's strings take for one, and that are two here as in Node.js.
@Suite("Names that differ in their bytes are two names", .serialized)
struct NameMeaningTests {
    @Test("members of objects", arguments: HostileText.twins)
    func members(one: String, other: String) throws {
        for count in [0, 40] {
            let more = (0..<count).map { #","k\#($0)":0"# }.joined()
            let raw = try RawJSON(#"{"\#(one)":1,"\#(other)":2\#(more)}"#)
            var value = raw.value
            #expect(value.object?.count == 2 + count && value[one] == 1 && value[other] == 2)
            #expect(value.object?.keys.prefix(2).map { Array($0.utf8) } == [Array(one.utf8), Array(other.utf8)])
            value[other] = nil
            #expect(value[one] == 1 && value[other] == nil && value.object?.count == 1 + count)
            let names = try raw.decode(NameDictionary<Int>.self)
            #expect(names[one] == 1 && names[other] == 2)
            #expect(try SocketValue(encoding: names) == raw.value)
            // Written and read again, in both formats.
            #expect(try RawJSON(encoding: raw.value).value == raw.value)
            var writer = MessagePackWriter()
            try writer.write(json: raw.text, attachments: [])
            var reader = MessagePackReader(writer.finish())
            let again = RawJSON(validated: try MessagePackJSON.read(&reader).json, attachments: [])
            #expect(again.value == raw.value)
        }
        #expect(SocketValue.string(one) != .string(other))
        #expect([one: 1] as SocketValue != [other: 1])
        #expect(Set<SocketValue>([.string(one), .string(other)]).count == 2)
    }

    @Test("members asked for by name, in types of the application", arguments: HostileText.twins)
    func codingKeys(one: String, other: String) throws {
        struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        struct Both: Decodable {
            var values: [Int?] = []
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Key.self)
                for name in HostileText.twins.flatMap({ [$0.0, $0.1] }) {
                    values.append(try container.decodeIfPresent(Int.self, forKey: Key(stringValue: name)))
                }
            }
        }
        let values = try RawJSON(#"{"\#(other)":7}"#).decode(Both.self).values
        let expected = HostileText.twins.flatMap { [$0.0, $0.1] }.map { Array($0.utf8) == Array(other.utf8) ? 7 : nil }
        #expect(values == expected)
    }

    @Test("a dictionary of Swift loses no member silently", arguments: HostileText.twins)
    func dictionaries(one: String, other: String) throws {
        let twins = try RawJSON(#"{"list":[{"\#(one)":1,"\#(other)":2}]}"#)
        #expect(throws: DecodingError.self) { try twins.decode([String: [[String: Int]]].self) }
        #expect(try twins.decode([String: [NameDictionary<Int>]].self)["list"]?.first?.count == 2)
        #expect(try RawJSON(#"{"\#(one)":1,"b":2}"#).decode([String: Int].self) == [one: 1, "b": 2])
        // Of the same name the last one counts, as everywhere.
        #expect(try RawJSON(#"{"\#(one)":1,"\#(one)":2}"#).decode([String: Int].self) == [one: 2])
        func marked(_ count: Int) throws -> RawJSON {
            try RawJSON(#"{"a\#(String(repeating: "\u{301}", count: count))":1}"#)
        }
        #expect(try marked(30).decode([String: Int].self).count == 1)
        #expect(throws: DecodingError.self) { try marked(31).decode([String: Int].self) }
        #expect(try marked(31).decode(NameDictionary<Int>.self).count == 1)
    }

    @Test("halves of a surrogate pair cannot be told apart; relayed text keeps them")
    func unpairedSurrogates() throws {
        let raw = try RawJSON(#"{"\ud800":1,"\udfff":2,"\ufffd":3}"#)
        #expect(raw.value == ["\u{FFFD}": 3])
        #expect(raw.json == #"{"\ud800":1,"\udfff":2,"\ufffd":3}"#)
        #expect(try RawJSON(encoding: raw).json == raw.json)
    }

    @Test("rooms", arguments: HostileText.twins)
    func rooms(one: String, other: String) {
        let index = RoomIndex<Int>()
        let (ann, bob) = (index.add(1), index.add(2))
        for member in [ann, bob] { index.activate(member) }
        #expect(index.join(one, ann) == .joined(roomCreated: true))
        #expect(index.join(other, bob) == .joined(roomCreated: true))
        #expect(index.roomCount == 2 && index.count(of: one) == 1)
        #expect(index.members(rooms: [one]) == [1] && index.members(rooms: [other]) == [2])
        #expect(index.members(rooms: [one, other]).sorted() == [1, 2] && index.members(except: [one]) == [2])
        #expect(index.leave(other, ann) == .notMember)
        #expect(index.leave(one, ann) == .left(roomDeleted: true))
        #expect(index.contains(bob, in: other) && !index.contains(bob, in: one))
        var options = BroadcastOptions(rooms: [one, other], except: [one])
        options.add(except: other)
        #expect(options.rooms.count == 2 && options.except.count == 2)
        #expect(BroadcastOptions(rooms: [one]) != BroadcastOptions(rooms: [other]))
    }

    @Test("namespaces", arguments: HostileText.twins)
    func namespaces(one: String, other: String) {
        var machine = ClientStateMachine()
        #expect(
            machine.received(SocketPacket(nsp: "/" + one, body: .connect(nil)))
                == .connect(slot: 0, nsp: "/" + one, auth: nil))
        #expect(machine.connected(slot: 0) == true)
        guard
            case .connect(let slot, let name, _) = machine.received(SocketPacket(nsp: "/" + other, body: .connect(nil)))
        else {
            Issue.record("the second namespace is not the first")
            return
        }
        #expect(slot == 1 && name.hasSameBytes(as: "/" + other))
        #expect(machine.connected(slot: 1) == true)
        #expect(machine.joinedSlot("/" + one) == 0 && machine.joinedSlot("/" + other) == 1)
        #expect(machine.left(slot: 0) == true)
        #expect(machine.joinedSlot("/" + other) == 1 && machine.joinedSlot("/" + one) == nil)
    }

    @Test("nodes, adapters and requests", arguments: HostileText.twins)
    func cluster(one: String, other: String) {
        var requests = ClusterRequestTable<Int, Int>()
        _ = requests.begin(one, nodes: 2, peers: [one: "A", other: "B"], context: 0)
        #expect(requests.contains(one) && !requests.contains(other))
        guard case .pending = requests.answered(one, by: one, 1), case .completed = requests.answered(one, by: other, 2)
        else {
            Issue.record("two peers answer")
            return
        }
        var broadcasts = ClusterBroadcastTable<Int>()
        broadcasts.begin(one, nodes: 2, peers: [one: "A", other: "B"], receiver: 1)
        #expect(broadcasts.reported(one, by: one, clients: 1) == 1)
        #expect(broadcasts.reported(one, by: other, clients: 1) == 1)
        #expect(broadcasts.reported(one, by: other, clients: 1) == nil)
        #expect(!broadcasts.contains(other))
        var peers = PeerTable(timeout: .seconds(1), maximumPeers: 1024, maximumBytes: 64 << 20)
        #expect(peers.heard(ClusterPeer(nodeID: one, tag: "A", uids: ["/": one]), at: .now()) == .joined)
        #expect(peers.heard(ClusterPeer(nodeID: other, tag: "B", uids: ["/": other]), at: .now()) == .joined)
        #expect(peers.adapters(of: "/") == [one: "A", other: "B"] && peers.node(ofUID: one)?.tag == "A")
        #expect(peers.left(one)?.tag == "A")
        #expect(peers.node(ofUID: other)?.tag == "B")
    }
}
