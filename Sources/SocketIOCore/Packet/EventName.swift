// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The names that lifecycle events use and nobody may emit (protocol 3.3, rule 9).
package enum EventName {
    /// In the order of the protocol document.
    package static let reserved: [String] = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    /// The length of `connect`.
    private static let shortestReserved = 7

    /// Whether applications and clients may not emit `name`.
    package static func isReserved(_ name: String) -> Bool {
        // The length alone rules out most names.
        switch name.utf8.count {
        case 7, 10, 11, 13, 14: reserved.hasBytes(of: name)
        default: false
        }
    }

    /// Refuses an event whose first element is neither a number nor an unreserved string, or is too long. The length is
    /// that of the name as the client wrote it: an escape counts as its bytes.
    /// - Parameters:
    ///   - array: the checked text of the event's array.
    ///   - elements: where its elements lie.
    /// - Returns: The name, when it is short and its bytes are the name as it is: not for numbers, nor with escapes.
    static func check(
        _ array: UnsafeRawBufferPointer, _ elements: ElementRanges, type: SocketPacketType, limits: PacketLimits
    ) throws(PacketDecodingError) -> ShortName? {
        guard elements.count > 0 else { throw .unexpectedPayload(type) }
        let name = UnsafeRawBufferPointer(rebasing: array[elements[0]])
        switch name.first ?? 0 {
        case UInt8(ascii: "\""):
            guard name.count - 2 <= limits.maxEventNameLength else {
                throw .eventNameTooLong(limit: limits.maxEventNameLength)
            }
            if isReserved(quoted: name) { throw .reservedEventName }
            let short = ShortName(UnsafeRawBufferPointer(rebasing: name[1..<name.count - 1]))
            return short.flatMap { $0.hasBackslash ? nil : $0 }
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard name.count <= limits.maxEventNameLength else {
                throw .eventNameTooLong(limit: limits.maxEventNameLength)
            }
            return nil
        default:
            throw .unexpectedPayload(type)
        }
    }

    /// Compares bytes, so that no string is made for the names that are fine, which are nearly all.
    private static func isReserved(quoted: UnsafeRawBufferPointer) -> Bool {
        // Names that are shorter than all reserved ones are the most frequent. Escapes only make them longer.
        guard quoted.count >= shortestReserved + 2 else { return false }
        let name = UnsafeRawBufferPointer(rebasing: quoted[1..<quoted.count - 1])
        // "conn\u0065ct" is the same name.
        if name.contains(UInt8(ascii: "\\")) { return isReserved(JSONString.make(quoted: quoted)) }
        return reserved.contains { $0.utf8.count == name.count && $0.utf8.elementsEqual(name) }
    }
}
