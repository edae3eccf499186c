// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore

/// The handlers of a socket, found by the name of the event.
///
/// They are in one flat list, and a ``SharedHandlerLayout`` has their names. Every socket has such a list, and a table would take
/// several times the memory. The shape is searched by a hash of the name; with a hundred handlers this costs no more than a look-up
/// in a table.
struct EventHandlers {
    private var shape: SharedHandlerLayout
    /// In the order of their registration; each belongs to the entry at the same place of the shape.
    private var handlers: [any EventHandler] = []

    /// - Parameter shape: the shape without handlers.
    init(_ shape: SharedHandlerLayout) {
        self.shape = shape
    }

    /// The events that have handlers.
    var names: [String] {
        var known: NameSet = []
        return shape.entries.map(\.event).filter { known.insert($0).inserted }
    }

    func count(of event: String) -> Int { ids(of: event).count }

    /// The handlers of an event.
    func ids(of event: String) -> [ListenerID] {
        let hash = SharedHandlerLayout.hash(event)
        return handlers.indices.filter { shape.entries[$0].names(event, hash: hash) }.map { handlers[$0].id }
    }

    mutating func add(_ event: String, isOnce: Bool, _ handler: any EventHandler) {
        shape = shape.adding(SharedHandlerLayout.Entry(event, isOnce: isOnce, handler.plan))
        // Most sockets have a handful: room for exactly these, rather than for twice as many.
        if handlers.count < 8 { handlers.reserveCapacity(handlers.count + 1) }
        handlers.append(handler)
    }

    mutating func remove(_ event: String, id: ListenerID) {
        remove { entry, handler in handler.id == id && entry.event.hasSameBytes(as: event) }
    }

    mutating func removeAll(_ event: String) {
        remove { entry, _ in entry.event.hasSameBytes(as: event) }
    }

    private mutating func remove(where isGone: (SharedHandlerLayout.Entry, any EventHandler) -> Bool) {
        let kept = handlers.indices.filter { !isGone(shape.entries[$0], handlers[$0]) }
        guard kept.count < handlers.count else { return }
        handlers = kept.map { handlers[$0] }
        shape = shape.keeping(kept)
    }

    /// Returns the handlers to run now for `event`, in order, and removes those of `once`.
    ///
    /// The table is in its final state when this returns, so handlers may change it.
    mutating func take(_ event: String) -> Match {
        let hash = SharedHandlerLayout.hash(event)
        let entries = shape.entries
        var match = Match.none
        var isAnyOnce = false
        for index in entries.indices where entries[index].names(event, hash: hash) {
            isAnyOnce = isAnyOnce || entries[index].isOnce
            let next = Planned(handler: handlers[index], plan: entries[index].plan)
            switch match {
            case .none: match = .one(next)
            case .one(let first): match = .many([first, next])
            case .many(let all): match = .many(all + [next])
            }
        }
        if isAnyOnce { remove { entry, _ in entry.isOnce && entry.names(event, hash: hash) } }
        return match
    }

    /// Returns the handler of an event that has exactly one, and keeps it, as nearly all events do. Nil for other events, for which
    /// `take` is used. It makes no string of the name.
    ///
    /// Inlined, so that the lists need not be counted for the call.
    /// - Parameter name: the name of the event, if it is short and plain.
    @inline(__always)
    func uniqueHandler(_ event: borrowing PacketPayload, name: ShortName?) -> UniqueHandler? {
        guard let place = if let name { shape.uniquePlace(of: name) } else { shape.uniquePlace(of: event) } else {
            return nil
        }
        return UniqueHandler(handler: handlers[place], event: shape.event(at: place), plan: shape.plan(at: place))
    }

    /// The result of `uniqueHandler`.
    struct UniqueHandler {
        let handler: any EventHandler
        let event: String
        let plan: ArgumentPlan
    }

    /// A handler and the plan of its parameters.
    struct Planned {
        let handler: any EventHandler
        let plan: ArgumentPlan

        func run(_ context: borrowing EventDispatch) { handler.run(context, plan) }
    }

    /// The handlers of one event.
    enum Match {
        case none
        case one(Planned)
        case many([Planned])

        func run(_ context: borrowing EventDispatch) {
            switch self {
            case .none: return
            case .one(let handler): handler.run(context)
            case .many(let handlers): for handler in handlers { handler.run(context) }
            }
        }
    }
}
