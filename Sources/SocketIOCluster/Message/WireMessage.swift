// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import SocketIOCore

/// An id: a text, or in other implementations a number; nil for any other value.
struct WireID: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws { text = WireRoom.name(try SocketValue(from: decoder)) }
}

/// A message of another node whose ids become the keys of tables here, so their length is checked first.
package protocol IdentifiedMessage {
    /// The ids of the message.
    var ids: [String?] { get }
}

extension ClusterRequest: IdentifiedMessage {
    package var ids: [String?] { [uid, requestId, sid] }
}

extension ClusterResponse: IdentifiedMessage {
    package var ids: [String?] { [uid, requestId, sid] }
}

extension PeerMessage: IdentifiedMessage {
    package var ids: [String?] { [node, id] }
}

/// Requests and responses are JSON or MessagePack; a MessagePack map never begins with `{`.
package enum WireMessage {
    package static func decode<Message: Decodable & IdentifiedMessage>(
        _ type: Message.Type, _ message: ByteBuffer, limits: MessagePackLimits
    ) throws(WireFormatError) -> Message {
        do {
            let message = try raw(message, limits: limits).decode(type, context: WireLimits(rooms: limits.maximumRooms))
            guard message.ids.allSatisfy({ $0.map { $0.utf8.count <= PacketWireFormat.maximumIDBytes } ?? true }) else {
                throw WireFormatError.shape("an id is too long")
            }
            return message
        } catch let error as MessagePackError {
            throw .messagePack(error)
        } catch let error as WireFormatError {
            throw error
        } catch let error as JSONError where error.kind == .tooDeep {
            throw .tooDeep
        } catch {
            throw .json
        }
    }

    /// The JSON of a message, or of part of a message, in either format.
    package static func json(_ message: ByteBuffer, limits: MessagePackLimits) throws(WireFormatError) -> RawJSON {
        do {
            return try raw(message, limits: limits)
        } catch let error as MessagePackError {
            throw .messagePack(error)
        } catch let error as JSONError where error.kind == .tooDeep {
            throw .tooDeep
        } catch {
            throw .json
        }
    }

    private static func raw(_ message: ByteBuffer, limits: MessagePackLimits) throws -> RawJSON {
        if message.readableBytesView.first == UInt8(ascii: "{") {
            try JSONScanner.validate(message, maximumDepth: limits.maximumDepth)
            return RawJSON(validated: message, attachments: [])
        }
        var reader = MessagePackReader(message)
        let json = try MessagePackJSON.read(&reader, limits: limits)
        try reader.finish()
        return RawJSON(validated: json.json, attachments: json.attachments)
    }
}

extension RawJSON {
    /// The name and the arguments of an event.
    package init(_ arguments: EncodedArguments) {
        self.init(validated: arguments.json, attachments: arguments.attachments)
    }
}
