// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// Names a registered listener, for its removal with `off`.
public struct ListenerID: Sendable, Hashable {
    private let value: UInt64

    private static let last = Atomic<UInt64>(0)

    private init(_ value: UInt64) {
        self.value = value
    }

    static func make() -> ListenerID {
        ListenerID(last.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}

/// What a handler is run with.
struct EventContext {
    let event: String
    let arguments: EventArguments
    let responder: AckResponder?
    let scope: any HandlerScope
}

/// Where handlers run and where their failures go: a socket, or a namespace for the events of other servers.
protocol HandlerScope: AnyObject, Sendable {
    /// Asynchronous handlers come back to it after every suspension.
    var executor: LoopExecutor { get }

    /// A handler has failed: counts it, logs it, tells the error hooks and the waiting client.
    func handlerFailed(_ error: any Error, event: String, responder: AckResponder?)
}

/// A handler whose parameter types have been closed over.
typealias EventHandler = @Sendable (EventContext) -> Void

/// Handlers by event name.
struct EventHandlers {
    private struct Entry {
        let id: ListenerID
        let isOnce: Bool
        let handler: EventHandler
    }

    /// Nearly every event has one handler; `others` then costs no allocation.
    private struct Slot {
        var first: Entry
        var others: [Entry] = []

        var all: [Entry] { [first] + others }
    }

    private var slots: [String: Slot] = [:]

    /// The events that have handlers.
    var names: [String] { Array(slots.keys) }

    func count(of event: String) -> Int {
        slots[event].map { 1 + $0.others.count } ?? 0
    }

    mutating func add(_ event: String, id: ListenerID, isOnce: Bool, _ handler: @escaping EventHandler) {
        let entry = Entry(id: id, isOnce: isOnce, handler: handler)
        if slots[event]?.others.append(entry) == nil {
            slots[event] = Slot(first: entry)
        }
    }

    mutating func remove(_ event: String, id: ListenerID) {
        guard let slot = slots[event] else { return }
        let rest = slot.all.filter { $0.id != id }
        guard let first = rest.first else {
            slots[event] = nil
            return
        }
        slots[event] = Slot(first: first, others: Array(rest.dropFirst()))
    }

    mutating func removeAll(_ event: String? = nil) {
        if let event {
            slots[event] = nil
        } else {
            slots = [:]
        }
    }

    /// The handlers to run now for `event`, in order; those registered for one time are removed.
    ///
    /// `body` gets each handler after the table is in its final state, so handlers may change it.
    mutating func take(_ event: String) -> Taken {
        guard let slot = slots[event] else { return .none }
        if slot.others.isEmpty {
            if slot.first.isOnce { slots[event] = nil }
            return .one(slot.first.handler)
        }
        let all = slot.all
        let rest = all.filter { !$0.isOnce }
        if rest.count < all.count {
            slots[event] = rest.first.map { Slot(first: $0, others: Array(rest.dropFirst())) }
        }
        return .many(all.map(\.handler))
    }

    /// The handlers of one event.
    enum Taken {
        case none
        case one(EventHandler)
        case many([EventHandler])

        func run(_ context: EventContext) {
            switch self {
            case .none: return
            case .one(let handler): handler(context)
            case .many(let handlers): for handler in handlers { handler(context) }
            }
        }
    }
}
