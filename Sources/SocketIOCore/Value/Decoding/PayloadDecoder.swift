// Part of socketio-server, MIT licence; see LICENSE.

/// The `Decoder` for arguments of events and acknowledgements.
///
/// It is two words; all decoders of one argument share a tape of its text. Coding paths are derived from the tape when
/// somebody asks for them.
package struct PayloadDecoder: Decoder {
    let core: PayloadCore
    let index: Int

    /// What the caller of `PacketPayload.decode` passed along.
    package var context: AnyObject? { core.context }

    package var codingPath: [any CodingKey] { core.codingPath(of: index) }
    package var userInfo: [CodingUserInfoKey: Any] { [:] }

    package func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try PayloadKeyedDecodingContainer<Key>(core: core, index: index))
    }

    package func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try PayloadUnkeyedDecodingContainer(core: core, index: index)
    }

    package func singleValueContainer() throws -> any SingleValueDecodingContainer {
        PayloadSingleValueDecodingContainer(core: core, index: index)
    }

    /// Binary data at this place.
    func decodeData() throws -> SocketData { SocketData(try core.binary(at: index)) }

    /// The text at this place with its attachments.
    func decodeRaw() -> RawJSON { core.raw(at: index) }

    /// The dynamic form of the value at this place.
    func decodeValue() -> SocketValue { core.value(at: index) }
}
