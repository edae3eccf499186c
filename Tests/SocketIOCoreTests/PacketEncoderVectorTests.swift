// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

/// The encoder against what socket.io-parser wrote.
@Suite struct PacketEncoderVectorTests {
    /// Lines that do not apply, each with the reason.
    static let deviations: [String: String] = [
        "event-lone-surrogate": "3.2: a Swift string cannot hold half a surrogate pair",
        "connect-error": "3.1: refusals are objects in revision 5; the bare string is only accepted",
        "binary-uint16": "3.2: a JavaScript typed array, which the recording shows as an object",
        "binary-tojson": "3.2: a JavaScript object whose toJSON hides the binary value it was found to have",
    ]

    @Test(arguments: try PacketVector.load(kind: "sio-encode"))
    func writesWhatNodeWrites(vector: PacketVector) throws {
        guard Self.deviations[vector.id] == nil else { return }
        let expected = try #require(vector.line["encoded"]?.array)
        let message = try #require(try Self.encode(vector))
        #expect(message.head.payload.first == UInt8(ascii: "4"))
        #expect(message.socketText == expected[0].string)
        #expect(!message.head.isBinary)
        #expect(message.attachments.count == expected.count - 1)
        for (attachment, value) in zip(message.attachments, expected.dropFirst()) {
            #expect(attachment.isBinary)
            #expect(Array(attachment.payload) == value.meant?.binary?.bytes)
        }
    }

    @Test func everyLineIsKnown() throws {
        let vectors = try PacketVector.load(kind: "sio-encode")
        #expect(vectors.count == 49)
        #expect(Set(Self.deviations.keys).subtracting(vectors.map(\.id)).isEmpty)
    }

    private static func encode(_ vector: PacketVector) throws -> OutboundMessage? {
        let packet = try #require(vector.line["packet"])
        let nsp = try #require(packet["nsp"]?.string)
        let id = packet["id"]?.int
        switch packet["type"]?.int {
        case 0:
            if let sid = packet["data"]?["sid"]?.string {
                return DefaultEncoder.connect(nsp: nsp, sid: sid, pid: packet["data"]?["pid"]?.string)
            }
            return DefaultEncoder.connect(nsp: nsp, auth: try packet["data"]?.written().json)
        case 1:
            return DefaultEncoder.disconnect(nsp: nsp)
        case 2:
            let data = try arguments(of: packet, headroom: DefaultEncoder.headroom(nsp: nsp))
            return DefaultEncoder.event(nsp: nsp, id: id, json: data.json, attachments: data.attachments)
        case 3:
            let data = try arguments(of: packet, headroom: 0)
            return DefaultEncoder.ack(
                nsp: nsp, id: try #require(id), json: data.json, attachments: data.attachments)
        case 4:
            return DefaultEncoder.connectError(
                nsp: nsp, message: try #require(packet["data"]?["message"]?.string),
                data: try packet["data"]?["data"]?.written().json)
        default:
            return nil
        }
    }

    private static func arguments(of packet: SocketValue, headroom: Int) throws -> EncodedArguments {
        var writer = ArgumentWriter(headroom: headroom)
        for value in try #require(packet["data"]?.array) { try writer.append(value.meant ?? .null) }
        return writer.finish()
    }
}
