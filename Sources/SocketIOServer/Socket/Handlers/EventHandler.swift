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

/// What a handler is run with. It ends with the dispatch of its event, which is why it cannot be copied: asynchronous
/// handlers take from it what they need for longer.
struct EventDispatch: ~Copyable {
    let event: String
    let arguments: EventArguments
    var responder: AckResponder?
    /// Not counted: it is the scope that dispatches, and lives at least until that has returned.
    unowned(unsafe) let scope: any HandlerScope

    /// Runs a synchronous handler, or what comes before an asynchronous one. A failure goes to the scope.
    @inline(__always)
    borrowing func attempt(_ work: () throws -> Void) {
        do {
            try work()
        } catch {
            scope.handlerFailed(error, event: event, responder: responder)
        }
    }

    /// Starts an asynchronous handler, which may use the responder. A failure goes to the scope.
    @inline(__always)
    borrowing func start(_ work: @escaping @Sendable (AckResponder?) async throws -> Void) {
        let scope: any HandlerScope = scope
        let (event, responder) = (event, responder)
        let asker = scope.asker
        scope.handlerBegins()
        scope.running.start(scope) {
            do {
                if let asker {
                    try await Questions.$asker.withValue(asker) { try await work(responder) }
                } else {
                    try await work(responder)
                }
            } catch {
                scope.handlerFailed(error, event: event, responder: responder)
            }
            scope.handlerEnded()
        }
    }
}

/// Where handlers run and where their failures go: a socket, or a namespace for the events of other servers.
protocol HandlerScope: AnyObject, Sendable {
    /// Where the asynchronous ones are known while they run.
    var running: RunningHandlers { get }

    /// An asynchronous handler of the scope is about to begin.
    func handlerBegins()

    /// It has ended. From any thread.
    func handlerEnded()

    /// Whose questions to other servers are counted; nil where they are not.
    var asker: Socket? { get }

    /// A handler has failed: counts it, logs it, tells the error hooks and the waiting client. From any thread.
    func handlerFailed(_ error: any Error, event: String, responder: AckResponder?)
}

/// A handler whose parameter types have been closed over.
///
/// Every socket has one object for each of its handlers, so that holds the application's closure and nothing else: the
/// class knows the types, and what else is the same for many sockets is in a ``SharedHandlerLayout``.
///
/// Synchronous handlers run where the event is dispatched, on the socket's event loop. Asynchronous ones start there
/// too, before the dispatch returns, so events reach handlers in the order of their arrival. At its first suspension a
/// handler leaves the loop, and goes on where Swift runs asynchronous functions.
///
/// None of them has anything that changes.
protocol EventHandler: AnyObject, Sendable {
    var id: ListenerID { get }

    /// How the handler's parameters are filled. Asked for once for all handlers of a shape.
    var plan: ArgumentPlan { get }

    /// Runs the handler, or starts it.
    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan)
}
