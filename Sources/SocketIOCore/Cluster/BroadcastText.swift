// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The data of a broadcast as JSON text, as Node's adapter for streams writes it (protocol 5.6):
///
///     {"packet":{"type":2,"data":["event",…]},"opts":{"rooms":[…],"except":[…],"flags":{}}}
package struct BroadcastText: Sendable {
    /// The array that begins with the event's name, a slice of the text that was read.
    package let data: ByteBuffer
    package let event: String
    package let options: BroadcastOptions

    // MARK: Writing

    /// What stands before the array.
    package static let beginning: StaticString = #"{"packet":{"type":2,"data":"#
    private static let plainEnd = ByteBuffer(staticString: #"},"opts":{"rooms":[],"except":[],"flags":{}}}"#)

    /// What stands behind the array.
    package static func end(_ options: BroadcastOptions) -> ByteBuffer {
        if options.rooms.isEmpty, options.except.isEmpty, options.flags.isPlain { return plainEnd }
        var output = JSONOutput(capacity: 128)
        output.write(#"},"opts":{"rooms":["#)
        write(options.rooms, to: &output)
        output.write(#"],"except":["#)
        write(options.except, to: &output)
        output.write(#"],"flags":{"#)
        write(options.flags, to: &output)
        output.write("}}}")
        return output.buffer()
    }

    private static func write(_ names: [String], to output: inout JSONOutput) {
        for (index, name) in names.enumerated() {
            if index > 0 { output.write(UInt8(ascii: ",")) }
            output.writeString(name)
        }
    }

    private static func write(_ flags: BroadcastFlags, to output: inout JSONOutput) {
        var isFirst = true
        func next(_ name: StaticString) {
            if !isFirst { output.write(UInt8(ascii: ",")) }
            isFirst = false
            output.write(name)
        }
        if flags.isVolatile { next(#""volatile":true"#) }
        if !flags.compress { next(#""compress":false"#) }
        if let timeout = flags.timeout {
            next(#""timeout":"#)
            output.writeInteger(timeout.wholeMilliseconds)
        }
        if flags.expectsSingleResponse { next(#""expectSingleResponse":true"#) }
    }

    // MARK: Reading

    /// Reads the text of a broadcast in just this form, without acknowledgement and with no flag but `volatile`; nil for every
    /// other text, which may be a broadcast in another form, or nothing at all.
    ///
    /// - Parameters:
    ///   - maximumDepth: Nesting of the array.
    ///   - maximumRooms: Rooms and exceptions together.
    package static func read(_ text: ByteBuffer, maximumDepth: Int, maximumRooms: Int) -> BroadcastText? {
        text.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count <= Int(UInt32.max) else { return nil }
            var cursor = JSONCursor(base: base, count: bytes.count)
            guard cursor.skip(beginning) else { return nil }
            let start = cursor.index
            var elements = ElementRanges()
            guard cursor.current == UInt8(ascii: "["),
                (try? cursor.skipValue(
                    maximumDepth: min(maximumDepth, JSONScanner.maximumDepth), elements: &elements)) != nil
            else { return nil }
            let end = cursor.index
            guard elements.count > 0, bytes[elements[0].lowerBound] == UInt8(ascii: "\""),
                cursor.skip(#"},"opts":{"rooms":["#),
                let rooms = cursor.names(most: maximumRooms), cursor.skip(#","except":["#),
                let except = cursor.names(most: maximumRooms - rooms.count), cursor.skip(#","flags":{"#)
            else { return nil }
            let isVolatile = cursor.skip(#""volatile":true"#)
            guard cursor.skip("}}}"), cursor.index == bytes.count,
                let data = text.getSlice(at: text.readerIndex + start, length: end - start)
            else { return nil }
            let name = UnsafeRawBufferPointer(rebasing: bytes[elements[0]])
            return BroadcastText(
                data: data, event: JSONString.make(quoted: name),
                options: BroadcastOptions(
                    rooms: rooms, except: except, flags: BroadcastFlags(isVolatile: isVolatile)))
        }
    }
}

extension BroadcastFlags {
    /// Whether no flag is to be told other nodes.
    fileprivate var isPlain: Bool { !isVolatile && compress && timeout == nil && !expectsSingleResponse }
}

extension JSONCursor {
    /// Moves past just these bytes, if they are next.
    fileprivate mutating func skip(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count - index >= length else { return false }
        for offset in 0..<length where byte(index + offset) != text.utf8Start[offset] { return false }
        index += length
        return true
    }

    /// The strings of an array whose bracket has been passed, without white space; nil for anything else.
    fileprivate mutating func names(most: Int) -> [String]? {
        guard current != UInt8(ascii: "]") else {
            index += 1
            return []
        }
        var names: [String] = []
        while names.count < most, current == UInt8(ascii: "\"") {
            let start = index
            index += 1
            guard (try? skipString()) != nil else { return nil }
            names.append(JSONString.make(quoted: UnsafeRawBufferPointer(start: base + start, count: index - start)))
            let next = current
            index += 1
            if next == UInt8(ascii: "]") { return names }
            guard next == UInt8(ascii: ",") else { return nil }
        }
        return nil
    }
}
