// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
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
/// One flat list, since every socket has its own: a table would take several times the memory. It is searched by a hash of
/// the name, which costs no more than a look-up in a table would with a hundred handlers.
struct EventHandlers {
    private struct Entry {
        let hash: UInt32
        let isOnce: Bool
        let id: ListenerID
        let event: String
        let handler: EventHandler

        func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
            let isEqual = event.utf8.withContiguousStorageIfAvailable { utf8 in
                guard utf8.count == name.count else { return false }
                for index in 0..<name.count where utf8[index] != name[index] { return false }
                return true
            }
            return isEqual ?? event.utf8.elementsEqual(name)
        }
    }

    /// In the order of their registration.
    private var entries: [Entry] = []

    /// The events that have handlers.
    var names: [String] {
        var known: Set<String> = []
        return entries.map(\.event).filter { known.insert($0).inserted }
    }

    func count(of event: String) -> Int {
        let hash = Self.hash(event)
        return entries.count { $0.hash == hash && $0.event == event }
    }

    mutating func add(_ event: String, id: ListenerID, isOnce: Bool, _ handler: @escaping EventHandler) {
        // Most sockets have a handful: room for exactly these, rather than for twice as many.
        if entries.count < 8 { entries.reserveCapacity(entries.count + 1) }
        entries.append(Entry(hash: Self.hash(event), isOnce: isOnce, id: id, event: event, handler: handler))
    }

    mutating func remove(_ event: String, id: ListenerID) {
        entries.removeAll { $0.id == id && $0.event == event }
    }

    mutating func removeAll(_ event: String? = nil) {
        if let event {
            entries.removeAll { $0.event == event }
        } else {
            entries = []
        }
    }

    /// The handlers to run now for `event`, in order; those registered for one time are removed.
    ///
    /// The table is in its final state when this returns, so handlers may change it.
    mutating func take(_ event: String) -> Taken {
        let hash = Self.hash(event)
        var taken = Taken.none
        var isAnyOnce = false
        for entry in entries where entry.hash == hash && entry.event == event {
            isAnyOnce = isAnyOnce || entry.isOnce
            switch taken {
            case .none: taken = .one(entry.handler)
            case .one(let first): taken = .many([first, entry.handler])
            case .many(let all): taken = .many(all + [entry.handler])
            }
        }
        if isAnyOnce { entries.removeAll { $0.isOnce && $0.hash == hash && $0.event == event } }
        return taken
    }

    /// The handler of an event that has one and keeps it, as nearly all have; nil for others, which `take` is for. No string
    /// is made of the name.
    func sole(_ event: PacketPayload) -> Sole? {
        var sole: Sole?
        event.withPlainName { name in
            let hash = Self.hash(name)
            var found: Int?
            for index in entries.indices where entries[index].hash == hash {
                guard found == nil, !entries[index].isOnce, entries[index].isNamed(name) else { return }
                found = index
            }
            if let found { sole = Sole(event: entries[found].event, handler: entries[found].handler) }
        }
        return sole
    }

    /// What `sole` finds.
    struct Sole {
        let event: String
        let handler: EventHandler
    }

    /// FNV-1a. Only what the application registered is compared with it, so a client gains nothing by collisions.
    private static func hash(_ name: UnsafeRawBufferPointer) -> UInt32 {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return hash
    }

    private static func hash(_ event: String) -> UInt32 {
        var event = event
        return event.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
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
