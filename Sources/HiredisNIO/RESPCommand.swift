// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Something that can be an argument of a command.
package protocol RESPArgument {
    /// Appends the argument as a bulk string.
    func write(to buffer: inout ByteBuffer)
}

/// One command, already in wire form.
///
/// Written straight into the outgoing buffer: `redisFormatCommandArgv` allocates a string of its own that has to be
/// copied once more (0.24 µs instead of 0.18 µs for a PUBLISH of 200 bytes). A test compares the bytes of both.
package struct RESPCommand: Sendable, Hashable {
    /// Name and subcommand, for error texts.
    package let name: String
    package let bytes: ByteBuffer

    /// `name` may consist of several words, e.g. `PUBSUB NUMSUB`, which are sent as separate arguments.
    package init(_ name: String, _ arguments: any RESPArgument...) {
        self.init(name, arguments: arguments)
    }

    package init(_ name: String, arguments: [any RESPArgument]) {
        let words = name.split(separator: " ")
        var bytes = ByteBuffer()
        RESPCommand.writeHeader(count: words.count + arguments.count, to: &bytes)
        for word in words { String(word).write(to: &bytes) }
        for argument in arguments { argument.write(to: &bytes) }
        self.name = name
        self.bytes = bytes
    }

    /// Appends `*count`, the beginning of a command.
    static func writeHeader(count: Int, to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "*"))
        writeLength(count, to: &buffer)
    }

    /// Appends PUBLISH or SPUBLISH.
    package static func writePublish(
        _ payload: ByteBuffer, to channel: String, sharded: Bool, into buffer: inout ByteBuffer
    ) {
        writePublishHead(sharded: sharded, into: &buffer)
        channel.write(to: &buffer)
        payload.write(to: &buffer)
    }

    /// Appends PUBLISH or SPUBLISH.
    package static func writePublish(
        _ payload: ByteBuffer, to channel: ByteBuffer, sharded: Bool, into buffer: inout ByteBuffer
    ) {
        writePublishHead(sharded: sharded, into: &buffer)
        channel.write(to: &buffer)
        payload.write(to: &buffer)
    }

    private static func writePublishHead(sharded: Bool, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(sharded ? "*3\r\n$8\r\nSPUBLISH\r\n" : "*3\r\n$7\r\nPUBLISH\r\n")
    }

    /// Appends a length that is never negative, and the line end.
    fileprivate static func writeLength(_ length: Int, to buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 22) { bytes in
            var digits = 1
            var rest = length / 10
            while rest > 0 {
                digits += 1
                rest /= 10
            }
            rest = length
            var index = digits
            repeat {
                index -= 1
                bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while index > 0
            bytes[digits] = UInt8(ascii: "\r")
            bytes[digits + 1] = UInt8(ascii: "\n")
            return digits + 2
        }
    }

    fileprivate static func writeBulkHeader(_ length: Int, to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "$"))
        writeLength(length, to: &buffer)
    }

    fileprivate static func writeLineEnd(to buffer: inout ByteBuffer) {
        buffer.writeInteger(0x0d0a as UInt16)
    }
}

extension String: RESPArgument {
    package func write(to buffer: inout ByteBuffer) {
        RESPCommand.writeBulkHeader(utf8.count, to: &buffer)
        buffer.writeString(self)
        RESPCommand.writeLineEnd(to: &buffer)
    }
}

extension ByteBuffer: RESPArgument {
    package func write(to buffer: inout ByteBuffer) {
        RESPCommand.writeBulkHeader(readableBytes, to: &buffer)
        buffer.writeImmutableBuffer(self)
        RESPCommand.writeLineEnd(to: &buffer)
    }
}

extension Int: RESPArgument {
    package func write(to buffer: inout ByteBuffer) {
        String(self).write(to: &buffer)
    }
}
