// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import NIOCore

extension MessagePackWriter {
    /// Writes a JSON text as MessagePack, in one pass and without building anything. Placeholders become the byte strings
    /// they stand for.
    ///
    /// - Parameters:
    ///   - json: One JSON value. It has been validated; what is not JSON all the same throws or ends up as nil.
    ///   - attachments: What its placeholders, in the form this package writes them, stand for. It throws when they stand
    ///     for more than ``Placeholders/mostBytes(_:)``.
    ///   - depth: The number of enclosing containers, which count towards the nesting that receivers accept.
    package mutating func write(
        json: ByteBuffer, attachments: [ByteBuffer], depth: Int = 0
    ) throws(JSONError) {
        let bytes = json.withUnsafeReadableBytes { $0 }
        guard let base = bytes.baseAddress, bytes.count > 0 else { throw JSONError(.unexpectedEnd, at: 0) }
        var source = JSONSource(
            cursor: JSONCursor(base: base, count: bytes.count), attachments: attachments,
            room: attachments.isEmpty ? 0 : Placeholders.mostBytes(attachments))
        try write(&source, depth: depth)
        withExtendedLifetime(json) {}
    }

    private mutating func write(_ source: inout JSONSource, depth: Int) throws(JSONError) {
        source.cursor.skipWhitespace()
        switch source.cursor.current {
        case UInt8(ascii: "\""): writeString(&source)
        case UInt8(ascii: "{"):
            // Most texts have no attachments.
            let isWritten = try source.attachments.isEmpty ? false : writePlaceholder(&source)
            if !isWritten { try container(&source, depth, isMap: true) }
        case UInt8(ascii: "["): try container(&source, depth, isMap: false)
        case UInt8(ascii: "t"): try literal(&source, length: 4) { $0.write(true) }
        case UInt8(ascii: "f"): try literal(&source, length: 5) { $0.write(false) }
        case UInt8(ascii: "n"): try literal(&source, length: 4) { $0.writeNil() }
        default: try number(&source)
        }
    }

    /// Writes the attachment that a placeholder stands for; false when the object is none.
    @inline(never)
    private mutating func writePlaceholder(_ source: inout JSONSource) throws(JSONError) -> Bool {
        guard let attachment = source.placeholder() else { return false }
        guard attachment.readableBytes <= source.room else { throw JSONError(.tooLong, at: source.cursor.index) }
        source.room -= attachment.readableBytes
        write(binary: attachment)
        return true
    }

    /// The array or object that begins here.
    private mutating func container(_ source: inout JSONSource, _ depth: Int, isMap: Bool) throws(JSONError) {
        guard depth < JSONScanner.maximumDepth else { throw JSONError(.tooDeep, at: source.cursor.index) }
        let head = beginContainer()
        let end = isMap ? UInt8(ascii: "}") : UInt8(ascii: "]")
        var count = 0
        source.cursor.index += 1
        while true {
            source.cursor.skipWhitespace()
            switch source.cursor.current {
            case UInt8(ascii: ","): source.cursor.index += 1
            case end:
                source.cursor.index += 1
                return endContainer(at: head, count: count, isMap: isMap)
            case let first:
                if isMap {
                    guard first == UInt8(ascii: "\"") else { throw source.cursor.unexpected() }
                    writeString(&source)
                    source.cursor.skipWhitespace()
                    source.cursor.index += 1
                }
                try write(&source, depth: depth + 1)
                count += 1
            }
        }
    }

    private mutating func literal(
        _ source: inout JSONSource, length: Int, _ body: (inout MessagePackWriter) -> Void
    ) throws(JSONError) {
        guard source.cursor.count - source.cursor.index >= length else { throw source.cursor.unexpected() }
        source.cursor.index += length
        body(&self)
    }

    private mutating func writeString(_ source: inout JSONSource) {
        let (range, hasEscapes) = source.string()
        let inside = source.bytes(range)
        if hasEscapes { write(JSONString.make(inside, hasEscapes: true)) } else { write(utf8: inside) }
    }

    private mutating func number(_ source: inout JSONSource) throws(JSONError) {
        let (range, isPlain) = source.number()
        guard !range.isEmpty else { throw source.cursor.unexpected() }
        let text = source.bytes(range)
        if isPlain, let value = JSONNumber.integer(text, isPlain: true, as: Int64.self) { return write(value) }
        if isPlain, let value = JSONNumber.integer(text, isPlain: true, as: UInt64.self) { return write(value) }
        write(JSONNumber.double(text))
    }
}

/// Validated JSON text on its way to another format. All reads are bounded.
private struct JSONSource {
    var cursor: JSONCursor
    let attachments: [ByteBuffer]
    /// How many bytes further placeholders may stand for.
    var room: Int

    private static let placeholder: StaticString = "{\"_placeholder\":true,\"num\":"

    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: cursor.base + range.lowerBound, count: range.count)
    }

    /// Moves past the string that starts here. Returns the range between its quotes.
    mutating func string() -> (Range<Int>, hasEscapes: Bool) {
        let all = UnsafeRawBufferPointer(start: cursor.base, count: cursor.count)
        let start = min(cursor.index + 1, cursor.count)
        var end = start
        var hasEscapes = false
        while true {
            end = JSONText.firstEscape(all, from: end)
            guard end < cursor.count, all[end] != UInt8(ascii: "\"") else { break }
            hasEscapes = true
            end = min(end + 2, cursor.count)
        }
        cursor.index = min(end + 1, cursor.count)
        return (start..<end, hasEscapes)
    }

    /// Moves past the number that starts here.
    mutating func number() -> (Range<Int>, isPlain: Bool) {
        let start = cursor.index
        var isPlain = true
        while cursor.index < cursor.count {
            switch cursor.byte(cursor.index) {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): break
            case UInt8(ascii: "-") where cursor.index == start: break
            case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
                isPlain = false
            default: return (start..<cursor.index, isPlain)
            }
            cursor.index += 1
        }
        return (start..<cursor.index, isPlain)
    }

    /// Moves past a placeholder in the form `Placeholders.write` gives it, and returns what it stands for.
    mutating func placeholder() -> ByteBuffer? {
        guard !attachments.isEmpty else { return nil }
        let head = UnsafeRawBufferPointer(
            start: Self.placeholder.utf8Start, count: Self.placeholder.utf8CodeUnitCount)
        guard cursor.count - cursor.index > head.count,
            bytes(cursor.index..<cursor.index + head.count).hasSameBytes(as: head)
        else { return nil }
        var after = self
        after.cursor.index += head.count
        let (digits, isPlain) = after.number()
        guard isPlain, after.cursor.current == UInt8(ascii: "}"),
            let number = JSONNumber.integer(after.bytes(digits), isPlain: true, as: Int.self),
            attachments.indices.contains(number)
        else { return nil }
        cursor.index = after.cursor.index + 1
        return attachments[number]
    }
}
