// Part of socketio-server, MIT licence; see LICENSE.

/// The `Encoder` for arguments of events and acknowledgements. It is two words; all encoders of one packet share the
/// output.
package struct PayloadEncoder: Encoder {
    let core: EncoderCore
    let entry: Int

    package var codingPath: [any CodingKey] { core.codingPath(of: entry) }
    package var userInfo: [CodingUserInfoKey: Any] { [:] }

    package func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        core.container(.object, entry: entry)
        return KeyedEncodingContainer(PayloadKeyedEncodingContainer<Key>(core: core, entry: entry))
    }

    package func unkeyedContainer() -> any UnkeyedEncodingContainer {
        core.container(.array, entry: entry)
        return PayloadUnkeyedEncodingContainer(core: core, entry: entry)
    }

    package func singleValueContainer() -> any SingleValueEncodingContainer {
        PayloadSingleValueEncodingContainer(core: core, entry: entry)
    }

    /// Writes a value of one of the types that know this encoder.
    func encode<T: Encodable>(_ value: T) throws {
        try PayloadSingleValueEncodingContainer(core: core, entry: entry).write { parent, name in
            try core.write(value, parent: parent, name: name)
        }
    }
}

/// The members of an object.
struct PayloadKeyedEncodingContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let core: EncoderCore
    let entry: Int

    var codingPath: [any CodingKey] { core.codingPath(of: entry) }

    @inline(__always)
    private func write(_ key: Key, _ body: (EncoderCore, EncoderCore.Name) throws -> Void) throws {
        try core.write(in: entry, name: key.stringValue) { name in try body(core, name) }
    }

    @inline(__always)
    private func integer(_ value: some FixedWidthInteger, _ key: Key) throws {
        try write(key) { core, _ in core.output.writeInteger(value) }
    }

    func encodeNil(forKey key: Key) throws { try write(key) { core, _ in core.writeNull() } }
    func encode(_ value: Bool, forKey key: Key) throws { try write(key) { core, _ in core.write(value) } }
    func encode(_ value: String, forKey key: Key) throws {
        try write(key) { core, _ in core.output.writeString(value) }
    }
    func encode(_ value: Double, forKey key: Key) throws {
        try write(key) { core, _ in core.output.writeDouble(value) }
    }
    func encode(_ value: Float, forKey key: Key) throws {
        try write(key) { core, _ in core.output.writeFloat(value) }
    }
    func encode(_ value: Int, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int8, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int16, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int32, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int64, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int128, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt8, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt16, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt32, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt64, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt128, forKey key: Key) throws { try integer(value, key) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        try write(key) { core, name in try core.write(value, parent: entry, name: name) }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type, forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        let nested = core.beginNested(.object, in: entry, name: key.stringValue)
        return KeyedEncodingContainer(PayloadKeyedEncodingContainer<NestedKey>(core: core, entry: nested))
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        PayloadUnkeyedEncodingContainer(core: core, entry: core.beginNested(.array, in: entry, name: key.stringValue))
    }

    func superEncoder() -> any Encoder { PayloadEncoder(core: core, entry: core.reserve(in: entry, name: "super")) }
    func superEncoder(forKey key: Key) -> any Encoder {
        PayloadEncoder(core: core, entry: core.reserve(in: entry, name: key.stringValue))
    }
}

extension EncoderCore {
    /// Begins a container inside another.
    func beginNested(_ kind: Entry.Kind, in container: Int, name: String?) -> Int {
        guard entries[container].isOpen else {
            // Too late to stay open: reserve its place and write its content late as well.
            let entry = reserve(in: container, name: name)
            fill(entry, with: kind)
            return entry
        }
        closeContainers(inside: container)
        let entry = addEntry(parent: container, name: startMember(of: container, name: name))
        begin(kind, entry: entry)
        return entry
    }
}
