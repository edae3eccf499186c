// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The names that lifecycle events use and nobody may emit (spec 3.3, rule 9).
package enum EventName {
    /// In the order of the protocol document.
    package static let reserved: [String] = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    /// The length of `connect`.
    private static let shortestReserved = 7

    /// Whether applications and clients may not emit `name`.
    package static func isReserved(_ name: String) -> Bool { reserved.contains(name) }

    /// Refuses an event whose first element is neither a number nor a string that is free to use.
    static func check(_ payload: PacketPayload, type: SocketPacketType) throws(PacketDecodingError) {
        guard let lead = payload.leadingByte(at: 0) else { throw .unexpectedPayload(type) }
        switch lead {
        case UInt8(ascii: "\""):
            if startsWithReservedName(payload) { throw .reservedEventName }
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            break
        default:
            throw .unexpectedPayload(type)
        }
    }

    /// Compares bytes, so that no string is made for the names that are fine, which are nearly all.
    private static func startsWithReservedName(_ payload: PacketPayload) -> Bool {
        let range = payload.elements[0]
        guard range.count >= 2 else { return false }
        return payload.text.withUnsafeReadableBytes { bytes in
            let name = UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound + 1..<range.upperBound - 1])
            // "conn\u0065ct" is the same name.
            if name.contains(UInt8(ascii: "\\")) { return payload.eventName.map(isReserved) ?? false }
            // Names that are shorter than all reserved ones are the most frequent.
            guard name.count >= shortestReserved else { return false }
            return reserved.contains { $0.utf8.count == name.count && $0.utf8.elementsEqual(name) }
        }
    }
}
