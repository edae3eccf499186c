// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension PayloadCore {
    /// Decodes any type, the common ones without a `Decoder`.
    func decode<T: Decodable>(_ type: T.Type, at index: Int) throws -> T {
        // The casts are between identical types; `as!` would cost a dynamic cast each.
        if T.self == String.self { return unsafeBitCast(try string(at: index), to: T.self) }
        if T.self == Int.self { return unsafeBitCast(try integer(at: index, as: Int.self), to: T.self) }
        if T.self == Double.self { return unsafeBitCast(try double(at: index), to: T.self) }
        if T.self == Bool.self { return unsafeBitCast(try bool(at: index), to: T.self) }
        if T.self == SocketValue.self { return unsafeBitCast(value(at: index), to: T.self) }
        if T.self == RawJSON.self { return unsafeBitCast(raw(at: index), to: T.self) }
        if T.self == SocketData.self { return unsafeBitCast(SocketData(try binary(at: index)), to: T.self) }
        if T.self == [UInt8].self { return unsafeBitCast(try bytes(at: index), to: T.self) }
        if T.self == [String].self { return unsafeBitCast(try array(at: index, string), to: T.self) }
        if T.self == [Int].self {
            return unsafeBitCast(try array(at: index) { try integer(at: $0, as: Int.self) }, to: T.self)
        }
        if T.self == [Double].self { return unsafeBitCast(try array(at: index, double), to: T.self) }
        if T.self == [Bool].self { return unsafeBitCast(try array(at: index, bool), to: T.self) }
        if T.self == ByteBuffer.self { return unsafeBitCast(try binary(at: index), to: T.self) }
        if let representable = T.self as? any SocketRepresentable.Type {
            return try decode(representable, at: index, as: T.self)
        }
        let value = try T(from: PayloadDecoder(core: self, index: index))
        if let object = refusedNames { throw namesRefused(at: object) }
        return value
    }

    private func decode<T>(_ type: any SocketRepresentable.Type, at index: Int, as: T.Type) throws -> T {
        let value = value(at: index)
        if value == .null { throw missing(T.self, at: index) }
        guard let result = try type.init(socketValue: value) as? T else { throw mismatch(T.self, at: index) }
        return result
    }

    func isNull(at index: Int) -> Bool { tape[index].kind == .null }

    func bool(at index: Int) throws -> Bool {
        switch tape[index].kind {
        case .true: return true
        case .false: return false
        default: throw mismatch(Bool.self, at: index)
        }
    }

    func string(at index: Int) throws -> String {
        let node = tape[index]
        guard node.kind == .string else { throw mismatch(String.self, at: index) }
        return tape.string(node)
    }

    @inline(__always)
    func integer<T: FixedWidthInteger>(at index: Int, as type: T.Type) throws -> T {
        let node = tape[index]
        guard node.kind == .number else { throw mismatch(type, at: index) }
        guard let value = JSONNumber.integer(tape.bytes(of: node), isPlain: node.flag, as: type) else {
            throw unrepresentable(type, at: index)
        }
        return value
    }

    func double(at index: Int) throws -> Double {
        let node = tape[index]
        guard node.kind == .number else { throw mismatch(Double.self, at: index) }
        let value = JSONNumber.double(tape.bytes(of: node))
        guard value.isFinite else { throw unrepresentable(Double.self, at: index) }
        return value
    }

    func float(at index: Int) throws -> Float {
        let value = Float(try double(at: index))
        guard value.isFinite else { throw unrepresentable(Float.self, at: index) }
        return value
    }

    func binary(at index: Int) throws -> ByteBuffer {
        guard let attachment = attachment(at: index) else { throw mismatch(SocketData.self, at: index) }
        return attachment
    }

    /// An attachment, or an array of small numbers.
    func bytes(at index: Int) throws -> [UInt8] {
        if let attachment = attachment(at: index) { return Array(attachment.readableBytesView) }
        return try array(at: index) { try integer(at: $0, as: UInt8.self) }
    }

    private func array<T>(at index: Int, _ element: (Int) throws -> T) throws -> [T] {
        let node = tape[index]
        guard node.kind == .array else { throw mismatch([T].self, at: index) }
        var result: [T] = []
        result.reserveCapacity(Int(node.count))
        var child = index + 1
        while child < Int(node.next) {
            result.append(try element(child))
            child = Int(tape[child].next)
        }
        return result
    }

    /// The text with its attachments.
    func raw(at index: Int) -> RawJSON { RawJSON(validated: tape.slice(tape[index]), attachments: attachments) }

    /// The dynamic form. The depth of validated text is bounded, and so is this recursion.
    func value(at index: Int) -> SocketValue {
        let node = tape[index]
        switch node.kind {
        case .null: return .null
        case .true: return .bool(true)
        case .false: return .bool(false)
        case .string: return .string(tape.string(node))
        case .number:
            let text = tape.bytes(of: node)
            if node.flag, let integer = JSONNumber.integer(text, isPlain: true, as: Int64.self),
                integer != 0 || text.first != UInt8(ascii: "-")
            {
                return .int(integer)
            }
            return .double(JSONNumber.double(text))
        case .array:
            var elements: [SocketValue] = []
            elements.reserveCapacity(Int(node.count))
            var child = index + 1
            while child < Int(node.next) {
                elements.append(value(at: child))
                child = Int(tape[child].next)
            }
            return .array(elements)
        case .object:
            if let attachment = attachment(at: index) { return .binary(SocketData(attachment)) }
            var object = SocketObject()
            object.reserveCapacity(Int(node.count))
            forEachMember(of: index) { key, child in object[tape.string(tape[key])] = value(at: child) }
            return .object(object)
        }
    }
}
