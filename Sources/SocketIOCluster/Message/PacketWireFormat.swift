// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
package import SocketIOCore
package import SocketIOServer

/// Why a message of another node cannot be used.
package enum WireFormatError: Error, Equatable {
    case messagePack(MessagePackError)
    case json
    /// JSON that is nested more deeply than allowed.
    case tooDeep
    /// Readable, but not of the expected form.
    case shape(String)
    /// More rooms than one message may name.
    case tooManyRooms
}

/// The parts of a broadcast that are the same in every format of Node's adapters, as MessagePack (protocol 5.4.2): the
/// packet `{type, data, nsp}` and its recipients, `{rooms, except, flags}`.
package enum PacketWireFormat {
    /// Whether this may be the id of a socket.
    package static func isID(_ text: String) -> Bool { !text.isEmpty && text.utf8.count <= maximumIDBytes }
    /// The most bytes of an adapter's uid or a request's id. Those of Node.js have 6 to 16, ours 20.
    package static let maximumIDBytes = 256

    /// The program that wrote the broadcast: the emitter writes the flags before the exceptions.
    package enum Style {
        case adapter
        case emitter
    }

    // MARK: Writing

    /// An estimate of the bytes of a message with a packet.
    package static func capacity(_ packet: BroadcastPacket) -> Int { packet.data.json.readableBytes + 160 }

    /// - Parameter depth: How many maps are around the packet.
    package static func write(
        _ packet: BroadcastPacket, to writer: inout MessagePackWriter, depth: Int = 0
    ) throws(JSONError) {
        writer.writeMapHead(3)
        writer.write("type" as StaticString)
        // The type of an event, never of a binary event: byte strings are part of the data here.
        writer.write(Int64(2))
        writer.write("data" as StaticString)
        try writer.write(json: packet.data.json, attachments: packet.data.attachments, depth: depth)
        writer.write("nsp" as StaticString)
        writer.write(packet.namespace)
    }

    package static func write(_ options: BroadcastOptions, style: Style, to writer: inout MessagePackWriter) {
        writer.writeMapHead(3)
        writer.write("rooms" as StaticString)
        writer.write(options.rooms)
        if style == .emitter { write(options.flags, to: &writer) }
        writer.write("except" as StaticString)
        writer.write(options.except)
        if style == .adapter { write(options.flags, to: &writer) }
    }

    private static func write(_ flags: BroadcastFlags, to writer: inout MessagePackWriter) {
        writer.write("flags" as StaticString)
        let count = [flags.expectsSingleResponse, flags.isVolatile, !flags.compress, flags.timeout != nil].count { $0 }
        writer.writeMapHead(count)
        if flags.expectsSingleResponse {
            writer.write("expectSingleResponse" as StaticString)
            writer.write(true)
        }
        if flags.isVolatile {
            writer.write("volatile" as StaticString)
            writer.write(true)
        }
        if !flags.compress {
            writer.write("compress" as StaticString)
            writer.write(false)
        }
        if let timeout = flags.timeout {
            writer.write("timeout" as StaticString)
            writer.write(timeout.wholeMilliseconds)
        }
    }
}

/// Times from other nodes, limited to values that a timer accepts.
package enum WireTime {
    package static func amount(_ milliseconds: Int64) -> Duration {
        .milliseconds(min(max(milliseconds, 0), 24 * 3_600_000))
    }

    /// The same for a number with a fraction; nil for none at all.
    package static func amount(_ milliseconds: Double) -> Duration? {
        milliseconds.isNaN ? nil : amount(Int64(min(max(milliseconds, 0), 0x1p50).rounded()))
    }
}
