// Part of socketio-server, MIT licence; see LICENSE.

/// Why bytes are not an Engine.IO packet; the session ends with `parse error` (protocol 1.7, 1.8.1).
package enum EnginePacketError: Error, Equatable, Sendable {
    /// A packet needs at least its type digit.
    case emptyPacket
    /// The first byte is none of `0`…`6` and `b`.
    case unknownType(UInt8)
    /// A polling part is not UTF-8.
    case invalidUTF8
    /// A length in a polling body of revision 3 that is none, or does not fit.
    case invalidLength
    /// One polling body holds more packets than `limit`.
    case tooManyPackets(limit: Int)
}

extension EnginePacketError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .emptyPacket: "empty packet"
        case .unknownType(let byte): "packet type byte \(byte), expected 0-6 or b"
        case .invalidUTF8: "packet is not valid UTF-8"
        case .invalidLength: "length of a packet that does not fit its payload"
        case .tooManyPackets(let limit): "more than \(limit) packets in one payload (maxPacketsPerPayload)"
        }
    }
}
