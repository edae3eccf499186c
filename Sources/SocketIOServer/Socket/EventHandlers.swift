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
///
/// A socket listens to a few events: comparing their names costs less than hashing one, and an array less memory than a
/// dictionary.
struct EventHandlers {
    private struct Entry {
        let id: ListenerID
        let isOnce: Bool
        let handler: EventHandler
    }

    /// Nearly every event has one handler; `others` then costs no allocation.
    private struct Slot {
        let event: String
        var first: Entry
        var others: [Entry] = []

        var all: [Entry] { [first] + others }
    }

    /// With more events than this they are looked up in `index`.
    private static let longestScan = 16

    private var slots: [Slot] = []
    private var index: [String: Int] = [:]

    /// The events that have handlers.
    var names: [String] { slots.map(\.event) }

    func count(of event: String) -> Int {
        find(event).map { 1 + slots[$0].others.count } ?? 0
    }

    mutating func add(_ event: String, id: ListenerID, isOnce: Bool, _ handler: @escaping EventHandler) {
        let entry = Entry(id: id, isOnce: isOnce, handler: handler)
        if let place = find(event) {
            slots[place].others.append(entry)
            return
        }
        slots.append(Slot(event: event, first: entry))
        if !index.isEmpty {
            index[event] = slots.count - 1
        } else if slots.count > Self.longestScan {
            for (place, slot) in slots.enumerated() { index[slot.event] = place }
        }
    }

    mutating func remove(_ event: String, id: ListenerID) {
        guard let place = find(event) else { return }
        set(slots[place].all.filter { $0.id != id }, at: place)
    }

    mutating func removeAll(_ event: String? = nil) {
        guard let event else {
            self = EventHandlers()
            return
        }
        if let place = find(event) { set([], at: place) }
    }

    /// The handlers to run now for `event`, in order; those registered for one time are removed.
    ///
    /// `body` gets each handler after the table is in its final state, so handlers may change it.
    mutating func take(_ event: String) -> Taken {
        guard let place = find(event) else { return .none }
        if slots[place].others.isEmpty {
            let first = slots[place].first
            if first.isOnce { set([], at: place) }
            return .one(first.handler)
        }
        let all = slots[place].all
        let rest = all.filter { !$0.isOnce }
        if rest.count < all.count { set(rest, at: place) }
        return .many(all.map(\.handler))
    }

    private func find(_ event: String) -> Int? {
        guard index.isEmpty else { return index[event] }
        for place in slots.indices where slots[place].event == event { return place }
        return nil
    }

    /// Gives an event other handlers; without any it is forgotten, and the last event takes its place.
    private mutating func set(_ entries: [Entry], at place: Int) {
        let event = slots[place].event
        if let first = entries.first {
            slots[place] = Slot(event: event, first: first, others: Array(entries.dropFirst()))
            return
        }
        let last = slots.removeLast()
        if place < slots.count { slots[place] = last }
        guard !index.isEmpty else { return }
        index[event] = nil
        if place < slots.count { index[last.event] = place }
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
