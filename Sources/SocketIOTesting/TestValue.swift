// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// A Socket.IO argument in a test: JSON plus binary, comparable, written with literals.
///
/// It is read and written by Foundation, not by the server's own JSON code, so that one can catch the other's errors.
public enum TestValue: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number; integers up to 2^53 are exact.
    case number(Double)
    /// Text.
    case string(String)
    /// Bytes, which travel as an attachment.
    case binary([UInt8])
    /// An array.
    case array([TestValue])
    /// An object; the order of keys does not count.
    case object([String: TestValue])

    /// Reads JSON text.
    public init(json: String) throws {
        let value: Any
        do {
            value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: [.fragmentsAllowed])
        } catch {
            throw TestClientError.protocolViolation("not JSON: \(json.prefix(200))")
        }
        self.init(foundation: value)
    }

    private init(foundation value: Any) {
        switch value {
        // A boolean is an NSNumber too; only its encoding tells.
        case let value as NSNumber where String(cString: value.objCType) == "c": self = .bool(value.boolValue)
        case let value as NSNumber: self = .number(value.doubleValue)
        case let value as String: self = .string(value)
        case let value as [Any]: self = .array(value.map(TestValue.init(foundation:)))
        case let value as [String: Any]: self = .object(value.mapValues(TestValue.init(foundation:)))
        default: self = .null
        }
    }

    /// Puts attachments in the place of their placeholders (spec of protocol v5, "binary").
    func resolving(_ attachments: [[UInt8]]) throws -> TestValue {
        switch self {
        case .array(let items): return .array(try items.map { try $0.resolving(attachments) })
        case .object(let members):
            guard members["_placeholder"] == .bool(true) else {
                return .object(try members.mapValues { try $0.resolving(attachments) })
            }
            guard case .number(let number)? = members["num"], let index = Int(exactly: number),
                attachments.indices.contains(index)
            else { throw TestClientError.protocolViolation("placeholder \(members)") }
            return .binary(attachments[index])
        default: return self
        }
    }

    /// JSON text with placeholders; found attachments are appended to `attachments`. Keys are sorted.
    public func json(attachments: inout [[UInt8]]) -> String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .number(let value):
            guard let integer = Int64(exactly: value) else { return value.isFinite ? "\(value)" : "null" }
            return "\(integer)"
        case .string(let value): return Self.quoted(value)
        case .binary(let bytes):
            attachments.append(bytes)
            return #"{"_placeholder":true,"num":\#(attachments.count - 1)}"#
        case .array(let items):
            return "[" + items.map { $0.json(attachments: &attachments) }.joined(separator: ",") + "]"
        case .object(let members):
            let texts = members.sorted { $0.key < $1.key }.map {
                Self.quoted($0.key) + ":" + $0.value.json(attachments: &attachments)
            }
            return "{" + texts.joined(separator: ",") + "}"
        }
    }

    /// JSON text of a value without binary parts.
    public var json: String {
        var none: [[UInt8]] = []
        return json(attachments: &none)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default:
                if scalar.value < 0x20 {
                    result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    /// The member of an object; nil for everything else.
    public subscript(key: String) -> TestValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    /// The item of an array; nil for everything else and out of range.
    public subscript(index: Int) -> TestValue? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }

    /// The text of a string.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}

extension TestValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// `nil` is null.
    public init(nilLiteral: ()) { self = .null }
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An integer.
    public init(integerLiteral value: Int64) { self = .number(Double(value)) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An array.
    public init(arrayLiteral elements: TestValue...) { self = .array(elements) }
    /// An object; a key given twice keeps its last value.
    public init(dictionaryLiteral elements: (String, TestValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}
