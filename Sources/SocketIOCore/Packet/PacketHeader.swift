// Part of socketio-server, MIT licence; see LICENSE.

/// What stands in front of the JSON part of a packet: `type [attachments "-"] [nsp ","] [ackid]` (protocol 3.1).
struct PacketHeader {
    var type = SocketPacketType.event
    /// How many attachments follow; 0 for types that have none.
    var attachments = 0
    /// Where the namespace stands; nil for `/`.
    var namespace: Range<Int>?
    var id: Int?
    /// Where the JSON part begins; the end of the text when there is none.
    var dataOffset = 1

    /// That of an event, to be replaced by one that was read.
    init() {}

    /// Reads the header of one text message. Every offset is below `bytes.count`, and the numbers are bounded before
    /// they can overflow.
    init(_ bytes: UnsafeRawBufferPointer, limits: borrowing PacketLimits) throws(PacketDecodingError) {
        guard let first = bytes.first else { throw .empty }
        guard first >= UInt8(ascii: "0"), let type = SocketPacketType(rawValue: first - UInt8(ascii: "0")) else {
            throw .unknownType(first)
        }
        self.type = type
        var index = 1
        if type.hasAttachments {
            attachments = try Self.attachmentCount(bytes, at: &index, limit: limits.maxAttachments)
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: "/") {
            namespace = try Self.namespace(bytes, at: &index, limit: limits.maxNamespaceLength)
        }
        id = try Self.ackID(bytes, at: &index)
        dataOffset = index
    }

    /// Reads digits up to the `-`. No digits at all count as 0, as in Node.js.
    private static func attachmentCount(
        _ bytes: UnsafeRawBufferPointer, at index: inout Int, limit: Int
    ) throws(PacketDecodingError) -> Int {
        var count = 0
        while index < bytes.count {
            let byte = bytes[index]
            index &+= 1
            if byte == UInt8(ascii: "-") { return count }
            let digit = Int(byte) - Int(UInt8(ascii: "0"))
            guard digit >= 0, digit <= 9 else { throw .malformedAttachmentCount }
            // The count is at most the limit before this, so the next value stays small.
            let (product, overflow) = count.multipliedReportingOverflow(by: 10)
            guard !overflow, product <= limit, digit <= limit - product else {
                throw .tooManyAttachments(limit: limit)
            }
            count = product + digit
        }
        throw .malformedAttachmentCount
    }

    /// Reads a namespace up to the comma, which is passed over, or to the end.
    private static func namespace(
        _ bytes: UnsafeRawBufferPointer, at index: inout Int, limit: Int
    ) throws(PacketDecodingError) -> Range<Int>? {
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: ",") {
            index &+= 1
            guard index - start <= limit else { throw .namespaceTooLong(limit: limit) }
        }
        let end = index
        if index < bytes.count { index &+= 1 }
        // A lone slash is the main namespace.
        return end - start == 1 ? nil : start..<end
    }

    private static func ackID(
        _ bytes: UnsafeRawBufferPointer, at index: inout Int
    ) throws(PacketDecodingError) -> Int? {
        let start = index
        var value = 0
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            // At most 2^53 - 1 before this: ten times that does not overflow.
            value = value * 10 + Int(digit)
            guard value <= PacketLimits.maxAckID else { throw .ackIDTooLarge }
            index &+= 1
        }
        return index > start ? value : nil
    }
}
