// Part of socketio-server, MIT licence; see LICENSE.

/// The elements of an array, in order.
struct PayloadUnkeyedDecodingContainer: UnkeyedDecodingContainer {
    private let core: PayloadCore
    private let index: UInt32
    private var next: UInt32
    private(set) var currentIndex = 0

    init(core: PayloadCore, index: Int) throws {
        guard core.tape[index].kind == .array else { throw core.mismatch([Any].self, at: index) }
        self.core = core
        self.index = UInt32(truncatingIfNeeded: index)
        self.next = self.index &+ 1
    }

    var codingPath: [any CodingKey] { core.codingPath(of: Int(index)) }
    var count: Int? { Int(core.tape[Int(index)].count) }
    var isAtEnd: Bool { next >= core.tape[Int(index)].next }

    /// Decodes the element at hand and, when that succeeds, moves past it.
    @inline(__always)
    private mutating func take<T>(_ type: T.Type = T.self, _ decode: (Int) throws -> T) throws -> T {
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                type,
                DecodingError.Context(
                    codingPath: codingPath + [PayloadKey(intValue: currentIndex)],
                    debugDescription: "The array has only \(currentIndex) elements."))
        }
        let result = try decode(Int(next))
        next = core.tape[Int(next)].next
        currentIndex += 1
        return result
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd else { return try take(Any?.self) { _ in nil } == nil }
        guard core.isNull(at: Int(next)) else { return false }
        return try take { _ in true }
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool { try take { [core] in try core.bool(at: $0) } }
    mutating func decode(_ type: String.Type) throws -> String { try take { [core] in try core.string(at: $0) } }
    mutating func decode(_ type: Double.Type) throws -> Double { try take { [core] in try core.double(at: $0) } }
    mutating func decode(_ type: Float.Type) throws -> Float { try take { [core] in try core.float(at: $0) } }
    mutating func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try integer(type) }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try integer(type) }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        try take { [core] in try core.decode(type, at: $0) }
    }

    @inline(__always)
    private mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        try take { [core] in try core.integer(at: $0, as: type) }
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try take { [core] in
            KeyedDecodingContainer(try PayloadKeyedDecodingContainer<NestedKey>(core: core, index: $0))
        }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try take { [core] in try PayloadUnkeyedDecodingContainer(core: core, index: $0) }
    }

    mutating func superDecoder() throws -> any Decoder {
        try take { [core] in PayloadDecoder(core: core, index: $0) }
    }
}
