// Part of socketio-server, MIT licence; see LICENSE.

/// A set of names, such as the rooms of a socket, in no particular order.
///
/// Its elements are strings, and you use it like `Set<String>`, with one difference: two names are the same when their
/// UTF-8 bytes are. A `Set<String>` treats `caf\u{e9}` and `cafe\u{301}` as one name, and needs time that grows with
/// the square of the length for a name of many combining marks.
///
/// ```swift
/// socket.rooms.contains("lobby")
/// for room in socket.rooms { … }
/// let others = try await io.allSockets().subtracting([socket.id])
/// ```
public struct NameSet: Sendable, Hashable {
    private var names: Set<ExactName>

    private init(names: Set<ExactName>) {
        self.names = names
    }

    /// No names.
    public init() {
        names = []
    }

    /// The names of a sequence, each once.
    public init(_ names: some Sequence<String>) {
        self.names = Set(names.lazy.map { ExactName($0) })
    }

    /// The names in the order of their bytes, which for ASCII letters is alphabetical.
    public func sorted() -> [String] { map { $0 }.sortedByBytes() }

    /// Removes all names.
    package mutating func removeAll() { names = [] }
}

extension NameSet: Collection {
    /// A place in the set.
    public struct Index: Comparable, Sendable {
        fileprivate let place: Set<ExactName>.Index

        /// In the order of the collection.
        public static func < (left: Index, right: Index) -> Bool { left.place < right.place }
    }

    /// The first place.
    public var startIndex: Index { Index(place: names.startIndex) }

    /// The place after the last one.
    public var endIndex: Index { Index(place: names.endIndex) }

    /// How many names there are. Takes constant time.
    public var count: Int { names.count }

    /// Whether there are none.
    public var isEmpty: Bool { names.isEmpty }

    /// The place after another one, which must not be the end.
    public func index(after place: Index) -> Index { Index(place: names.index(after: place.place)) }

    /// The name at a place, which must not be the end.
    public subscript(place: Index) -> String { names[place.place].text }
}

extension NameSet: SetAlgebra {
    /// The names listed.
    public init(arrayLiteral elements: String...) { self.init(elements) }

    /// Whether a name with the same bytes is in the set. Takes constant time for names of bounded length.
    public func contains(_ name: String) -> Bool { names.contains(ExactName(name)) }

    /// The names of either set.
    public func union(_ other: NameSet) -> NameSet { NameSet(names: names.union(other.names)) }

    /// The names of both sets.
    public func intersection(_ other: NameSet) -> NameSet { NameSet(names: names.intersection(other.names)) }

    /// The names of one of the sets only.
    public func symmetricDifference(_ other: NameSet) -> NameSet {
        NameSet(names: names.symmetricDifference(other.names))
    }

    /// Adds the names of another set.
    public mutating func formUnion(_ other: NameSet) { names.formUnion(other.names) }

    /// Removes the names that are not in another set.
    public mutating func formIntersection(_ other: NameSet) { names.formIntersection(other.names) }

    /// Keeps the names of one of the sets only.
    public mutating func formSymmetricDifference(_ other: NameSet) { names.formSymmetricDifference(other.names) }

    /// Adds a name.
    @discardableResult
    public mutating func insert(_ name: String) -> (inserted: Bool, memberAfterInsert: String) {
        let (inserted, member) = names.insert(ExactName(name))
        return (inserted, member.text)
    }

    /// Removes a name, and returns it if it was there.
    @discardableResult
    public mutating func remove(_ name: String) -> String? { names.remove(ExactName(name))?.text }

    /// Adds a name, and returns the one that it replaced.
    @discardableResult
    public mutating func update(with name: String) -> String? { names.update(with: ExactName(name))?.text }
}

extension NameSet: CustomStringConvertible {
    /// The names in order, as those of an array.
    public var description: String { sorted().description }
}
