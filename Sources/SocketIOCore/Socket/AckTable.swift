// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The acknowledgements one socket still owes the server.
///
/// The owner draws the ids (one counter per namespace, spec 3.10) and keeps the time: the table only says which deadline
/// comes first. An acknowledgement with an id that is not in the table is ignored by `take` returning nil, which covers
/// answers that come twice, too late, or were never asked for.
package struct AckTable<Handler> {
    package enum Registration: Equatable, Sendable {
        case registered
        /// `limit` acknowledgements are pending already.
        case tooManyPending
        /// The id is in use: the owner's counter went wrong.
        case duplicate
    }

    struct Entry {
        var deadline: NIODeadline?
        var handler: Handler
    }

    /// The most acknowledgements that may be pending at once.
    package let limit: Int
    private var entries: [Int: Entry] = [:]
    private var earliest = NIODeadline.distantFuture

    package init(limit: Int = 1024) {
        self.limit = limit
    }

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }

    /// When `expire` is due next; nil while no entry has a deadline. It may be earlier than needed, never later.
    package var nextDeadline: NIODeadline? { earliest == .distantFuture ? nil : earliest }

    package func isPending(_ id: Int) -> Bool { entries[id] != nil }

    package mutating func register(id: Int, deadline: NIODeadline?, handler: Handler) -> Registration {
        if entries[id] != nil { return .duplicate }
        if entries.count >= limit { return .tooManyPending }
        entries[id] = Entry(deadline: deadline, handler: handler)
        if let deadline { earliest = min(earliest, deadline) }
        return .registered
    }

    /// Removes and returns the handler waiting for `id`.
    package mutating func take(_ id: Int) -> Handler? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if entries.isEmpty { earliest = .distantFuture }
        return entry.handler
    }

    /// Removes and returns every handler whose deadline is not after `now`, earliest first.
    package mutating func expire(at now: NIODeadline) -> [(id: Int, handler: Handler)] {
        guard earliest <= now else { return [] }
        var due: [(deadline: NIODeadline, id: Int)] = []
        var next = NIODeadline.distantFuture
        for (id, entry) in entries {
            guard let deadline = entry.deadline else { continue }
            if deadline <= now {
                due.append((deadline, id))
            } else {
                next = min(next, deadline)
            }
        }
        self.earliest = next
        due.sort { ($0.deadline, $0.id) < ($1.deadline, $1.id) }
        return due.compactMap { item in
            entries.removeValue(forKey: item.id).map { (item.id, $0.handler) }
        }
    }

    /// Empties the table at disconnection; the handlers come in the order of their ids.
    package mutating func failAll() -> [(id: Int, handler: Handler)] {
        let all = entries.sorted { $0.key < $1.key }.map { (id: $0.key, handler: $0.value.handler) }
        entries = [:]
        earliest = .distantFuture
        return all
    }
}

extension AckTable: Sendable where Handler: Sendable {}
extension AckTable.Entry: Sendable where Handler: Sendable {}
