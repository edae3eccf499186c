// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

/// Packets written in place have the bytes of those made in the general way.
@Suite struct InPlaceTests {
    private static let namespaces = ["/", "/chat", "/é"]

    @Test(arguments: namespaces)
    func relayedAcknowledgements(nsp: String) throws {
        for text in [
            "[]", "[\"e\"]", "[\"e\",1]", "[ \"e\" , {\"a\" : [1,\"\\u0041\"]} ,\tnull ]",
            "[1,2,3,4,5,6,7]", "[\"\(String(repeating: "ü", count: 300))\",\"x\"]",
        ] {
            let payload = try PacketPayload(text: ByteBuffer(string: text))
            for start in 0...payload.count + 1 {
                for id in [0, 9, 10, 12345, PacketLimits.maxAckID] {
                    let json = try #require(payload.tail(from: start, headroom: 0))
                    var written: [UInt8] = []
                    let isTaken = payload.withTail(from: start) { elements in
                        written = Self.written(DefaultEncoder.ackBound(nsp: nsp, relaying: elements)) {
                            DefaultEncoder.writeAck(nsp: nsp, id: id, relaying: elements, into: $0)
                        }
                    }
                    #expect(isTaken && written == Self.payload(DefaultEncoder.ack(nsp: nsp, id: id, json: json)))
                }
            }
        }
        let binary = try PacketPayload(text: ByteBuffer(string: "[{\"_placeholder\":true,\"num\":0}]"))
            .attaching([ByteBuffer(bytes: [1])])
        let isTaken = binary.withTail(from: 0) { _ in Issue.record("placeholders cannot be passed on as they are") }
        #expect(!isTaken)
    }

    @Test(arguments: namespaces)
    func values(nsp: String) throws {
        try expectAck(nsp)
        try expectAck(nsp, 0, -1, Int.min, Int.max)
        try expectAck(nsp, true, false, "")
        try expectAck(
            nsp, 0.5, -0.0, 1e300, Double.pi, Double.nan, -Double.infinity, Double.leastNonzeroMagnitude, 1e21)
        try expectAck(nsp, "é😀\"\\\n\u{1}\u{7F}", String(repeating: "\u{2}", count: 2000))
        let raw = try RawJSON("{\"a\": [1, 2], \"b\": \"€\"}")
        try expectAck(nsp, raw, "x", raw)
        try expectAck(nsp, String?.none, Int?.none, Double?.none, Bool?.none, RawJSON?.none)
        try expectAck(
            nsp, String?.some("é\""), Int?.some(.min), Double?.some(-0.5), Bool?.some(true), RawJSON?.some(raw))
        try expectAck(nsp, Double?.some(.nan))
        try expectEvent(nsp, "e")
        try expectEvent(nsp, "quote\"\u{3}", 7, "seven", true, 7.25, raw)
    }

    /// What takes an encoder, or too much room, is left to it.
    @Test func notPlain() throws {
        #expect(DefaultEncoder.ackBound(nsp: "/", [1, 2]) == nil)
        #expect(DefaultEncoder.ackBound(nsp: "/", 1, SocketValue.null) == nil)
        #expect(DefaultEncoder.ackBound(nsp: "/", [String]?.none) == nil)
        #expect(DefaultEncoder.ackBound(nsp: "/", String?.some(String(repeating: "a", count: 2001))) == nil)
        #expect(DefaultEncoder.ackBound(nsp: "/", ByteBuffer()) == nil)
        #expect(DefaultEncoder.ackBound(nsp: "/", String(repeating: "a", count: 2001)) == nil)
        #expect(DefaultEncoder.eventBound(nsp: "/", event: String(repeating: "a", count: 2001)) == nil)
        let binary = try RawJSON(encoding: ByteBuffer(bytes: [1, 2, 3]))
        #expect(DefaultEncoder.eventBound(nsp: "/", event: "e", binary) == nil)
    }

    private func expectAck<each Value: Encodable>(
        _ nsp: String, _ values: repeat each Value, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var writer = ArgumentWriter()
        repeat try writer.append(each values)
        let expected = DefaultEncoder.ack(nsp: nsp, id: 42, json: writer.finish().json)
        let found = DefaultEncoder.ackBound(nsp: nsp, repeat each values)
        let bound = try #require(found, sourceLocation: sourceLocation)
        let written = Self.written(bound) {
            DefaultEncoder.writeAck(nsp: nsp, id: 42, repeat each values, into: $0)
        }
        #expect(written == Self.payload(expected), sourceLocation: sourceLocation)
    }

    private func expectEvent<each Value: Encodable>(
        _ nsp: String, _ event: String, _ values: repeat each Value, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var writer = ArgumentWriter(eventName: event)
        repeat try writer.append(each values)
        let expected = DefaultEncoder.event(nsp: nsp, json: writer.finish().json)
        let found = DefaultEncoder.eventBound(nsp: nsp, event: event, repeat each values)
        let bound = try #require(found, sourceLocation: sourceLocation)
        let written = Self.written(bound) {
            DefaultEncoder.writeEvent(nsp: nsp, event: event, repeat each values, into: $0)
        }
        #expect(written == Self.payload(expected), sourceLocation: sourceLocation)
    }

    /// What is written into just as much room as was asked for.
    private static func written(_ bound: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) -> [UInt8] {
        withUnsafeTemporaryAllocation(byteCount: bound, alignment: 1) { output in
            let length = write(output)
            #expect(length <= bound)
            return Array(output[..<min(length, bound)])
        }
    }

    private static func payload(_ message: OutboundMessage) -> [UInt8] { Array(message.head.payload) }
}
