// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

extension DefaultEncoder {
    /// As `event(nsp:id:json:attachments:compress:)`, with one more argument at the end: the offset by which a client can
    /// continue its session (protocol 4.12.3, rule 6). It must need no escaping. The text is copied once, into the frame.
    ///
    /// A text that is no array, which only another server can have sent, is sent as it is.
    package static func event(
        nsp: String, json: ByteBuffer, attachments: [ByteBuffer] = [], compress: Bool = true, offset: String
    ) -> OutboundMessage {
        let length = json.withUnsafeReadableBytes { elementsLength($0) }
        guard length > 1 else { return event(nsp: nsp, json: json, attachments: attachments, compress: compress) }
        let type: SocketPacketType = attachments.isEmpty ? .event : .binaryEvent
        let prefix = PacketPrefix(type: type, attachments: attachments.count, nsp: nsp, id: nil)
        let payloadLength = prefix.length + length + offset.utf8.count + 4
        let headerLength = OutboundPacket.headerLength(payloadLength: payloadLength)
        var frame = ByteBufferAllocator().buffer(capacity: headerLength + payloadLength)
        frame.writeWithUnsafeMutableBytes(minimumWritableBytes: headerLength + payloadLength) { output in
            var end = OutboundPacket.writeHeader(opcode: 0x1, payloadLength: payloadLength, into: output)
            end += PacketPrefix.write(
                type, attachments: attachments.count, nsp: nsp, id: nil,
                into: UnsafeMutableRawBufferPointer(rebasing: output[end...]))
            json.withUnsafeReadableBytes { text in
                UnsafeMutableRawBufferPointer(rebasing: output[end..<end + length])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: text[..<length]))
            }
            end += length
            output[end] = UInt8(ascii: ",")
            output[end + 1] = UInt8(ascii: "\"")
            end += 2
            for byte in offset.utf8 {
                output[end] = byte
                end += 1
            }
            output[end] = UInt8(ascii: "\"")
            output[end + 1] = UInt8(ascii: "]")
            return end + 2
        }
        let head = OutboundPacket(frame: frame, headerLength: headerLength, isBinary: false)
        return OutboundMessage(head: head, attachments: attachments.map(OutboundPacket.binary), compress: compress)
    }

    /// How many bytes of an array stand before its closing bracket and the space in front of that; 0 when it is no array
    /// with elements.
    private static func elementsLength(_ text: UnsafeRawBufferPointer) -> Int {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
        guard text.first == UInt8(ascii: "[") else { return 0 }
        var end = text.count
        while end > 0, isSpace(text[end - 1]) { end -= 1 }
        guard end > 0, text[end - 1] == UInt8(ascii: "]") else { return 0 }
        end -= 1
        while end > 0, isSpace(text[end - 1]) { end -= 1 }
        return end > 1 ? end : 0
    }
}
