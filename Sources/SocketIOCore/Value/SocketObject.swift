// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The members of a `SocketValue.object`, in the order they were written or added.
///
/// Names are compared by their bytes, as in JavaScript: `caf\u{e9}` and `cafe\u{301}` are two names. Assigning to an
/// existing name replaces its value and keeps its position. Equality ignores the order.
public struct SocketObject: Sendable {
    /// A member.
    public typealias Element = (key: String, value: SocketValue)

    private var names: [String] = []
    private var contents: [SocketValue] = []
    /// Places by name, kept for objects with more members than `largestSearched`.
    private var places: [ExactName: Int] = [:]

    private static let largestSearched = 12

    /// An object without members.
    public init() {}

    /// The names in order.
    public var keys: [String] { names }

    /// The values in order.
    public var values: [SocketValue] { contents }

    /// The value of a member; nil when there is none. Assigning nil removes the member.
    public subscript(key: String) -> SocketValue? {
        get { place(of: key).map { contents[$0] } }
        set {
            guard let newValue else {
                if let place = place(of: key) { remove(at: place) }
                return
            }
            if let place = place(of: key) {
                contents[place] = newValue
            } else {
                names.append(key)
                contents.append(newValue)
                if names.count > Self.largestSearched { index(key) }
            }
        }
    }

    mutating func reserveCapacity(_ count: Int) {
        names.reserveCapacity(count)
        contents.reserveCapacity(count)
    }

    private func place(of key: String) -> Int? {
        guard names.count <= Self.largestSearched else { return places[ExactName(key)] }
        return names.firstIndex { $0.hasSameBytes(as: key) }
    }

    private mutating func index(_ key: String) {
        if places.isEmpty {
            for (place, name) in names.enumerated() { places[ExactName(name)] = place }
        } else {
            places[ExactName(key)] = names.count - 1
        }
    }

    private mutating func remove(at place: Int) {
        names.remove(at: place)
        contents.remove(at: place)
        places = [:]
        if names.count > Self.largestSearched { index("") }
    }
}

extension SocketObject: RandomAccessCollection {
    /// Always 0.
    public var startIndex: Int { 0 }

    /// How many members there are.
    public var endIndex: Int { names.count }

    /// The member at a place.
    public subscript(position: Int) -> Element { (names[position], contents[position]) }
}

extension SocketObject: Hashable {
    /// Whether both have the same members, in any order.
    public static func == (left: SocketObject, right: SocketObject) -> Bool {
        guard left.count == right.count else { return false }
        if left.names.elementsEqual(right.names, by: { $0.hasSameBytes(as: $1) }) {
            return left.contents == right.contents
        }
        return left.allSatisfy { right[$0.key] == $0.value }
    }

    /// Feeds the members into the hasher so that their order does not count.
    public func hash(into hasher: inout Hasher) {
        var combined = 0
        for member in self {
            var inner = Hasher()
            inner.combine(ExactName(member.key))
            inner.combine(member.value)
            combined ^= inner.finalize()
        }
        hasher.combine(count)
        hasher.combine(combined)
    }
}

extension SocketObject: ExpressibleByDictionaryLiteral {
    /// The members listed; the last one counts when a name repeats.
    public init(dictionaryLiteral elements: (String, SocketValue)...) {
        self.init(elements.map { (key: $0.0, value: $0.1) })
    }

    /// The members of a sequence in its order; the last one counts when a name repeats.
    public init(_ members: some Sequence<(key: String, value: SocketValue)>) {
        for member in members { self[member.key] = member.value }
    }
}
