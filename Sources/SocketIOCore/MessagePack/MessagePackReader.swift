// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import NIOCore

/// Reads MessagePack value by value; nothing is built.
///
/// Every length is compared with what is there before it is used, and a container cannot announce more elements than
/// bytes follow, so no amount of work or memory follows from a number alone.
package struct MessagePackReader {
    /// One value, or the head of a container whose elements follow.
    package enum Token: Equatable, Sendable {
        case null
        /// The extension by which notepack 2 wrote JavaScript's `undefined`.
        case undefined
        case bool(Bool)
        case integer(Int64)
        /// An integer beyond `Int64.max`.
        case large(UInt64)
        case double(Double)
        case string(Range<Int>)
        case binary(Range<Int>)
        case array(Int)
        case map(Int)
        /// The extension by which notepack 2 writes a date: milliseconds since 1970.
        case date(Int64)
        case `extension`(type: Int8, Range<Int>)
    }

    private let buffer: ByteBuffer
    /// Start of the readable bytes. It stays valid as long as `buffer` is held, because nobody changes a buffer that is
    /// shared.
    private let base: UnsafeRawPointer
    private let count: Int
    /// Bytes consumed.
    package private(set) var offset = 0

    package init(_ buffer: ByteBuffer) {
        self.buffer = buffer
        let bytes = buffer.withUnsafeReadableBytes { $0 }
        self.base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
        self.count = bytes.count
    }

    /// Whether everything has been read.
    package var isAtEnd: Bool { offset >= count }

    /// Fails unless everything has been read.
    package func finish() throws(MessagePackError) {
        guard isAtEnd else { throw .trailingBytes(at: offset) }
    }

    // MARK: Values

    /// The next value.
    package mutating func next() throws(MessagePackError) -> Token {
        let byte = try integer(UInt8.self)
        switch byte {
        case 0x00...0x7F: return .integer(Int64(byte))
        case 0x80...0x8F: return try map(Int(byte & 0x0F))
        case 0x90...0x9F: return try array(Int(byte & 0x0F))
        case 0xA0...0xBF: return .string(try take(Int(byte & 0x1F)))
        case 0xC0: return .null
        case 0xC1: throw .reservedByte(at: offset - 1)
        case 0xC2: return .bool(false)
        case 0xC3: return .bool(true)
        case 0xC4: return .binary(try take(try integer(UInt8.self)))
        case 0xC5: return .binary(try take(try integer(UInt16.self)))
        case 0xC6: return .binary(try take(try integer(UInt32.self)))
        case 0xC7: return try `extension`(try integer(UInt8.self))
        case 0xC8: return try `extension`(try integer(UInt16.self))
        case 0xC9: return try `extension`(try integer(UInt32.self))
        case 0xCA: return .double(Double(Float(bitPattern: try integer(UInt32.self))))
        case 0xCB: return .double(Double(bitPattern: try integer(UInt64.self)))
        case 0xCC: return .integer(Int64(try integer(UInt8.self)))
        case 0xCD: return .integer(Int64(try integer(UInt16.self)))
        case 0xCE: return .integer(Int64(try integer(UInt32.self)))
        case 0xCF:
            let value = try integer(UInt64.self)
            return Int64(exactly: value).map(Token.integer) ?? .large(value)
        case 0xD0: return .integer(Int64(try integer(Int8.self)))
        case 0xD1: return .integer(Int64(try integer(Int16.self)))
        case 0xD2: return .integer(Int64(try integer(Int32.self)))
        case 0xD3: return .integer(try integer(Int64.self))
        case 0xD4:
            // The longer form of the same extension is a buffer with one byte.
            let value = try `extension`(UInt8(1))
            if case .extension(type: 0, _) = value { return .undefined }
            return value
        case 0xD5: return try `extension`(UInt8(2))
        case 0xD6: return try `extension`(UInt8(4))
        case 0xD7:
            let value = try `extension`(UInt8(8))
            if case .extension(type: 0, let range) = value { return .date(bytes(range).bigEndianInteger(at: 0)) }
            return value
        case 0xD8: return try `extension`(UInt8(16))
        case 0xD9: return .string(try take(try integer(UInt8.self)))
        case 0xDA: return .string(try take(try integer(UInt16.self)))
        case 0xDB: return .string(try take(try integer(UInt32.self)))
        case 0xDC: return try array(Int(try integer(UInt16.self)))
        case 0xDD: return try array(Int(try integer(UInt32.self)))
        case 0xDE: return try map(Int(try integer(UInt16.self)))
        case 0xDF: return try map(Int(try integer(UInt32.self)))
        default: return .integer(Int64(Int8(bitPattern: byte)))
        }
    }

    /// Moves past the next value and everything in it, however deep, and returns where it lies.
    @discardableResult
    package mutating func skip() throws(MessagePackError) -> Range<Int> {
        let start = offset
        var pending = 1
        while pending > 0 {
            pending &-= 1
            switch try next() {
            // Both are below the number of bytes that follow, see `array` and `map`.
            case .array(let elements): pending &+= elements
            case .map(let members): pending &+= 2 &* members
            default: break
            }
        }
        return start..<offset
    }

    /// The head of an array.
    package mutating func arrayHead() throws(MessagePackError) -> Int {
        let start = offset
        guard case .array(let elements) = try next() else { throw .unexpectedType(at: start) }
        return elements
    }

    /// The head of a map.
    package mutating func mapHead() throws(MessagePackError) -> Int {
        let start = offset
        guard case .map(let members) = try next() else { throw .unexpectedType(at: start) }
        return members
    }

    /// Text; other encoders write it as a byte string.
    package mutating func text() throws(MessagePackError) -> Range<Int> {
        let start = offset
        switch try next() {
        case .string(let range), .binary(let range): return range
        default: throw .unexpectedType(at: start)
        }
    }

    /// Goes back, or on, to an offset that has been read before.
    package mutating func move(to offset: Int) {
        self.offset = min(max(offset, 0), count)
    }

    // MARK: Bytes

    /// The bytes of a range this reader returned.
    package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        let range = range.clamped(to: 0..<count)
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// The text of a range; what is not UTF-8 becomes U+FFFD.
    package func string(_ range: Range<Int>) -> String {
        String(decoding: bytes(range), as: UTF8.self)
    }

    /// The bytes of a range, sharing memory with the message.
    package func slice(_ range: Range<Int>) -> ByteBuffer {
        buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }

    /// Whether a range holds this text.
    package func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        bytes(range).hasSameBytes(
            as:
                UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Whether a range holds this text.
    package func equals(_ range: Range<Int>, utf8 text: [UInt8]) -> Bool {
        text.withUnsafeBytes { bytes(range).hasSameBytes(as: $0) }
    }

    // MARK: Private

    @inline(__always)
    private mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(MessagePackError) -> Value {
        let size = MemoryLayout<Value>.size
        guard count &- offset >= size else { throw .unexpectedEnd(at: offset) }
        let value = Value(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: Value.self))
        offset &+= size
        return value
    }

    @inline(__always)
    private mutating func take(_ length: some FixedWidthInteger) throws(MessagePackError) -> Range<Int> {
        guard let length = Int(exactly: length), length <= count &- offset else { throw .unexpectedEnd(at: offset) }
        let range = Range(uncheckedBounds: (offset, offset &+ length))
        offset &+= length
        return range
    }

    private func array(_ elements: Int) throws(MessagePackError) -> Token {
        guard elements <= count &- offset else { throw .unexpectedEnd(at: offset) }
        return .array(elements)
    }

    private func map(_ members: Int) throws(MessagePackError) -> Token {
        guard members <= (count &- offset) / 2 else { throw .unexpectedEnd(at: offset) }
        return .map(members)
    }

    private mutating func `extension`(_ length: some FixedWidthInteger) throws(MessagePackError) -> Token {
        let type = try integer(Int8.self)
        let range = try take(length)
        return .extension(type: type, range)
    }
}
