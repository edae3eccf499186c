// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@Suite("Server frames")
struct ServerFrameTests {
    @Test func frames() {
        #expect(ServerFrame.close(code: nil).array == [0x88, 0])
        #expect(ServerFrame.close(code: 1000).array == [0x88, 2, 3, 232])
        #expect(ServerFrame.close(code: 1001, reason: "hi").array == [0x88, 4, 3, 233, 104, 105])
        #expect(ServerFrame.pong(ByteBuffer(bytes: [1, 2])).array == [0x8A, 2, 1, 2])
        #expect(ServerFrame.message(.text(ByteBuffer(string: "x"))).array == [0x81, 1, 120])
        let large = ByteBuffer(bytes: [UInt8](repeating: 1, count: 126))
        #expect(ServerFrame.message(.binary(large)).array.prefix(4) == [0x82, 126, 0, 126])
    }

    @Test func longReasonsAreCutBetweenCharacters() {
        let ascii = ServerFrame.close(code: 1000, reason: String(repeating: "a", count: 300))
        #expect(ascii.readableBytes == 2 + 125)
        let wide = ServerFrame.close(code: 1000, reason: String(repeating: "€", count: 300))
        #expect(wide.readableBytes == 2 + 2 + 123)
        let odd = ServerFrame.close(code: 1000, reason: "a" + String(repeating: "😀", count: 300))
        #expect(odd.readableBytes == 2 + 2 + 121)
    }

    @Test func outboundPacketsHoldTheirFrame() {
        for count in [0, 1, 124, 125, 126, 65534, 65535, 65536] {
            let payload = ByteBuffer(bytes: [UInt8](repeating: 97, count: count))
            let text = OutboundPacket.message(.text(payload))
            #expect(text.payload.count == count + 1)
            #expect(text.payload.first == UInt8(ascii: "4"))
            let binary = OutboundPacket.binary(payload)
            #expect(Array(binary.payload) == payload.array)
            #expect(binary.headerLength == (count < 126 ? 2 : count < 65536 ? 4 : 10))
        }
    }
}
