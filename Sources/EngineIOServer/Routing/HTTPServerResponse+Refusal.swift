// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import NIOCore
internal import NIOHTTP1

extension HTTPServerResponse {
    /// The JSON answer of a refused plain request (protocol 1.5.1); `message` replaces the standard text of the code.
    package static func refusal(_ code: EngineErrorCode, message: String? = nil) -> HTTPServerResponse {
        var body = ByteBuffer()
        body.writeString("{\"code\":\(code.rawValue),\"message\":\"")
        for byte in (message ?? code.message).utf8 {
            switch byte {
            case UInt8(ascii: "\""): body.writeStaticString("\\\"")
            case UInt8(ascii: "\\"): body.writeStaticString("\\\\")
            case 0x0A: body.writeStaticString("\\n")
            case 0x0D: body.writeStaticString("\\r")
            case 0x09: body.writeStaticString("\\t")
            case 0..<0x20:
                body.writeString("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
            default: body.writeInteger(byte)
            }
        }
        body.writeStaticString("\"}")
        return HTTPServerResponse(
            status: code == .forbidden ? .forbidden : .badRequest, headers: ["Content-Type": "application/json"],
            body: body)
    }
}
