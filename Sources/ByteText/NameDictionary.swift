// Part of socketio-server, MIT licence; see LICENSE.

/// Values by names, such as the number of sockets by rooms, in no particular order.
///
/// Its keys are strings, and you use it like `[String: Value]`, with one difference: two names are the same when their
/// UTF-8 bytes are. A `[String: Value]` treats `caf\u{e9}` and `cafe\u{301}` as one key, and needs time that grows with
/// the square of the length for a key of many combining marks.
///
/// ```swift
/// let inLobby = try await io.countByRoom()["lobby"] ?? 0
/// let token = socket.handshake.query["token"]
/// ```
public struct NameDictionary<Value> {
    /// A name with its value.
    public typealias Element = (key: String, value: Value)

    private var entries: [ExactName: Value]

    /// No names.
    public init() {
        entries = [:]
    }

    /// Names with their values.
    /// - Parameter combine: computes the value of a repeated name from the existing and the new value.
    public init(_ elements: some Sequence<(String, Value)>, uniquingKeysWith combine: (Value, Value) throws -> Value)
        rethrows
    {
        entries = try Dictionary(elements.lazy.map { (ExactName($0.0), $0.1) }, uniquingKeysWith: combine)
    }

    /// The value of a name; nil when there is none. Assigning nil removes the name.
    public subscript(name: String) -> Value? {
        get { entries[ExactName(name)] }
        set { entries[ExactName(name)] = newValue }
    }

    /// The value of a name, or another one when there is none.
    public subscript(name: String, default value: @autoclosure () -> Value) -> Value {
        get { entries[ExactName(name), default: value()] }
        _modify { yield &entries[ExactName(name), default: value()] }
    }

    /// The names.
    public var keys: NameSet { NameSet(entries.keys.lazy.map(\.text)) }

    /// The values.
    public var values: [Value] { Array(entries.values) }

    /// Removes a name, and returns its value if it was there.
    @discardableResult
    public mutating func removeValue(forKey name: String) -> Value? { entries.removeValue(forKey: ExactName(name)) }

    /// The names with other values.
    public func mapValues<Other>(_ change: (Value) throws -> Other) rethrows -> NameDictionary<Other> {
        var changed = NameDictionary<Other>()
        changed.entries = try entries.mapValues(change)
        return changed
    }

    /// Adds names with their values.
    /// - Parameter combine: computes the value of a name that exists already from the existing and the new value.
    public mutating func merge(
        _ other: NameDictionary, uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows {
        try entries.merge(other.entries, uniquingKeysWith: combine)
    }

    /// A copy with names added as by ``merge(_:uniquingKeysWith:)``.
    public func merging(
        _ other: NameDictionary, uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows -> NameDictionary {
        var merged = self
        try merged.merge(other, uniquingKeysWith: combine)
        return merged
    }
}

extension NameDictionary: Collection {
    /// A place in the dictionary.
    public struct Index: Comparable {
        fileprivate let place: [ExactName: Value].Index

        /// In the order of the collection.
        public static func < (left: Index, right: Index) -> Bool { left.place < right.place }
    }

    /// The first place.
    public var startIndex: Index { Index(place: entries.startIndex) }

    /// The place after the last one.
    public var endIndex: Index { Index(place: entries.endIndex) }

    /// How many names there are. Takes constant time.
    public var count: Int { entries.count }

    /// Whether there are none.
    public var isEmpty: Bool { entries.isEmpty }

    /// The place after another one, which must not be the end.
    public func index(after place: Index) -> Index { Index(place: entries.index(after: place.place)) }

    /// The name at a place, which must not be the end, and its value.
    public subscript(place: Index) -> Element {
        let entry = entries[place.place]
        return (entry.key.text, entry.value)
    }
}

extension NameDictionary: Sendable where Value: Sendable {}

extension NameDictionary: Equatable where Value: Equatable {}

extension NameDictionary: Hashable where Value: Hashable {}

extension NameDictionary: ExpressibleByDictionaryLiteral {
    /// The names listed; the last value counts when one repeats.
    public init(dictionaryLiteral elements: (String, Value)...) {
        self.init(elements) { _, last in last }
    }
}

extension NameDictionary: CustomStringConvertible {
    /// The names in order with their values, as those of a dictionary.
    public var description: String {
        let parts = entries.sorted { $0.key < $1.key }.map { "\($0.key.text.debugDescription): \($0.value)" }
        return parts.isEmpty ? "[:]" : "[" + parts.joined(separator: ", ") + "]"
    }
}

/// A coding key for any name, which is never compared as a string.
package protocol ExactCodingKey: CodingKey {}

/// The name of a member.
private struct NameKey: ExactCodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension NameDictionary: Encodable where Value: Encodable {
    /// Writes an object.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: NameKey.self)
        for (name, value) in self { try container.encode(value, forKey: NameKey(stringValue: name)) }
    }
}

extension NameDictionary: Decodable where Value: Decodable {
    /// Reads an object. If a name occurs twice, the last value counts.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: NameKey.self)
        self.init()
        for key in container.allKeys { self[key.stringValue] = try container.decode(Value.self, forKey: key) }
    }
}
