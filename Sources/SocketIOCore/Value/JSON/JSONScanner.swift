// Part of socketio-server, MIT licence; see LICENSE.

/// Checks JSON text completely (RFC 8259) in one pass, without building anything.
///
/// It accepts what JavaScript's `JSON.parse` accepts — duplicate keys and escapes of lone surrogates included, a byte
/// order mark not — with two limits more: the nesting of arrays and objects, the outermost one counted, and if the caller sets it
/// the length of a key. Nothing recurses, so no input can exhaust the stack.
package enum JSONScanner {
    /// The deepest nesting that can be allowed, and the default.
    package static let maximumDepth = 128

    /// Checks one JSON text.
    package static func validate(
        _ bytes: UnsafeRawBufferPointer, maximumDepth: Int = JSONScanner.maximumDepth, maximumKeyLength: Int = .max
    ) throws(JSONError) {
        var ignored = ElementRanges()
        try scan(
            bytes, maximumDepth: maximumDepth, maximumKeyLength: maximumKeyLength, splitting: false, into: &ignored)
    }

    /// Checks one JSON text, which must be an array, and notes where its elements lie.
    package static func splitArray(
        _ bytes: UnsafeRawBufferPointer, maximumDepth: Int = JSONScanner.maximumDepth, maximumKeyLength: Int = .max
    ) throws(JSONError) -> ElementRanges {
        var ranges = ElementRanges()
        try scan(
            bytes, maximumDepth: maximumDepth, maximumKeyLength: maximumKeyLength, splitting: true, into: &ranges)
        return ranges
    }

    private static func scan(
        _ bytes: UnsafeRawBufferPointer, maximumDepth: Int, maximumKeyLength: Int, splitting: Bool,
        into ranges: inout ElementRanges
    ) throws(JSONError) {
        guard bytes.count <= Int(UInt32.max) else { throw JSONError(.tooLong, at: 0) }
        guard let base = bytes.baseAddress, bytes.count > 0 else { throw JSONError(.unexpectedEnd, at: 0) }
        // Open containers are one bit each in a 128-bit stack, hence the upper bound.
        let limit = Swift.min(maximumDepth, Self.maximumDepth)
        var cursor = JSONCursor(base: base, count: bytes.count, maximumKeyLength: maximumKeyLength)
        cursor.skipWhitespace()
        if splitting, cursor.current != UInt8(ascii: "[") {
            try validate(bytes, maximumDepth: maximumDepth, maximumKeyLength: maximumKeyLength)
            throw JSONError(.notAnArray, at: cursor.index)
        }
        try cursor.skipValue(maximumDepth: limit, elements: &ranges)
        cursor.skipWhitespace()
        guard cursor.index == bytes.count else { throw JSONError(.trailingBytes, at: cursor.index) }
    }
}
