// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Something that can be an argument of a command.
package protocol RESPArgument {
    /// Appends the argument as a bulk string.
    func write(to buffer: inout ByteBuffer)
}

/// One command, already in wire form.
///
/// Not by `redisFormatCommandArgv`, which allocates a string of its own that has to be copied once more. A test compares
/// the bytes of both.
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

    /// A message as a command, whose reply is waited for.
    package init(_ message: RedisPublish) {
        name = "PUBLISH or XADD"
        bytes = message.bytes
    }

    /// Appends `*count`, the beginning of a command.
    static func writeHeader(count: Int, to buffer: inout ByteBuffer) {
        writeLength(count, marker: UInt8(ascii: "*"), to: &buffer)
    }

    private static func writeLength(_ length: Int, marker: UInt8, to buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: RESPLength.maximumBytes) {
            RESPLength.write(length, marker: marker, at: 0, into: $0)
        }
    }

    fileprivate static func writeBulkHeader(_ length: Int, to buffer: inout ByteBuffer) {
        writeLength(length, marker: UInt8(ascii: "$"), to: &buffer)
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
