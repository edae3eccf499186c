// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Writes MessagePack in the flavour of notepack, which Node's adapters use (protocol 5.3): each number, text and container in
/// its shortest form, byte strings as `bin`, no extensions.
package struct MessagePackWriter: ~Copyable {
    private var output: JSONOutput

    /// Starts with room for so many bytes.
    package init(capacity: Int = 256) {
        output = JSONOutput(capacity: capacity)
    }

    /// The bytes written.
    package func finish() -> ByteBuffer { output.buffer() }

    /// The bytes written so far, in place.
    package borrowing func withWrittenBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(output.bytes)
    }

    // MARK: Values

    package mutating func writeNil() { output.write(0xC0) }

    package mutating func write(_ value: Bool) { output.write(value ? 0xC3 : 0xC2) }

    package mutating func write(_ value: Int64) {
        guard value < 0 else { return write(UInt64(value)) }
        if value >= -32 {
            output.write(UInt8(bitPattern: Int8(truncatingIfNeeded: value)))
        } else if let value = Int8(exactly: value) {
            write(0xD0, value)
        } else if let value = Int16(exactly: value) {
            write(0xD1, value)
        } else if let value = Int32(exactly: value) {
            write(0xD2, value)
        } else {
            write(0xD3, value)
        }
    }

    package mutating func write(_ value: UInt64) {
        if value < 0x80 {
            output.write(UInt8(truncatingIfNeeded: value))
        } else if let value = UInt8(exactly: value) {
            write(0xCC, value)
        } else if let value = UInt16(exactly: value) {
            write(0xCD, value)
        } else if let value = UInt32(exactly: value) {
            write(0xCE, value)
        } else {
            write(0xCF, value)
        }
    }

    /// A number as JavaScript would hand it over: without a fraction it is an integer. Those of 2^64 and more stay
    /// floating point, where notepack cuts their upper bits off.
    package mutating func write(_ value: Double) {
        if let integer = Int64(exactly: value) {
            write(integer)
        } else if let integer = UInt64(exactly: value) {
            write(integer)
        } else {
            write(0xCB, value.bitPattern)
        }
    }

    package mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write(utf8: UnsafeRawBufferPointer($0)) }
    }

    package mutating func write(_ text: StaticString) {
        write(utf8: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func write(utf8 bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        if count < 32 {
            output.write(0xA0 | UInt8(truncatingIfNeeded: count))
        } else {
            writeLength(count, 0xD9, 0xDA, 0xDB)
        }
        output.write(bytes)
    }

    package mutating func write(binary: ByteBuffer) {
        writeLength(binary.readableBytes, 0xC4, 0xC5, 0xC6)
        output.write(binary)
    }

    package mutating func writeArrayHead(_ count: Int) {
        if count < 16 { output.write(0x90 | UInt8(truncatingIfNeeded: count)) } else { writeLongHead(count, 0xDC) }
    }

    package mutating func writeMapHead(_ count: Int) {
        if count < 16 { output.write(0x80 | UInt8(truncatingIfNeeded: count)) } else { writeLongHead(count, 0xDE) }
    }

    package mutating func write(_ texts: [String]) {
        writeArrayHead(texts.count)
        for text in texts { write(text) }
    }

    // MARK: Containers whose length is not known beforehand

    /// Leaves one byte for the head of a container.
    mutating func beginContainer() -> Int {
        output.write(0)
        return output.count - 1
    }

    /// Writes the head. Long containers, which are rare, move up by what their head needs more.
    mutating func endContainer(at head: Int, count: Int, isMap: Bool) {
        if count < 16 { return output.set((isMap ? 0x80 : 0x90) | UInt8(truncatingIfNeeded: count), at: head) }
        let isShort = count < 0x1_0000
        let size = isShort ? 2 : 4
        output.insert(size, at: head + 1)
        output.set((isMap ? 0xDE : 0xDC) + (isShort ? 0 : 1), at: head)
        for index in 0..<size {
            output.set(UInt8(truncatingIfNeeded: count >> (8 * (size - 1 - index))), at: head + 1 + index)
        }
    }

    // MARK: Private

    @inline(__always)
    private mutating func write(_ head: UInt8, _ value: some FixedWidthInteger) {
        output.write(head)
        withUnsafeBytes(of: value.bigEndian) { output.write($0) }
    }

    private mutating func writeLength(_ length: Int, _ head8: UInt8, _ head16: UInt8, _ head32: UInt8) {
        if let length = UInt8(exactly: length) {
            write(head8, length)
        } else if let length = UInt16(exactly: length) {
            write(head16, length)
        } else {
            write(head32, UInt32(clamping: length))
        }
    }

    private mutating func writeLongHead(_ count: Int, _ head16: UInt8) {
        if let count = UInt16(exactly: count) {
            write(head16, count)
        } else {
            write(head16 + 1, UInt32(clamping: count))
        }
    }
}
