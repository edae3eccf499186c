// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The payload of a client's close frame (RFC 6455, sections 5.5.1 and 7.4).
enum ClosePayload {
    static func read(_ bytes: ByteBuffer) throws(WebSocketProtocolError) -> WebSocketEvent {
        var bytes = bytes
        guard bytes.readableBytes > 0 else { return .close(code: nil, reason: "") }
        guard let code = bytes.readInteger(as: UInt16.self) else { throw .invalidClosePayload }
        guard isAllowed(code) else { throw .invalidCloseCode(code) }
        guard UTF8Validator.isValid(bytes) else { throw .invalidUTF8 }
        return .close(code: code, reason: String(buffer: bytes))
    }

    /// Codes an endpoint may send: registered ones except those that only describe a lost connection, and the ranges
    /// for libraries and applications.
    private static func isAllowed(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
