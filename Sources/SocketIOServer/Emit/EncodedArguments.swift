// Part of socketio-server, MIT licence; see LICENSE.

package import SocketIOCore

extension EncodedArguments {
    /// An event's name and arguments. Refuses reserved names.
    package static func event<each Argument: Encodable>(
        _ name: String, _ arguments: repeat each Argument
    ) throws -> EncodedArguments {
        guard !ReservedEventNames.contains(name) else { throw SocketError.reserved(name) }
        return try unchecked(name, repeat each arguments)
    }

    /// An event's name and arguments, whatever the name.
    package static func unchecked<each Argument: Encodable>(
        _ name: String, _ arguments: repeat each Argument
    ) throws -> EncodedArguments {
        var writer = ArgumentWriter(eventName: name)
        repeat try writer.append(each arguments)
        return writer.finish()
    }

    /// The arguments of an acknowledgement.
    package static func acknowledgement<each Argument: Encodable>(
        _ arguments: repeat each Argument
    ) throws -> EncodedArguments {
        var writer = ArgumentWriter()
        repeat try writer.append(each arguments)
        return writer.finish()
    }

    /// Received arguments under an event name, as the bytes they came in.
    package static func relay(_ name: String, _ arguments: EventArguments) throws -> EncodedArguments {
        guard !ReservedEventNames.contains(name) else { throw SocketError.reserved(name) }
        var writer = ArgumentWriter(eventName: name)
        try writer.append(contentsOf: arguments.payload, from: arguments.offset)
        return writer.finish()
    }

    /// Received arguments as an acknowledgement, as the bytes they came in.
    package static func relay(_ arguments: EventArguments) throws -> EncodedArguments {
        var writer = ArgumentWriter()
        try writer.append(contentsOf: arguments.payload, from: arguments.offset)
        return writer.finish()
    }

    /// The same data as a receiver in this process sees it.
    package func received(offset: Int) throws -> EventArguments {
        EventArguments(try PacketPayload(text: json).attaching(attachments), offset: offset)
    }
}
