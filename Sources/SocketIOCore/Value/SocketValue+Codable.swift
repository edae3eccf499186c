// Part of socketio-server, MIT licence; see LICENSE.

extension SocketValue: Codable {
    /// Takes whatever is there. Other decoders than ours cannot carry binary data and yield JSON only.
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? PayloadDecoder {
            self = decoder.decodeValue()
            return
        }
        guard decoder.codingPath.count < JSONScanner.maximumDepth else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "More than \(JSONScanner.maximumDepth) levels of nesting."))
        }
        if let members = try? decoder.container(keyedBy: PayloadKey.self) {
            var object = SocketObject()
            for key in members.allKeys {
                object[key.stringValue] = try members.decode(SocketValue.self, forKey: key)
            }
            self = .object(object)
        } else if var elements = try? decoder.unkeyedContainer() {
            var array: [SocketValue] = []
            while !elements.isAtEnd { array.append(try elements.decode(SocketValue.self)) }
            self = .array(array)
        } else {
            self = try Self(scalar: try decoder.singleValueContainer())
        }
    }

    private init(scalar container: any SingleValueDecodingContainer) throws {
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else {
            self = .string(try container.decode(String.self))
        }
    }

    /// Writes the value. Encoders other than ours get binary data as a base64 string.
    public func encode(to encoder: any Encoder) throws {
        if let encoder = encoder as? PayloadEncoder {
            try encoder.encode(self)
            return
        }
        switch self {
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        case .object(let members):
            var container = encoder.container(keyedBy: PayloadKey.self)
            for member in members { try container.encode(member.value, forKey: PayloadKey(stringValue: member.key)) }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .bool(let value): try container.encode(value)
            case .int(let value): try container.encode(value)
            case .double(let value): try container.encode(value)
            case .string(let value): try container.encode(value)
            case .binary(let value): try container.encode(value)
            default: try container.encodeNil()
            }
        }
    }
}

extension SocketValue {
    /// The dynamic form of any value, as a receiver would see it. Throws what encoding it throws.
    public init(encoding value: some Encodable) throws {
        self = try RawJSON(encoding: value).value
    }

    /// Decodes a type from this value. Throws `DecodingError`, or `EncodingError` when it is nested too deeply.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        try RawJSON(encoding: self).decode(type)
    }
}
