// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import Testing

@testable import SocketIOServer

/// The look-up by the bytes of a packet finds what the one by name finds, or leaves it to that.
@Suite("Handlers by bytes")
struct SoleHandlerTests {
    @Test func findsByName() throws {
        var table = EventHandlers()
        let names = ["a", "echo", "", "éclair", "😀", "a longer name than fits into a small string", "1"]
        for name in names { table.add(name, id: .make(), isOnce: false) { _ in } }
        for name in names {
            let payload = try PacketPayload(RawJSON(encoding: [name]))
            #expect(table.sole(payload)?.event == name)
        }
        for other in ["b", "ech", "echoo", "eclair", "a longer name than fits into a small strinG"] {
            #expect(table.sole(try PacketPayload(RawJSON(encoding: [other]))) == nil)
        }
    }

    @Test func leavesTheRest() throws {
        var table = EventHandlers()
        table.add("two", id: .make(), isOnce: false) { _ in }
        table.add("two", id: .make(), isOnce: false) { _ in }
        table.add("once", id: .make(), isOnce: true) { _ in }
        table.add("A", id: .make(), isOnce: false) { _ in }
        table.add("1", id: .make(), isOnce: false) { _ in }
        for text in ["[\"two\"]", "[\"once\"]", "[\"\\u0041\"]", "[1]", "[]"] {
            #expect(table.sole(try PacketPayload(text: ByteBuffer(string: text))) == nil, "\(text)")
        }
        #expect(try PacketPayload(text: ByteBuffer(string: "[\"\\u0041\"]")).eventName == "A")
    }
}

extension PacketPayload {
    fileprivate init(_ raw: RawJSON) throws { try self.init(text: ByteBuffer(string: raw.json)) }
}
