// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The JSON of the `open` packet: exactly five keys, in this order (protocol 1.7.1).
package enum HandshakeJSON {
    /// - Parameters:
    ///   - sid: the session's id; escaped, because an application may have made it.
    ///   - upgrades: names of transports the client may move to.
    ///   - pingInterval: milliseconds between a pong and the next ping.
    ///   - pingTimeout: milliseconds to wait for the pong.
    ///   - maxPayload: largest inbound message in bytes.
    package static func open(
        sid: String, upgrades: [String], pingInterval: Int, pingTimeout: Int, maxPayload: Int
    ) -> ByteBuffer {
        var json = ByteBuffer()
        json.reserveCapacity(128 + sid.utf8.count)
        json.writeStaticString("{\"sid\":")
        write(sid, to: &json)
        json.writeStaticString(",\"upgrades\":[")
        for (index, upgrade) in upgrades.enumerated() {
            if index > 0 { json.writeStaticString(",") }
            write(upgrade, to: &json)
        }
        json.writeStaticString("],\"pingInterval\":")
        json.writeString(String(pingInterval))
        json.writeStaticString(",\"pingTimeout\":")
        json.writeString(String(pingTimeout))
        json.writeStaticString(",\"maxPayload\":")
        json.writeString(String(maxPayload))
        json.writeStaticString("}")
        return json
    }

    private static func write(_ string: String, to json: inout ByteBuffer) {
        json.writeStaticString("\"")
        let isPlain = string.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if isPlain {
            json.writeString(string)
        } else {
            writeEscaped(string, to: &json)
        }
        json.writeStaticString("\"")
    }

    private static func writeEscaped(_ string: String, to json: inout ByteBuffer) {
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                json.writeInteger(UInt8(ascii: "\\"))
                json.writeInteger(byte)
            case 0..<0x20:
                json.writeStaticString("\\u00")
                json.writeString(byte < 0x10 ? "0" : "1")
                json.writeString(String(byte & 0x0F, radix: 16))
            default: json.writeInteger(byte)
            }
        }
    }
}
