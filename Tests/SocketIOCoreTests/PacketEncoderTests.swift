// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

/// The frames around the packets.
@Suite struct PacketEncoderTests {
    /// JSON lengths around the points where the WebSocket header grows: the packet has `42` in front of it.
    @Test(arguments: [2, 122, 123, 124, 125, 126, 127, 65532, 65533, 65534, 65535, 65536, 70000])
    func headerFitsTheLength(length: Int) {
        let json = "[" + String(repeating: " ", count: length - 2) + "]"
        var framed = ByteBuffer()
        let headerLength = OutboundPacket.writeHeader(opcode: 1, payloadLength: length + 2, into: &framed)
        framed.writeString("42" + json)

        let copied = DefaultEncoder.event(nsp: "/", json: ByteBuffer(string: json))
        #expect(copied.head.frame == framed)
        #expect(copied.head.headerLength == headerLength)

        let inPlace = DefaultEncoder.event(nsp: "/", json: Self.json(json, headroom: DefaultEncoder.headroom(nsp: "/")))
        #expect(inPlace.head == copied.head)
    }

    /// Every amount of free room gives the same packet, whether it is enough or not.
    @Test(arguments: ["/", "/chat", "/é"])
    func anyHeadroomGivesTheSamePacket(nsp: String) {
        let attachment = ByteBuffer(bytes: [1, 2, 3])
        let expected = DefaultEncoder.event(
            nsp: nsp, id: PacketLimits.maxAckID, json: ByteBuffer(string: "[\"a\"]"), attachments: [attachment])
        for headroom in 0...DefaultEncoder.headroom(nsp: nsp) + 3 {
            let message = DefaultEncoder.event(
                nsp: nsp, id: PacketLimits.maxAckID, json: Self.json("[\"a\"]", headroom: headroom),
                attachments: [attachment])
            #expect(message == expected)
        }
    }

    /// Text that somebody else still holds stays as it was.
    @Test func sharedTextIsNotOverwritten() {
        let json = Self.json("[\"a\",1]", headroom: DefaultEncoder.headroom(nsp: "/chat"))
        let message = DefaultEncoder.ack(nsp: "/chat", id: 12, json: json)
        #expect(message.socketText == "3/chat,12[\"a\",1]")
        #expect(json == ByteBuffer(string: "[\"a\",1]"))
    }

    @Test func freshTextIsNotCopied() throws {
        var writer = ArgumentWriter(eventName: "a", headroom: DefaultEncoder.headroom(nsp: "/"))
        try writer.append(1)
        let json = writer.finish().json
        let text = json.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let message = DefaultEncoder.event(nsp: "/", json: consume json)
        #expect(message.socketText == "2[\"a\",1]")
        let frame = message.head.frame.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(frame + 4 == text)
    }

    @Test func refusalsAreEscaped() {
        let message = DefaultEncoder.connectError(nsp: "/", message: "no \"\n\u{1}", data: ByteBuffer(string: "[1]"))
        #expect(message.socketText == #"4{"message":"no \"\n\u0001","data":[1]}"#)
    }

    @Test func attachmentsMakeThePacketBinary() {
        let bytes = ByteBuffer(bytes: [9])
        let json = ByteBuffer(string: #"["a",{"_placeholder":true,"num":0}]"#)
        let event = DefaultEncoder.event(nsp: "/", json: json, attachments: [bytes], compress: false)
        #expect(event.socketText == #"51-["a",{"_placeholder":true,"num":0}]"#)
        #expect(event.attachments == [.binary(bytes)])
        #expect(!event.compress)
        let ack = DefaultEncoder.ack(nsp: "/n", id: 0, json: json, attachments: [bytes, bytes])
        #expect(ack.socketText == #"62-/n,0["a",{"_placeholder":true,"num":0}]"#)
    }

    private static func json(_ text: String, headroom: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeRepeatingByte(0xFF, count: headroom)
        buffer.writeString(text)
        buffer.moveReaderIndex(to: headroom)
        return buffer
    }
}
