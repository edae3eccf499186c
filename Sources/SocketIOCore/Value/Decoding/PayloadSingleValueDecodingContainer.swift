// Part of socketio-server, MIT licence; see LICENSE.

/// One value.
struct PayloadSingleValueDecodingContainer: SingleValueDecodingContainer {
    let core: PayloadCore
    let index: Int

    var codingPath: [any CodingKey] { core.codingPath(of: index) }

    func decodeNil() -> Bool { core.isNull(at: index) }
    func decode(_ type: Bool.Type) throws -> Bool { try core.bool(at: index) }
    func decode(_ type: String.Type) throws -> String { try core.string(at: index) }
    func decode(_ type: Double.Type) throws -> Double { try core.double(at: index) }
    func decode(_ type: Float.Type) throws -> Float { try core.float(at: index) }
    func decode(_ type: Int.Type) throws -> Int { try core.integer(at: index, as: type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try core.integer(at: index, as: type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try core.integer(at: index, as: type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try core.integer(at: index, as: type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try core.integer(at: index, as: type) }
    func decode(_ type: Int128.Type) throws -> Int128 { try core.integer(at: index, as: type) }
    func decode(_ type: UInt.Type) throws -> UInt { try core.integer(at: index, as: type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try core.integer(at: index, as: type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try core.integer(at: index, as: type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try core.integer(at: index, as: type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try core.integer(at: index, as: type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try core.integer(at: index, as: type) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try core.decode(type, at: index) }
}
