// Part of socketio-server, MIT licence; see LICENSE.

extension SocketValue: ExpressibleByNilLiteral {
    /// `nil` is null.
    public init(nilLiteral: ()) { self = .null }
}

extension SocketValue: ExpressibleByBooleanLiteral {
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension SocketValue: ExpressibleByIntegerLiteral {
    /// An integer.
    public init(integerLiteral value: Int64) { self = .int(value) }
}

extension SocketValue: ExpressibleByFloatLiteral {
    /// A number.
    public init(floatLiteral value: Double) { self = .double(value) }
}

extension SocketValue: ExpressibleByStringInterpolation {
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
}

extension SocketValue: ExpressibleByArrayLiteral {
    /// An array.
    public init(arrayLiteral elements: SocketValue...) { self = .array(elements) }
}

extension SocketValue: ExpressibleByDictionaryLiteral {
    /// An object; the last member counts when a name repeats.
    public init(dictionaryLiteral elements: (String, SocketValue)...) {
        self = .object(SocketObject(elements.map { (key: $0.0, value: $0.1) }))
    }
}
