// Part of socketio-server, MIT licence; see LICENSE.

/// What the bytes of one text message say, before anything is made of it: header, and the elements of an event's or
/// acknowledgement's array, checked.
struct ParsedText {
    private(set) var header = PacketHeader()
    /// Relative to the beginning of the array. None for packets without one.
    private(set) var elements = ElementRanges()
    /// Of an event; nil unless it is short and plain.
    private(set) var name: ShortName?

    /// Once, where it lies: it is a large value to move.
    mutating func read(_ bytes: UnsafeRawBufferPointer, limits: PacketLimits) throws(PacketDecodingError) {
        header = try PacketHeader(bytes, limits: limits)
        guard header.type.hasArray, header.dataOffset < bytes.count else { return }
        let array = UnsafeRawBufferPointer(rebasing: bytes[header.dataOffset...])
        do {
            elements = try JSONScanner.splitArray(
                array, maximumDepth: limits.maxDepth, maximumKeyLength: limits.maxKeyLength)
        } catch {
            throw PacketDecodingError(error, type: header.type, limits: limits)
        }
        if header.type.isEvent { name = try EventName.check(array, elements, type: header.type, limits: limits) }
    }
}

extension PacketDecodingError {
    /// What a fault of its JSON means for a packet.
    init(_ error: JSONError, type: SocketPacketType, limits: PacketLimits) {
        self =
            switch error.kind {
            case .tooDeep: .nestedTooDeep(limit: limits.maxDepth)
            case .keyTooLong: .keyTooLong(limit: limits.maxKeyLength)
            case .notAnArray: .unexpectedPayload(type)
            case .illegalAttachment: .invalidPlaceholder
            case .tooLong: .packetTooLarge(limit: limits.maxPacketBytes)
            default: .malformedJSON
            }
    }
}
