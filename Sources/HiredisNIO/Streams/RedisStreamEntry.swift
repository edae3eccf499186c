// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The id of an entry in a Redis stream.
package struct RedisStreamID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let milliseconds: UInt64
    package let sequence: UInt64

    package init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// The id before every entry.
    package static let zero = RedisStreamID(milliseconds: 0, sequence: 0)

    /// Nil for a text of another form than `<milliseconds>-<sequence>`.
    package init?(_ text: ByteBuffer) {
        guard text.readableBytes <= 41 else { return nil }
        let bytes = text.readableBytesView
        guard let hyphen = bytes.firstIndex(of: UInt8(ascii: "-")), let milliseconds = Self.number(bytes[..<hyphen]),
            let sequence = Self.number(bytes[(hyphen + 1)...])
        else { return nil }
        self.init(milliseconds: milliseconds, sequence: sequence)
    }

    private static func number(_ digits: ByteBufferView) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            let digit = byte &- UInt8(ascii: "0")
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOver) = product.addingReportingOverflow(UInt64(digit))
            guard digit <= 9, !isTooLarge, !isOver else { return nil }
            value = sum
        }
        return value
    }

    package static func < (left: RedisStreamID, right: RedisStreamID) -> Bool {
        left.milliseconds != right.milliseconds
            ? left.milliseconds < right.milliseconds : left.sequence < right.sequence
    }

    package var description: String { "\(milliseconds)-\(sequence)" }
}

/// One entry of a Redis stream. The buffers are slices of what was received: copy what is kept for long.
package struct RedisStreamEntry: Sendable, Hashable {
    package struct Field: Sendable, Hashable {
        package let name: ByteBuffer
        package let value: ByteBuffer
    }

    package let id: RedisStreamID
    package let fields: [Field]

    /// Reads the reply of XRANGE or XREVRANGE.
    ///
    /// - Throws: `protocolViolation` for a reply of another form.
    package static func entries(of reply: RESPValue) throws(RedisError) -> [RedisStreamEntry] {
        guard let elements = reply.arrayValue else { throw unexpected }
        var entries: [RedisStreamEntry] = []
        entries.reserveCapacity(elements.count)
        for element in elements { entries.append(try entry(element)) }
        return entries
    }

    /// Reads the reply of XREAD of one stream; nil stands for a wait without an entry.
    ///
    /// - Throws: `protocolViolation` for a reply of another form.
    package static func read(_ reply: RESPValue) throws(RedisError) -> [RedisStreamEntry] {
        if case .null = reply { return [] }
        guard let streams = reply.arrayValue, streams.count == 1, let stream = streams[0].arrayValue, stream.count == 2
        else { throw unexpected }
        return try entries(of: stream[1])
    }

    /// Reads the reply of ``RESPCommand/nextID(of:after:)``: an entry without its fields, or none.
    static func lone(_ reply: RESPValue) throws(RedisError) -> [RedisStreamEntry] {
        if case .null = reply { return [] }
        guard let id = reply.bytes.flatMap({ RedisStreamID($0) }) else { throw unexpected }
        return [RedisStreamEntry(id: id, fields: [])]
    }

    private static func entry(_ value: RESPValue) throws(RedisError) -> RedisStreamEntry {
        guard let parts = value.arrayValue, parts.count == 2, let id = parts[0].bytes.flatMap({ RedisStreamID($0) })
        else { throw unexpected }
        // An entry that was deleted while it was read has no fields.
        guard let list = parts[1].arrayValue else { return RedisStreamEntry(id: id, fields: []) }
        guard list.count.isMultiple(of: 2) else { throw unexpected }
        var fields: [Field] = []
        fields.reserveCapacity(list.count / 2)
        for index in stride(from: 0, to: list.count, by: 2) {
            guard let name = list[index].bytes, let value = list[index + 1].bytes else { throw unexpected }
            fields.append(Field(name: name, value: value))
        }
        return RedisStreamEntry(id: id, fields: fields)
    }

    private static var unexpected: RedisError {
        RedisError(.protocolViolation, "the reply is no list of stream entries")
    }
}
