// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// An event of a room's history as bytes: in the stream of the room, and in the message to all nodes (protocol 5.13).
///
///     version 1 | flags | exceptions | JSON | attachments
///
/// The JSON and each attachment stand behind their length (32 bits, big endian), lists behind the number of their items.
enum StoredRoomEvent {
    /// What is wrong with bytes that are no event.
    enum Invalid: Error {
        case version
        case truncated
        case limit
        /// Something follows the array, if only a blank: the position is put before the last byte.
        case trailing
        /// The number is not one that the history has given out.
        case number
        case json(any Error)
    }

    private static let version: UInt8 = 1
    private static let withoutCompression: UInt8 = 1
    private static let maximumNames = 1_024
    private static let maximumNameLength = 4_096
    private static let maximumAttachments = 10_000

    static func encode(_ event: EventToKeep) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(event.bytes + 32)
        bytes.writeInteger(version)
        bytes.writeInteger(event.compress ? 0 : withoutCompression)
        bytes.writeInteger(UInt32(clamping: event.except.count))
        for name in event.except { write(ByteBuffer(string: name), to: &bytes) }
        write(event.data.json, to: &bytes)
        bytes.writeInteger(UInt32(clamping: event.data.attachments.count))
        for attachment in event.data.attachments { write(attachment, to: &bytes) }
        return bytes
    }

    private static func write(_ part: ByteBuffer, to bytes: inout ByteBuffer) {
        bytes.writeInteger(UInt32(clamping: part.readableBytes))
        bytes.writeImmutableBuffer(part)
    }

    /// Whether an event can be written so that every node reads it.
    static func canBeEncoded(_ event: EventToKeep) -> Bool {
        event.except.count <= maximumNames && event.data.attachments.count <= maximumAttachments
            && event.except.allSatisfy { $0.utf8.count <= maximumNameLength }
    }

    /// Reads what another node has written, or somebody else.
    static func decode(_ input: ByteBuffer, in namespace: String) throws(Invalid) -> EventToKeep {
        // The parts must not keep the buffer alive that they were received in.
        var bytes = ByteBuffer(bytes: input.readableBytesView)
        guard bytes.readInteger(as: UInt8.self) == version, let flags = bytes.readInteger(as: UInt8.self) else {
            throw .version
        }
        var except: [String] = []
        for _ in 0..<(try count(&bytes, maximum: maximumNames)) {
            let name = try part(&bytes)
            guard name.readableBytes <= maximumNameLength else { throw .limit }
            except.append(String(buffer: name))
        }
        let json = try part(&bytes)
        guard json.readableBytesView.last == UInt8(ascii: "]") else { throw .trailing }
        var attachments: [ByteBuffer] = []
        for _ in 0..<(try count(&bytes, maximum: maximumAttachments)) { attachments.append(try part(&bytes)) }
        guard bytes.readableBytes == 0 else { throw .truncated }
        do {
            let packet = try BroadcastPacket(namespace: namespace, json: json, attachments: attachments)
            return EventToKeep(
                event: packet.event, data: packet.data, except: except, compress: flags & withoutCompression == 0)
        } catch {
            throw .json(error)
        }
    }

    private static func count(_ bytes: inout ByteBuffer, maximum: Int) throws(Invalid) -> Int {
        guard let count = bytes.readInteger(as: UInt32.self) else { throw .truncated }
        guard count <= maximum else { throw .limit }
        return Int(count)
    }

    private static func part(_ bytes: inout ByteBuffer) throws(Invalid) -> ByteBuffer {
        guard let length = bytes.readInteger(as: UInt32.self), let part = bytes.readSlice(length: Int(length)) else {
            throw .truncated
        }
        return part
    }
}
