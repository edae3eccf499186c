// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

/// The arguments of a received event or acknowledgement, in the form in which they arrived. A value, which any thread may use.
///
/// An argument is decoded each time you ask for it. ``Socket/emit(_:arguments:)`` and similar calls send the arguments on without
/// decoding them: they copy the bytes.
public struct EventArguments: Sendable {
    package let payload: PacketPayload
    /// 1 for events, whose first element is the name; 0 for acknowledgements.
    package let offset: Int

    package init(_ payload: consuming PacketPayload, offset: Int) {
        self.payload = payload
        self.offset = offset
    }

    /// How many arguments there are.
    public var count: Int { max(0, payload.count - offset) }

    /// Whether there are none.
    public var isEmpty: Bool { count == 0 }

    /// One argument as a dynamic value; null when there is no such argument.
    public subscript(index: Int) -> SocketValue {
        guard index >= 0, index < count else { return .null }
        return payload.value(at: index + offset)
    }

    /// All arguments as dynamic values.
    public var values: [SocketValue] { (0..<count).map { self[$0] } }

    /// Decodes one argument.
    ///
    /// - Throws: ``SocketError`` with code `invalidArguments` when there is no such argument and the type is not
    ///   optional, or when it does not fit the type.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self, at index: Int = 0) throws -> Value {
        guard index >= 0, index < count else {
            do {
                return try Value(from: AbsentDecoder())
            } catch {
                throw SocketError(ArgumentMismatch(missing: index, type))
            }
        }
        do {
            return try payload.decode(type, at: index + offset)
        } catch {
            throw SocketError(ArgumentMismatch(index, type, error, payload.rawJSON(at: index + offset)))
        }
    }
}

extension EventArguments: CustomStringConvertible {
    /// The arguments as JSON, cut after 500 bytes. Binary values are the placeholders with which they arrived.
    public var description: String {
        let limit = 500
        var text = ""
        for index in 0..<count {
            let argument = payload.rawJSON(at: index + offset).text.readableBytesView
            if index > 0 { text += "," }
            text += String(decoding: argument.prefix(limit + 1 - min(limit, text.utf8.count)), as: UTF8.self)
            if text.utf8.count > limit { return "[\(text)…" }
        }
        return "[\(text)]"
    }
}

/// Decodes the argument that was not sent: optional types become nil, all others fail.
struct AbsentDecoder: Decoder {
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw AbsentValueError()
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw AbsentValueError() }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        AbsentContainer(decoder: self, isNil: true)
    }
}

/// Thrown where a value is asked for that does not exist.
struct AbsentValueError: Error {}

/// The only container of decoders that stand for no value or for something that is not data.
struct AbsentContainer: SingleValueDecodingContainer {
    let decoder: any Decoder
    let isNil: Bool
    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { isNil }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard !isNil else { throw AbsentValueError() }
        return try Value(from: decoder)
    }
}
