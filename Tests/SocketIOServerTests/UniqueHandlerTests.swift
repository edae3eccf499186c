// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

@testable import SocketIOServer

/// The look-up by the bytes of a packet finds what the one by name finds, or leaves it to that.
@Suite("Handlers by bytes")
struct UniqueHandlerTests {
    @Test func findsByName() throws {
        var table = EventHandlers(SharedHandlerLayout())
        let names =
            ["a", "echo", "", "éclair", "😀", "a longer name than fits into a small string", "1"]
            + [7, 8, 9, 14, 15, 16, 17].map { String(repeating: "n", count: $0) }
        for name in names { table.add(name, isOnce: false, DynamicHandler { _, _ in }) }
        for name in names {
            let (payload, short) = try Self.received(RawJSON(encoding: [name]).json)
            #expect((short != nil) == (name.utf8.count <= 15))
            #expect(table.uniqueHandler(payload, name: short)?.event == name)
            #expect(table.uniqueHandler(payload, name: nil)?.event == name)
        }
        for other in ["b", "ech", "echoo", "eclair", "nnnnnnn\u{0}", "a longer name than fits into a small strinG"] {
            let (payload, short) = try Self.received(RawJSON(encoding: [other]).json)
            #expect(table.uniqueHandler(payload, name: short) == nil)
            #expect(table.uniqueHandler(payload, name: nil) == nil)
        }
    }

    @Test func leavesTheRest() throws {
        var table = EventHandlers(SharedHandlerLayout())
        table.add("two", isOnce: false, DynamicHandler { _, _ in })
        table.add("two", isOnce: false, DynamicHandler { _, _ in })
        table.add("once", isOnce: true, DynamicHandler { _, _ in })
        table.add("A", isOnce: false, DynamicHandler { _, _ in })
        table.add("1", isOnce: false, DynamicHandler { _, _ in })
        for text in ["[\"two\"]", "[\"once\"]", "[\"\\u0041\"]", "[1]"] {
            let (payload, short) = try Self.received(text)
            #expect(table.uniqueHandler(payload, name: short) == nil, "\(text)")
            #expect(table.uniqueHandler(payload, name: nil) == nil, "\(text)")
            #expect((short == nil) == (text.contains("\\") || text == "[1]"))
        }
        #expect(table.uniqueHandler(.empty, name: nil) == nil)
        #expect(try PacketPayload(text: ByteBuffer(string: "[\"\\u0041\"]")).eventName == "A")
    }

    /// An event as it comes from a client.
    private static func received(_ array: String) throws -> (PacketPayload, ShortName?) {
        var parser = DefaultParser()
        let packet = try #require(try parser.receive(.text(ByteBuffer(string: "2" + array))))
        guard case .event(let payload) = packet.body else { return (.empty, nil) }
        return (payload, packet.shortName)
    }
}
