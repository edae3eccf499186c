// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Turns MessagePack from other nodes into JSON text with attachments, in one pass and without building anything.
///
/// | MessagePack | JSON |
/// |---|---|
/// | byte string, extension 0 (a buffer in notepack 2) | a placeholder and an attachment that shares the message's memory |
/// | NaN, ±∞, an impossible date | `null` |
/// | timestamp extension (-1), notepack 2's date | ISO string |
/// | notepack 2's `undefined` | no member of a map, `null` elsewhere |
/// | other extensions | `[type, bytes]`, as notepack gives them |
/// | text that is not UTF-8 | U+FFFD in place of what is wrong |
/// | names that are numbers | their text |
package enum MessagePackJSON {
    /// The next value as JSON.
    ///
    /// - Parameters:
    ///   - headroom: Bytes left free in front of the text, see `EncodedArguments`.
    ///   - beginsWithName: Whether it is an array whose first element is a name, which some encoders write as a byte string.
    package static func read(
        _ reader: inout MessagePackReader, headroom: Int = 0, limits: MessagePackLimits = MessagePackLimits(),
        beginsWithName: Bool = false
    ) throws(MessagePackError) -> EncodedArguments {
        var converter = Converter(capacity: 256, limits: limits)
        if beginsWithName { try converter.event(&reader) } else { try converter.value(&reader, depth: 0) }
        return EncodedArguments(
            json: converter.output.buffer(headroom: headroom), attachments: converter.attachments)
    }

    private struct Converter: ~Copyable {
        var output: JSONOutput
        var attachments: [ByteBuffer] = []
        let limits: MessagePackLimits

        init(capacity: Int, limits: MessagePackLimits) {
            self.output = JSONOutput(capacity: capacity)
            self.limits = limits
        }

        mutating func value(_ reader: inout MessagePackReader, depth: Int) throws(MessagePackError) {
            let start = reader.offset
            try value(try reader.next(), &reader, start: start, depth: depth)
        }

        /// An array that begins with a name.
        mutating func event(_ reader: inout MessagePackReader) throws(MessagePackError) {
            let count = try reader.arrayHead()
            output.write(UInt8(ascii: "["))
            for index in 0..<count {
                if index > 0 { output.write(UInt8(ascii: ",")) }
                let start = reader.offset
                let token = try reader.next()
                if index == 0, case .binary(let range) = token {
                    write(reader.bytes(range))
                } else {
                    try value(token, &reader, start: start, depth: 1)
                }
            }
            output.write(UInt8(ascii: "]"))
        }

        private mutating func value(
            _ token: MessagePackReader.Token, _ reader: inout MessagePackReader, start: Int, depth: Int
        ) throws(MessagePackError) {
            guard output.count <= limits.maximumTextLength else { throw .tooLong(at: start) }
            switch token {
            case .null, .undefined: output.write("null")
            case .bool(let value): output.write(value ? "true" : "false")
            case .integer(let value): output.writeInteger(value)
            case .large(let value): output.writeInteger(value)
            case .double(let value): output.writeDouble(value)
            case .string(let range): write(reader.bytes(range))
            case .binary(let range): try binary(range, reader, start)
            case .date(let milliseconds): date(MessagePackDate(milliseconds: milliseconds))
            case .extension(let type, let range): try `extension`(type, range, reader, start)
            case .array(let count):
                try checkDepth(depth, start)
                output.write(UInt8(ascii: "["))
                for index in 0..<count {
                    if index > 0 { output.write(UInt8(ascii: ",")) }
                    try value(&reader, depth: depth + 1)
                }
                output.write(UInt8(ascii: "]"))
            case .map(let count):
                try checkDepth(depth, start)
                try members(count, &reader, depth: depth)
            }
        }

        private mutating func members(
            _ count: Int, _ reader: inout MessagePackReader, depth: Int
        ) throws(MessagePackError) {
            output.write(UInt8(ascii: "{"))
            var isFirst = true
            for _ in 0..<count {
                let mark = output.count
                if !isFirst { output.write(UInt8(ascii: ",")) }
                try key(&reader)
                output.write(UInt8(ascii: ":"))
                let start = reader.offset
                let token = try reader.next()
                if token == .undefined {
                    output.truncate(to: mark)
                    continue
                }
                isFirst = false
                try value(token, &reader, start: start, depth: depth + 1)
            }
            output.write(UInt8(ascii: "}"))
        }

        private mutating func key(_ reader: inout MessagePackReader) throws(MessagePackError) {
            let start = reader.offset
            switch try reader.next() {
            case .string(let range), .binary(let range): write(reader.bytes(range))
            case .integer(let value): quoted { $0.writeInteger(value) }
            case .large(let value): quoted { $0.writeInteger(value) }
            case .double(let value): quoted { $0.writeDouble(value) }
            case .bool(let value): output.write(value ? "\"true\"" : "\"false\"")
            case .null, .undefined: output.write("\"null\"")
            case .array, .map, .date, .extension: throw .invalidKey(at: start)
            }
        }

        private mutating func quoted(_ body: (inout JSONOutput) -> Void) {
            output.write(UInt8(ascii: "\""))
            body(&output)
            output.write(UInt8(ascii: "\""))
        }

        /// Text, which may be anything.
        private mutating func write(_ bytes: UnsafeRawBufferPointer) {
            if UTF8Validity.isValid(bytes) {
                output.writeString(utf8: bytes)
            } else {
                output.writeString(String(decoding: bytes, as: UTF8.self))
            }
        }

        private mutating func binary(
            _ range: Range<Int>, _ reader: MessagePackReader, _ start: Int
        ) throws(MessagePackError) {
            guard attachments.count < limits.maximumAttachments else { throw .tooManyAttachments(at: start) }
            Placeholders.write(attachments.count, to: &output)
            attachments.append(reader.slice(range))
        }

        private mutating func `extension`(
            _ type: Int8, _ range: Range<Int>, _ reader: MessagePackReader, _ start: Int
        ) throws(MessagePackError) {
            switch (type, range.count) {
            case (0, _): try binary(range, reader, start)
            case (-1, 4), (-1, 8), (-1, 12): date(MessagePackDate(timestamp: reader.bytes(range)))
            default:
                output.write(UInt8(ascii: "["))
                output.writeInteger(type)
                output.write(UInt8(ascii: ","))
                try binary(range, reader, start)
                output.write(UInt8(ascii: "]"))
            }
        }

        private mutating func date(_ date: MessagePackDate?) {
            if let date { output.writeString(date.text) } else { output.write("null") }
        }

        private func checkDepth(_ depth: Int, _ start: Int) throws(MessagePackError) {
            guard depth < limits.maximumDepth else { throw .tooDeep(at: start) }
        }
    }
}

/// Whether text needs repair. ASCII, the usual case, is passed eight bytes at a time.
private enum UTF8Validity {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while bytes.count &- index >= 8 {
            guard bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 else {
                break
            }
            index &+= 8
        }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[index...])
        if rest.allSatisfy({ $0 < 0x80 }) { return true }
        return String(validating: rest, as: UTF8.self) != nil
    }
}
