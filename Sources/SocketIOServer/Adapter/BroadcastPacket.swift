// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore
public import SocketIOCore

extension AdapterSPI {
    /// One event that is sent to many sockets. A value, which any thread may use.
    public struct BroadcastPacket: Sendable {
        /// The namespace.
        public let namespace: String
        /// The name of the event.
        public let event: String
        /// The JSON array, name first, and the attachments.
        package let data: EncodedArguments

        package init(namespace: String, event: String, data: EncodedArguments) {
            self.namespace = namespace
            self.event = event
            self.data = data
        }

        /// An event with these arguments.
        ///
        /// - Throws: `EncodingError`; ``SocketError`` for a name that is reserved, such as `disconnect`.
        public init<each Argument: Encodable>(
            namespace: String, event: String, _ arguments: repeat each Argument
        ) throws {
            self.init(namespace: namespace, event: event, data: try .event(event, repeat each arguments))
        }

        /// An event with a list of arguments.
        ///
        /// - Throws: As ``init(namespace:event:_:)``.
        public init(namespace: String, event: String, arguments: [SocketValue]) throws {
            self.init(namespace: namespace, event: event, data: try .event(event, list: arguments))
        }

        /// Makes an event from the data that another server has sent. Everything in it is checked.
        ///
        /// - Parameters:
        ///   - json: A JSON array that begins with the event's name, as in ``json``.
        ///   - attachments: The binary data that its placeholders stand for.
        /// - Throws: ``JSONError`` when `json` is no such array, or has a placeholder without an attachment.
        public init(namespace: String, json: ByteBuffer, attachments: [ByteBuffer] = []) throws {
            let payload = try PacketPayload(text: json).attaching(attachments)
            guard let event = payload.eventName else { throw SocketError(.invalidArguments, "no event name") }
            self.init(namespace: namespace, event: event, data: EncodedArguments(json: json, attachments: attachments))
        }

        /// The event as JSON: an array of the name and the arguments, with placeholders for binary data.
        public var json: ByteBuffer { data.json }

        /// The binary data that the placeholders in ``json`` stand for.
        public var attachments: [ByteBuffer] { data.attachments }

        /// The arguments as a receiver sees them.
        ///
        /// - Throws: ``JSONError`` when the packet, made by another server, holds no JSON array.
        public func arguments() throws -> EventArguments {
            try data.received(offset: 1)
        }
    }
}

extension EventArguments {
    /// Makes arguments with these values, as if they had been received: for an answer that another server has sent.
    ///
    /// - Throws: `EncodingError`.
    public init<each Value: Encodable>(_ values: repeat each Value) throws {
        self = try EncodedArguments.acknowledgement(repeat each values).received(offset: 0)
    }

    /// Arguments with a list of values, as if they had been received.
    ///
    /// - Throws: `EncodingError`.
    public init(list values: [SocketValue]) throws {
        self = try EncodedArguments.acknowledgement(list: values).received(offset: 0)
    }

    /// Arguments as another server has sent them.
    ///
    /// - Parameters:
    ///   - json: A JSON array, as in ``json``.
    ///   - attachments: The binary data that its placeholders stand for.
    /// - Throws: ``JSONError`` when `json` is no array, or has a placeholder without an attachment.
    public init(json: ByteBuffer, attachments: [ByteBuffer] = []) throws {
        self.init(try PacketPayload(text: json).attaching(attachments), offset: 0)
    }

    /// The arguments as a JSON array with placeholders for binary data, and that data: for sending them to another server.
    public func encoded() throws -> (json: ByteBuffer, attachments: [ByteBuffer]) {
        let encoded = try EncodedArguments.relay(self)
        return (encoded.json, encoded.attachments)
    }
}
