// Part of socketio-server, MIT licence; see LICENSE.

/// The elements of an array.
struct PayloadUnkeyedEncodingContainer: UnkeyedEncodingContainer {
    let core: EncoderCore
    let entry: Int

    var codingPath: [any CodingKey] { core.codingPath(of: entry) }
    var count: Int { Int(core.entries[entry].count) }

    @inline(__always)
    private func write(_ body: (EncoderCore) throws -> Void) throws {
        try core.write(in: entry, name: nil) { _ in try body(core) }
    }

    @inline(__always)
    private func integer(_ value: some FixedWidthInteger) throws {
        try write { $0.output.writeInteger(value) }
    }

    func encodeNil() throws { try write { $0.writeNull() } }
    func encode(_ value: Bool) throws { try write { $0.write(value) } }
    func encode(_ value: String) throws { try write { $0.output.writeString(value) } }
    func encode(_ value: Double) throws { try write { $0.output.writeDouble(value) } }
    func encode(_ value: Float) throws { try write { $0.output.writeFloat(value) } }
    func encode(_ value: Int) throws { try integer(value) }
    func encode(_ value: Int8) throws { try integer(value) }
    func encode(_ value: Int16) throws { try integer(value) }
    func encode(_ value: Int32) throws { try integer(value) }
    func encode(_ value: Int64) throws { try integer(value) }
    func encode(_ value: Int128) throws { try integer(value) }
    func encode(_ value: UInt) throws { try integer(value) }
    func encode(_ value: UInt8) throws { try integer(value) }
    func encode(_ value: UInt16) throws { try integer(value) }
    func encode(_ value: UInt32) throws { try integer(value) }
    func encode(_ value: UInt64) throws { try integer(value) }
    func encode(_ value: UInt128) throws { try integer(value) }
    func encode<T: Encodable>(_ value: T) throws {
        try write { try $0.write(value, parent: entry, name: .none) }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type
    ) -> KeyedEncodingContainer<NestedKey> {
        let nested = core.beginNested(.object, in: entry, name: nil)
        return KeyedEncodingContainer(PayloadKeyedEncodingContainer<NestedKey>(core: core, entry: nested))
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        PayloadUnkeyedEncodingContainer(core: core, entry: core.beginNested(.array, in: entry, name: nil))
    }

    func superEncoder() -> any Encoder { PayloadEncoder(core: core, entry: core.reserve(in: entry, name: nil)) }
}
