// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// Identifies a registered handler or listener; `off` and similar calls remove it by its id.
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

/// The event with which a handler runs. It exists only while the event is dispatched and therefore cannot be copied: asynchronous
/// handlers take out what they need for longer.
struct EventDispatch: ~Copyable {
    let event: String
    let arguments: EventArguments
    var responder: AckResponder?
    /// Not reference-counted: the scope dispatches the event, and lives at least until the dispatch has returned.
    unowned(unsafe) let scope: any HandlerScope

    /// Runs a synchronous handler, or the decoding before an asynchronous one. An error goes to the scope.
    @inline(__always)
    borrowing func attempt(_ work: () throws -> Void) {
        do {
            try work()
        } catch {
            SocketSpan.current?.failed(error)
            scope.handlerFailed(error, event: event, responder: responder)
        }
    }

    /// Starts an asynchronous handler, which may use the responder. An error goes to the scope.
    @inline(__always)
    borrowing func start(_ work: @escaping @Sendable (AckResponder?) async throws -> Void) {
        let scope: any HandlerScope = scope
        let (event, responder) = (event, responder)
        let asker = scope.asker
        let span = scope.isTraced ? SocketSpan.current?.retained() : nil
        scope.handlerBegins()
        scope.running.start(scope) {
            do {
                if let asker {
                    try await Questions.$asker.withValue(asker) { try await work(responder) }
                } else {
                    try await work(responder)
                }
            } catch {
                span?.failed(error)
                scope.handlerFailed(error, event: event, responder: responder)
            }
            span?.release()
            scope.handlerEnded()
        }
    }
}

/// The owner of handlers, which gets their errors: a socket, or a namespace for the events of other servers.
protocol HandlerScope: AnyObject, Sendable {
    /// The list of the asynchronous handlers that are running.
    var running: RunningHandlers { get }

    /// An asynchronous handler of the scope is about to begin.
    func handlerBegins()

    /// An asynchronous handler of the scope has ended. From any thread.
    func handlerEnded()

    /// The socket to which questions to other servers are charged; nil when they are not counted.
    var asker: Socket? { get }

    /// Whether the events of the scope have spans.
    var isTraced: Bool { get }

    /// A handler has failed: counts it, logs it, tells the error hooks and the waiting client. From any thread.
    func handlerFailed(_ error: any Error, event: String, responder: AckResponder?)
}

/// A handler whose parameter types have been closed over.
///
/// Every socket has one such object for each of its handlers, so it holds only the application's closure. The class knows the types,
/// and a ``SharedHandlerLayout`` has what is the same for many sockets.
///
/// Synchronous handlers run where the event is dispatched, on the socket's event loop. Asynchronous ones start there
/// too, before the dispatch returns, so events reach handlers in the order of their arrival. At its first suspension a
/// handler leaves the loop, and goes on where Swift runs asynchronous functions.
///
/// The objects never change.
protocol EventHandler: AnyObject, Sendable {
    var id: ListenerID { get }

    /// How the handler's parameters are filled. Asked for once for all handlers of a shape.
    var plan: ArgumentPlan { get }

    /// Runs the handler, or starts it.
    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan)
}
