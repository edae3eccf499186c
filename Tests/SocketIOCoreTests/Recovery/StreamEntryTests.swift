// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import Testing

@testable import SocketIOCore

/// Against recordings of @socket.io/redis-streams-adapter 0.3.1.
@Suite("Stream entries")
struct StreamEntryTests {
    private typealias Fields = [(name: ByteBuffer, value: ByteBuffer)]

    private func fields(_ pairs: [(String, String)]) -> Fields {
        pairs.map { (ByteBuffer(string: $0.0), ByteBuffer(string: $0.1)) }
    }

    @Test("Recorded entries are read and written again as they were")
    func recorded() throws {
        var (json, messagePack, byEmitter, withoutData) = (0, 0, 0, 0)
        for line in try RecoveryVectors.lines("streams-adapter") where line["cmd"]?.string == "XADD" {
            guard let recorded = line["fields"], let order = line["field_order"]?.array else { continue }
            let pairs = order.compactMap(\.string).map { ($0, recorded[$0]?.string ?? "") }
            let entry = try #require(StreamEntry(fields: fields(pairs), maximumNameLength: 256))
            #expect(entry.uid == recorded["uid"]?.string)
            #expect(entry.namespace == recorded["nsp"]?.string)
            #expect(String(entry.type) == recorded["type"]?.string)
            #expect(entry.fields.map(\.name) == pairs.map(\.0))
            #expect(entry.fields.map { String(buffer: $0.value) } == pairs.map(\.1))
            switch entry.content {
            case .json(let text):
                json += 1
                #expect(throws: Never.self) { try SocketValue(json: String(buffer: text)) }
            case .messagePack(let bytes):
                messagePack += 1
                var reader = MessagePackReader(bytes)
                #expect(throws: Never.self) { try reader.skip() }
                #expect(reader.isAtEnd)
            case nil: withoutData += 1
            }
            if entry.uid == "emitter" { byEmitter += 1 }
        }
        #expect(json > 40 && messagePack > 5 && byEmitter >= 10, "\(json) \(messagePack) \(byEmitter) \(withoutData)")
    }

    @Test("Fields may come in any order, and unknown ones are passed over")
    func order() throws {
        let entry = try #require(
            StreamEntry(
                fields: fields([("data", "{}"), ("more", "x"), ("type", "3"), ("nsp", "/"), ("uid", "u")]),
                maximumNameLength: 256))
        #expect(entry == StreamEntry(uid: "u", namespace: "/", type: 3, content: .json(ByteBuffer(string: "{}"))))
    }

    @Test("What is no message is refused")
    func refused() {
        let valid = [("uid", "u"), ("nsp", "/"), ("type", "3"), ("data", "{}")]
        func isRead(_ pairs: [(String, String)]) -> Bool {
            StreamEntry(fields: fields(pairs), maximumNameLength: 10) != nil
        }
        #expect(isRead(valid))
        #expect(isRead(Array(valid.dropLast())))
        for missing in 0..<3 {
            var pairs = valid
            pairs.remove(at: missing)
            #expect(!isRead(pairs))
        }
        for type in ["", "x", "-3", "0", "3.0", "99999"] { #expect(!isRead(valid + [("type", type)])) }
        #expect(isRead(valid + [("nsp", "/123456789")]))
        #expect(!isRead(valid + [("nsp", "/1234567890")]))
        #expect(isRead(valid + [("uid", String(repeating: "u", count: 256))]))
        #expect(!isRead(valid + [("uid", String(repeating: "u", count: 257))]))
        #expect(!isRead([]))
    }

    // MARK: Names

    @Test("Namespaces are spread as recorded, and negative hashes to a stream that is read")
    func streamNames() throws {
        for line in try RecoveryVectors.lines("streams-adapter")
        where line["cmd"]?.string == "XADD" && (line["id"]?.string ?? "").hasPrefix("three-streams/") {
            let namespace = try #require(line["fields"]?["nsp"]?.string)
            #expect(StreamNames(name: "st", count: 3).stream(of: namespace) == line["stream"]?.string)
        }
        let three = StreamNames(name: "socket.io", count: 3)
        // streams/three-streams-offset
        #expect(three.stream(of: "/") == "socket.io-2")
        #expect(three.stream(of: "/a") == "socket.io-0")
        #expect(Set(three.all) == ["socket.io-0", "socket.io-1", "socket.io-2", "socket.io--1", "socket.io--2"])
        #expect(StreamNames(count: 1).all == ["socket.io"])
        #expect(StreamNames(count: 1).stream(of: "/any") == "socket.io")
        // Node writes this one to `socket.io--3`.
        #expect(StreamNames.hash("/my-namespace") < 0)
        let four = StreamNames(count: 4)
        #expect(four.all.contains("socket.io--3"))
        #expect(four.all.contains(four.stream(of: "/my-namespace")))
        #expect(StreamNames.hash("é😀") == Int32(truncatingIfNeeded: (0xE9 * 31 + 0xD83D) * 31 + 0xDE00))
    }

    // MARK: Sessions

    @Test("Sessions that Node stored are read")
    func nodeSessions() throws {
        var count = 0
        for (id, arguments, step) in try RecoveryVectors.commands("SET") where arguments.count == 4 {
            let value = try #require(step["value_decoded"])
            let record = try #require(
                StoredSession.decode(ByteBuffer(string: arguments[1]), wantedIn: "/x", limits: .init()), "\(id)")
            #expect(record.isFromNodeJS)
            #expect(record.sid == value["sid"]?.string)
            #expect(record.pid.text == value["pid"]?.string)
            #expect(arguments[0] == StoredSession.key(.shared, record.pid))
            #expect(record.allRooms.sorted() == value["rooms"]?.array?.compactMap(\.string).sorted())
            #expect(record.data == value["data"]?.meant)
            #expect(record.namespace == "/x" && record.start == .zero)
            count += 1
        }
        #expect(count > 20)
    }

    @Test("A session of ours is read back, and Node's members come first, as Node writes them")
    func ownSessions() throws {
        var record = try KeptSession.sample(
            sid: "XBohYb5b86rSZiW7AABk", namespace: "/chat", rooms: ["room1", "é"], subject: "ann")
        record.start = EventPosition(high: 1_796_074_424_517, low: 3)
        record.position = EventPosition(high: 1_796_074_424_600, low: 0)
        record.owner = "node-1"
        record.data = .object(["ab": .binary(SocketData([1, 2])), "n": 1])
        let text = try StoredSession.encode(record)
        let read = try #require(StoredSession.decode(text, wantedIn: "/", limits: .init()))
        #expect(!read.isFromNodeJS)
        #expect(read.sid == record.sid && read.pid == record.pid && read.namespace == "/chat")
        #expect(read.rooms == record.rooms && read.data == record.data)
        #expect(read.start == record.start && read.position == record.position)
        #expect(read.subject == "ann" && read.owner == "node-1")

        var reader = MessagePackReader(Base64.decode(text))
        _ = try reader.mapHead()
        var names: [String] = []
        while !reader.isAtEnd {
            names.append(reader.string(try reader.text()))
            try reader.skip()
        }
        #expect(names.prefix(4) == ["sid", "pid", "rooms", "data"])
        #expect(StoredSession.key(.own, record.pid) == "sio:rec:AAAABBBBCCCCDDDDEEEE")
    }

    @Test("What is no session is refused, and so is one over the limits")
    func refusedSessions() throws {
        func isRead(_ text: ByteBuffer, rooms: Int = 3, length: Int = 20) -> Bool {
            StoredSession.decode(
                text, wantedIn: "/", limits: .init(maximumRooms: rooms, maximumNameLength: length)) != nil
        }
        let text = try StoredSession.encode(try .sample(rooms: ["a", String(repeating: "b", count: 20)]))
        #expect(isRead(text))
        var limits = StoredSession.Limits()
        limits.maximumBytes = text.readableBytes
        #expect(StoredSession.decode(text, wantedIn: "/", limits: limits) != nil)
        limits.maximumBytes -= 1
        #expect(StoredSession.decode(text, wantedIn: "/", limits: limits) == nil)
        #expect(!isRead(text, rooms: 2))
        #expect(!isRead(text, length: 19))
        for length in 0..<text.readableBytes {
            #expect(!isRead(text.getSlice(at: text.readerIndex, length: length) ?? ByteBuffer()))
        }
        #expect(!isRead(ByteBuffer(string: "gA==")))
        #expect(!isRead(ByteBuffer(string: "no base64 at all: %%%%")))
    }
}
