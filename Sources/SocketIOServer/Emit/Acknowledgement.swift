// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

/// The callback of an event that asked for an acknowledgement: the last parameter of a handler.
///
/// ```swift
/// socket.on("add") { (a: Int, b: Int, ack: Ack<Int>) in ack(a + b) }
/// ```
///
/// The first call answers, later ones do nothing. Calls also do nothing when the client asked for no acknowledgement, or has
/// disconnected. May be called from any thread.
public struct Ack<each Value: Encodable & Sendable>: Sendable {
    let responder: AckResponder?

    /// Whether the client waits for an answer.
    public var isRequested: Bool { responder != nil }

    /// Answers with these values.
    public func callAsFunction(_ values: repeat each Value) {
        responder?.respond(repeat each values)
    }
}

/// The callback of an event that is answered with values of any type and number: a parameter like ``Ack``, and that of handlers
/// whose arguments are not decoded, see ``Socket/on(_:arguments:)``.
///
/// ```swift
/// socket.on("find") { (name: String, ack: DynamicAck) in
///     if let person = people[name] { ack(nil as String?, person) } else { ack("unknown") }
/// }
/// ```
public struct DynamicAck: Sendable {
    let responder: AckResponder?

    /// Whether the other side waits for an answer.
    public var isRequested: Bool { responder != nil }

    /// Answers with these values.
    public func callAsFunction<each Value: Encodable & Sendable>(_ values: repeat each Value) {
        responder?.respond(repeat each values)
    }

    /// Answers with a list of values whose length is known at run time only.
    public func callAsFunction(arguments: [SocketValue]) {
        responder?.respond(list: arguments)
    }

    /// Answers with arguments that were received; their bytes are copied unchanged.
    public func callAsFunction(relaying arguments: EventArguments) {
        responder?.respond(relaying: arguments)
    }
}

extension Ack: Decodable {
    /// Takes the acknowledgement of the event that is being dispatched. Fails with any other decoder.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? AckDecoder else { throw AbsentValueError() }
        self.responder = decoder.responder
    }
}

extension DynamicAck: Decodable {
    /// Takes the acknowledgement of the event that is being dispatched. Fails with any other decoder.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? AckDecoder else { throw AbsentValueError() }
        self.responder = decoder.responder
    }
}

/// Tells `Ack` types from arguments that arrived.
protocol AckArgument {}

extension Ack: AckArgument {}

extension DynamicAck: AckArgument {}

/// Whether a parameter of this type takes the acknowledgement.
func takesAcknowledgement<Value>(_ type: Value.Type) -> Bool {
    type is any AckArgument.Type || type is any OptionalAckArgument.Type
}

/// An optional `Ack` is nil when the client asked for no acknowledgement.
protocol OptionalAckArgument {}

extension Optional: OptionalAckArgument where Wrapped: AckArgument {}

/// The decoder an `Ack` parameter takes itself from.
struct AckDecoder: Decoder {
    let responder: AckResponder?
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw AbsentValueError()
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw AbsentValueError() }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        AbsentContainer(decoder: self, isNil: responder == nil)
    }
}
