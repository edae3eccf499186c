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
///
/// Every socket has one object for each of its handlers, so that holds the application's closure and nothing else: the
/// subclass knows the types, and what else is the same for many sockets is in a ``HandlerShape``.
///
/// Synchronous handlers run where the event is dispatched, on the socket's event loop. Asynchronous ones start there
/// too, before the dispatch returns, and are left alone at their first suspension: events reach handlers in the order
/// of their arrival up to the first `await`.
///
/// `@unchecked Sendable`, because a class with subclasses cannot be checked; none of them has anything that changes.
class EventHandler: @unchecked Sendable {
    let id = ListenerID.make()

    /// How the handler's parameters are filled. Asked for once for all handlers of a shape.
    var plan: ArgumentPlan { ArgumentPlan() }

    /// Runs the handler, or starts it.
    func run(_ context: EventContext, _ plan: ArgumentPlan) {
        preconditionFailure("every kind of handler runs in its own way")
    }
}
