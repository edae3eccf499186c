// Part of socketio-server, MIT licence; see LICENSE.

/// A list that mostly has one element, which then needs no memory of its own: the room of a socket's id, the namespace of
/// a client.
///
/// `@inlinable`, or it would not be specialised in other modules.
@usableFromInline
package enum ShortList<Element> {
    case none
    case one(Element)
    /// As many as there are: also one or none, when others have gone.
    case many([Element])

    @inlinable
    package init() { self = .none }

    @inlinable
    package var count: Int {
        switch self {
        case .none: 0
        case .one: 1
        case .many(let elements): elements.count
        }
    }

    @inlinable
    package var isEmpty: Bool { count == 0 }

    @inlinable
    package var indices: Range<Int> { 0..<count }

    /// The index must be in the list.
    @inlinable
    package subscript(index: Int) -> Element {
        get {
            switch self {
            case .one(let element) where index == 0: return element
            case .many(let elements): return elements[index]
            case .none, .one: preconditionFailure("an index of the list")
            }
        }
        set {
            switch self {
            case .one where index == 0:
                self = .one(newValue)
            case .many(var elements):
                // Nobody else may hold the array while it changes, or it would be copied.
                self = .none
                elements[index] = newValue
                self = .many(elements)
            case .none, .one:
                preconditionFailure("an index of the list")
            }
        }
    }

    @inlinable
    package mutating func append(_ element: Element) {
        switch self {
        case .none:
            self = .one(element)
        case .one(let first):
            self = .many([first, element])
        case .many(var elements):
            self = .none
            elements.append(element)
            self = .many(elements)
        }
    }

    /// The list must not be empty. Its memory is given back with its last element.
    @inlinable
    package mutating func removeLast() {
        guard case .many(var elements) = self else {
            precondition(!isEmpty, "an element to remove")
            self = .none
            return
        }
        self = .none
        elements.removeLast()
        if !elements.isEmpty { self = .many(elements) }
    }

    /// Calls `body` with each element in order.
    @inlinable
    @inline(__always)
    package func forEach(_ body: (Element) throws -> Void) rethrows {
        switch self {
        case .none: break
        case .one(let element): try body(element)
        case .many(let elements): for element in elements { try body(element) }
        }
    }

    @inlinable
    package func firstIndex(where predicate: (Element) throws -> Bool) rethrows -> Int? {
        switch self {
        case .none: return nil
        case .one(let element): return try predicate(element) ? 0 : nil
        case .many(let elements): return try elements.firstIndex(where: predicate)
        }
    }

    /// All elements.
    @inlinable
    package var array: [Element] {
        switch self {
        case .none: []
        case .one(let element): [element]
        case .many(let elements): elements
        }
    }
}

extension ShortList: Sendable where Element: Sendable {}
