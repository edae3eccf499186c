// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
package import SocketIOCore

extension EncodedArguments {
    /// An event's name and arguments. Refuses reserved names. With the headroom of the namespace, `takeEvent` and `takeAck`
    /// need not copy the text.
    package static func event<each Argument: Encodable>(
        _ name: String, headroom: Int = 0, _ arguments: repeat each Argument
    ) throws -> EncodedArguments {
        guard !ReservedEventNames.contains(name) else { throw SocketError.reserved(name) }
        return try unchecked(name, headroom: headroom, repeat each arguments)
    }

    /// An event's name and arguments. The name is not checked.
    package static func unchecked<each Argument: Encodable>(
        _ name: String, headroom: Int = 0, _ arguments: repeat each Argument
    ) throws -> EncodedArguments {
        var writer = ArgumentWriter(eventName: name, headroom: headroom)
        repeat try writer.append(each arguments)
        return writer.finish()
    }

    /// An event's name and any number of arguments. Refuses reserved names.
    package static func event(
        _ name: String, headroom: Int = 0, list: [some Encodable]
    ) throws -> EncodedArguments {
        guard !ReservedEventNames.contains(name) else { throw SocketError.reserved(name) }
        return try unchecked(name, headroom: headroom, list: list)
    }

    /// An event's name and any number of arguments. The name is not checked.
    package static func unchecked(
        _ name: String, headroom: Int = 0, list: [some Encodable]
    ) throws -> EncodedArguments {
        var writer = ArgumentWriter(eventName: name, headroom: headroom)
        for argument in list { try writer.append(argument) }
        return writer.finish()
    }

    /// The arguments of an acknowledgement.
    package static func acknowledgement<each Argument: Encodable>(
        headroom: Int = 0, _ arguments: repeat each Argument
    ) throws -> EncodedArguments {
        var writer = ArgumentWriter(headroom: headroom)
        repeat try writer.append(each arguments)
        return writer.finish()
    }

    /// The arguments of an acknowledgement, any number of them.
    package static func acknowledgement(headroom: Int = 0, list: [some Encodable]) throws -> EncodedArguments {
        var writer = ArgumentWriter(headroom: headroom)
        for argument in list { try writer.append(argument) }
        return writer.finish()
    }

    /// Received arguments under an event name, as the bytes they came in.
    package static func relay(
        _ name: String, headroom: Int = 0, _ arguments: EventArguments
    ) throws -> EncodedArguments {
        guard !ReservedEventNames.contains(name) else { throw SocketError.reserved(name) }
        var writer = ArgumentWriter(eventName: name, headroom: headroom)
        try writer.append(contentsOf: arguments.payload, from: arguments.offset)
        return writer.finish()
    }

    /// Received arguments as an acknowledgement, as the bytes they came in.
    package static func relay(headroom: Int = 0, _ arguments: EventArguments) throws -> EncodedArguments {
        if let json = arguments.payload.tail(from: arguments.offset, headroom: headroom) {
            return EncodedArguments(json: json, attachments: [])
        }
        var writer = ArgumentWriter(headroom: headroom)
        try writer.append(contentsOf: arguments.payload, from: arguments.offset)
        return writer.finish()
    }

    /// The finished EVENT; empties these arguments, so that the packet is completed around the text where it lies.
    mutating func takeEvent(nsp: String, id: Int?, compress: Bool) -> OutboundMessage {
        let text = json
        json = ByteBuffer()
        return DefaultEncoder.event(nsp: nsp, id: id, json: text, attachments: attachments, compress: compress)
    }

    /// The finished ACK, as `takeEvent`.
    mutating func takeAck(nsp: String, id: Int) -> OutboundMessage {
        let text = json
        json = ByteBuffer()
        return DefaultEncoder.ack(nsp: nsp, id: id, json: text, attachments: attachments)
    }

    /// The same data as a receiver in this process sees it.
    package func received(offset: Int) throws -> EventArguments {
        EventArguments(try PacketPayload(text: json).attaching(attachments), offset: offset)
    }
}
