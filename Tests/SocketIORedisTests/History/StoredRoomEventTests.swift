// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import NIOCore
import SocketIOCore
import Testing

@testable import SocketIORedis

@Suite("Events of histories as bytes")
struct StoredRoomEventTests {
    private func event() -> EventToKeep {
        EventToKeep(
            event: "e",
            data: EncodedArguments(
                json: ByteBuffer(string: #"["e",{"_placeholder":true,"num":0}]"#),
                attachments: [ByteBuffer(bytes: [1, 2])]),
            except: ["a", "b\u{301}"], compress: false)
    }

    @Test("They are read as they were written")
    func roundTrip() throws {
        #expect(try StoredRoomEvent.decode(StoredRoomEvent.encode(event()), in: "/") == event())
    }

    @Test("Every shorter form and every changed byte is refused or read as another event, and nothing else happens")
    func damaged() throws {
        let bytes = StoredRoomEvent.encode(event())
        for length in 0..<bytes.readableBytes {
            let part = try #require(bytes.getSlice(at: bytes.readerIndex, length: length))
            #expect(throws: StoredRoomEvent.Invalid.self) { try StoredRoomEvent.decode(part, in: "/") }
        }
        for index in 0..<bytes.readableBytes {
            for value in [0, 1, 0x7F, 0xFF] as [UInt8] {
                var changed = bytes
                changed.setInteger(value, at: bytes.readerIndex + index)
                _ = try? StoredRoomEvent.decode(changed, in: "/")
            }
        }
    }

    @Test("An array with something behind it, if only a blank, is refused: the position is put before the last byte")
    func trailing() {
        for json in [#"["e"] "#, "[\"e\"]\n", #"["e"]"#] {
            let event = EventToKeep(
                event: "e", data: EncodedArguments(json: ByteBuffer(string: json), attachments: []))
            let decoded = try? StoredRoomEvent.decode(StoredRoomEvent.encode(event), in: "/")
            #expect((decoded != nil) == json.hasSuffix("]"))
        }
    }

    @Test("Events of a page with numbers that the history cannot have given out are left out and reported")
    func strangeEvents() throws {
        let bytes = RESPValue.bulk(StoredRoomEvent.encode(event()))
        func page(_ numbers: [Int]) -> (RoomPage?, invalid: Int) {
            let start: [RESPValue] = [.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(4)]
            var invalid = 0
            let page = RoomHistoryCommands.page(
                .array(start + numbers.flatMap { [.integer(Int64($0)), .integer(0), bytes] }), .after(0), in: "/"
            ) { _ in invalid += 1 }
            return (page, invalid)
        }
        let (found, invalid) = page([0, 3, 4, 9, 10, 500])
        #expect(found?.events.map(\.number) == [4, 9] && invalid == 4)
        #expect(page([5, 5]).0 == nil)
    }

    @Test(
        "Answers of Redis that are no pages",
        arguments: [
            RESPValue.null, .integer(1), .bulk(ByteBuffer(string: "x")), .array([.integer(1)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .bulk(ByteBuffer(string: "x")), .integer(1)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(-1), .integer(1)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(0)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(11)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(0), .integer(2)]),
            .array([.bulk(ByteBuffer(string: "abc123")), .integer(9), .integer(1), .integer(2), .null, .null]),
        ])
    func answers(reply: RESPValue) {
        #expect(RoomHistoryCommands.page(reply, .after(0), in: "/") { _ in } == nil)
    }
}
