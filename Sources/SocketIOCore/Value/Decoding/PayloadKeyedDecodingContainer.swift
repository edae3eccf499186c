// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The members of an object.
struct PayloadKeyedDecodingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let core: PayloadCore
    private let index: Int

    init(core: PayloadCore, index: Int) throws {
        guard core.tape[index].kind == .object else { throw core.mismatch([String: Any].self, at: index) }
        self.core = core
        self.index = index
    }

    var codingPath: [any CodingKey] { core.codingPath(of: index) }

    var allKeys: [Key] {
        var names: [String] = []
        names.reserveCapacity(Int(core.tape[index].count))
        core.forEachMember(of: index) { key, _ in names.append(core.tape.string(core.tape[key])) }
        return checked(names).compactMap { Key(stringValue: $0) }
    }

    /// Without the names that must not be compared as strings, see ``StringKeys``.
    private func checked(_ names: [String]) -> [String] {
        let arePlain = names.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } }
        guard !arePlain, !(Key.self is any ExactCodingKey.Type) else { return names }
        let cheap = names.filter { !StringKeys.isExpensive($0) }
        if cheap.count < names.count || StringKeys.areOfDictionary(Key.self) && StringKeys.wouldMerge(cheap) {
            core.refusedNames = index
        }
        return cheap
    }

    func contains(_ key: Key) -> Bool { core.member(key.stringValue, of: index) != nil }

    @inline(__always)
    private func value(_ key: Key) throws -> Int {
        guard let value = core.member(key.stringValue, of: index) else { throw core.notFound(key, in: index) }
        return value
    }

    /// The member's value, nil when it is missing or null.
    @inline(__always)
    private func present(_ key: Key) -> Int? {
        guard let value = core.member(key.stringValue, of: index), !core.isNull(at: value) else { return nil }
        return value
    }

    func decodeNil(forKey key: Key) throws -> Bool { core.isNull(at: try value(key)) }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try core.bool(at: value(key)) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try core.string(at: value(key)) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try core.double(at: value(key)) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try core.float(at: value(key)) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try core.integer(at: value(key), as: type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try core.integer(at: value(key), as: type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try core.integer(at: value(key), as: type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try core.integer(at: value(key), as: type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try core.integer(at: value(key), as: type) }
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try core.integer(at: value(key), as: type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try core.integer(at: value(key), as: type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try core.integer(at: value(key), as: type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try core.integer(at: value(key), as: type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try core.integer(at: value(key), as: type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try core.integer(at: value(key), as: type) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 {
        try core.integer(at: value(key), as: type)
    }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try core.decode(type, at: value(key)) }

    // The default implementations search for the member three times.
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
        try present(key).map { try core.bool(at: $0) }
    }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try present(key).map { try core.string(at: $0) }
    }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
        try present(key).map { try core.double(at: $0) }
    }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
        try present(key).map { try core.integer(at: $0, as: type) }
    }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        try present(key).map { try core.decode(type, at: $0) }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        KeyedDecodingContainer(try PayloadKeyedDecodingContainer<NestedKey>(core: core, index: value(key)))
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try PayloadUnkeyedDecodingContainer(core: core, index: value(key))
    }

    func superDecoder() throws -> any Decoder {
        guard let value = core.member("super", of: index) else {
            throw core.notFound(PayloadKey(stringValue: "super"), in: index)
        }
        return PayloadDecoder(core: core, index: value)
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { PayloadDecoder(core: core, index: try value(key)) }
}
