// Part of socketio-server, MIT licence; see LICENSE.

/// Why an inbound message is no Socket.IO packet (protocol 3.3). Every case ends the session with `forced close`.
package enum PacketDecodingError: Error, Hashable, Sendable {
    /// The message is empty.
    case empty
    /// The first byte is not a digit from 0 to 6.
    case unknownType(UInt8)
    /// Types 5 and 6: no count of attachments in front of a `-`.
    case malformedAttachmentCount
    /// More attachments announced than the limit allows.
    case tooManyAttachments(limit: Int)
    /// The namespace is longer than the limit allows.
    case namespaceTooLong(limit: Int)
    /// An acknowledgement id above 2^53 - 1.
    case ackIDTooLarge
    /// Not the MessagePack of a packet.
    case malformedMessagePack
    /// The namespace that a client of revision 3 names is no URL.
    case malformedNamespace
    /// A text message of a client whose packets are MessagePack.
    case unexpectedText
    /// The rest of the text is not valid JSON.
    case malformedJSON
    /// Arrays and objects are nested deeper than the limit allows.
    case nestedTooDeep(limit: Int)
    /// The JSON is valid, but not what a packet of this type carries.
    case unexpectedPayload(SocketPacketType)
    /// An object's key is longer than the limit allows.
    case keyTooLong(limit: Int)
    /// An event's name is longer than the limit allows.
    case eventNameTooLong(limit: Int)
    /// An event whose name clients may not send.
    case reservedEventName
    /// A text message while attachments are outstanding.
    case textWhileAttachmentsPending
    /// The attachments of a packet have not arrived in time. The parser, which knows no time, leaves this to its owner.
    case attachmentsLate
    /// A binary message while no attachment is outstanding.
    case unexpectedBinary
    /// A placeholder that names no attachment of the packet.
    case invalidPlaceholder
    /// Text and attachments of one packet exceed the limit.
    case packetTooLarge(limit: Int)
}

extension PacketDecodingError: CustomStringConvertible {
    /// What is wrong with the message. A limit is named as in the configuration.
    package var description: String {
        switch self {
        case .empty: "an empty message"
        case .unknownType(let byte): "packet type byte \(byte), expected 0 to 6"
        case .malformedAttachmentCount: "no number of attachments in front of the hyphen"
        case .tooManyAttachments(let limit): "more than \(limit) attachments (maxAttachments)"
        case .namespaceTooLong(let limit): "a namespace of more than \(limit) bytes (maxNameLength)"
        case .ackIDTooLarge: "an acknowledgement id above 2^53 - 1"
        case .malformedMessagePack: "not the MessagePack of a packet"
        case .malformedNamespace: "a namespace that is no URL"
        case .unexpectedText: "text from a client whose packets are MessagePack"
        case .malformedJSON: "invalid JSON"
        case .nestedTooDeep(let limit): "arrays and objects nested more than \(limit) deep (maxNesting)"
        case .unexpectedPayload(let type): "a payload that packets of the type \(type) do not have"
        case .keyTooLong(let limit): "an object's key of more than \(limit) bytes (maxKeyLength)"
        case .eventNameTooLong(let limit): "an event's name of more than \(limit) bytes (maxEventNameLength)"
        case .reservedEventName: "an event with a reserved name"
        case .textWhileAttachmentsPending: "text while attachments are outstanding"
        case .attachmentsLate: "attachments that have not arrived in time (attachmentTimeout)"
        case .unexpectedBinary: "binary data that no packet has announced"
        case .invalidPlaceholder: "a placeholder without an attachment"
        case .packetTooLarge(let limit): "a packet of more than \(limit) bytes with its attachments (maxPacketBytes)"
        }
    }
}
