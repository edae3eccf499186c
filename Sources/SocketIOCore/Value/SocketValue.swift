// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// Any value an event can carry, when its type is not known beforehand: JSON plus binary data.
///
/// ```swift
/// let value: SocketValue = ["name": "Ann", "tags": ["a", "b"], "age": 30]
/// value["tags"]?[0]?.string    // "a"
/// ```
///
/// Values that arrive are at most 128 levels deep, and sending a deeper one throws.
public enum SocketValue: Sendable {
    /// JSON `null`, JavaScript's `null` and `undefined`.
    case null
    /// A boolean.
    case bool(Bool)
    /// A number without fraction that fits in 64 bits. JavaScript clients lose precision beyond 2^53.
    case int(Int64)
    /// Any other number. Not-a-number and infinities are sent as null.
    case double(Double)
    /// A string.
    case string(String)
    /// Binary data.
    case binary(SocketData)
    /// An array.
    case array([SocketValue])
    /// An object.
    case object(SocketObject)
}

extension SocketValue {
    /// Whether this is null.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The boolean, nil for other values.
    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The number as an integer; nil for other values, fractions and what does not fit.
    public var int: Int? {
        switch self {
        case .int(let value): Int(exactly: value)
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number, nil for other values. Integers beyond 2^53 are rounded.
    public var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The string, nil for other values.
    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The binary data, nil for other values.
    public var binary: SocketData? {
        if case .binary(let value) = self { value } else { nil }
    }

    /// The elements, nil for other values.
    public var array: [SocketValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members, nil for other values.
    public var object: SocketObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// An element of an array; nil for other values and places outside.
    public subscript(index: Int) -> SocketValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// A member of an object; nil for other values and missing names. Assigning makes an object of null; assigning to
    /// any other kind of value does nothing.
    public subscript(key: String) -> SocketValue? {
        get { object?[key] }
        set {
            switch self {
            case .null:
                if let newValue { self = .object([key: newValue]) }
            case .object(var members):
                self = .null  // keeps `members` unique, so that it changes in place
                members[key] = newValue
                self = .object(members)
            default: break
            }
        }
    }
}

extension SocketValue: Hashable {
    /// Whether both are the same value. Numbers compare as numbers: `.int(1)` equals `.double(1)`. Texts compare by their
    /// bytes, as in JavaScript and unlike `String`.
    public static func == (left: SocketValue, right: SocketValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.int(let integer), .double(let double)), (.double(let double), .int(let integer)):
            Int64(exactly: double) == integer
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.binary(let left), .binary(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// Feeds the value into the hasher.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(value)
        case .double(let value):
            if let integer = Int64(exactly: value) { hasher.combine(integer) } else { hasher.combine(value) }
        case .string(let value): hasher.combine(ExactName(value))
        case .binary(let value): hasher.combine(value)
        case .array(let value): hasher.combine(value)
        case .object(let value): hasher.combine(value)
        }
    }
}

extension SocketValue: CustomStringConvertible {
    /// The value as JSON; binary data as `<n bytes>`. Values nested too deeply are cut.
    public var description: String {
        var text = ""
        describe(into: &text, depth: 0)
        return text
    }

    private func describe(into text: inout String, depth: Int) {
        guard depth <= JSONScanner.maximumDepth else {
            text += "…"
            return
        }
        switch self {
        case .binary(let data): text += "<\(data.count) bytes>"
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                element.describe(into: &text, depth: depth + 1)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                text += JSONText.scalar(.string(member.key)) + ":"
                member.value.describe(into: &text, depth: depth + 1)
            }
            text += "}"
        default: text += JSONText.scalar(self)
        }
    }
}
