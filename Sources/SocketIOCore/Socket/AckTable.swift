// Part of socketio-server, MIT licence; see LICENSE.

/// The acknowledgements one client still owes the server. It costs no memory beyond itself while there are none.
///
/// The owner draws the ids (one counter per namespace, protocol 3.10) and keeps the time. An acknowledgement with an id that
/// is not in the table is ignored by `take` returning nil, which covers answers that come twice, too late, or were never
/// asked for.
package struct AckTable<Handler> {
    package enum Registration: Equatable, Sendable {
        case registered
        /// `limit` acknowledgements are pending already.
        case tooManyPending
        /// The id is in use: the owner's counter went wrong.
        case duplicate
    }

    /// Not from a literal, for which the runtime looks up two types each time: every socket has a table.
    private var handlers = Dictionary<Int, Handler>()

    package init() {}

    package var count: Int { handlers.count }
    package var isEmpty: Bool { handlers.isEmpty }

    package func isPending(_ id: Int) -> Bool { handlers[id] != nil }

    /// - Parameter limit: the most acknowledgements that may be pending at once.
    package mutating func register(id: Int, limit: Int, handler: Handler) -> Registration {
        if handlers[id] != nil { return .duplicate }
        if handlers.count >= limit { return .tooManyPending }
        handlers[id] = handler
        return .registered
    }

    /// Removes and returns the handler waiting for `id`.
    package mutating func take(_ id: Int) -> Handler? { handlers.removeValue(forKey: id) }

    /// Empties the table at disconnection; the handlers come in the order of their ids.
    package mutating func failAll() -> [(id: Int, handler: Handler)] {
        let all = handlers.sorted { $0.key < $1.key }.map { (id: $0.key, handler: $0.value) }
        handlers = Dictionary()
        return all
    }
}

extension AckTable: Sendable where Handler: Sendable {}
