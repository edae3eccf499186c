// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOConcurrencyHelpers

/// The listeners of a namespace for events of other servers.
final class ServerEvents: HandlerScope {
    let running: RunningHandlers
    /// Events of servers belong to no client, so no client's rate is charged.
    var asker: Socket? { nil }
    /// The span of the call is on the other server.
    var isTraced: Bool { false }
    private let namespace: String
    private let context: ServerContext
    /// In the order in which they were registered.
    private let handlers = NIOLockedValueBox<[Registered]>([])

    /// A handler and its event. There are few, and each namespace has its own names, so they need no ``SharedHandlerLayout``.
    private struct Registered {
        let entry: SharedHandlerLayout.Entry
        let handler: any EventHandler
    }

    init(namespace: String, context: ServerContext, home: ShardContext) {
        self.namespace = namespace
        self.context = context
        self.running = home.running
    }

    func add(_ event: String, isOnce: Bool, _ handler: any EventHandler) -> ListenerID {
        // No server sends these: the caller means the connections of sockets.
        if ReservedEventNames.containsForServers(event) {
            let error = SocketError(
                .reservedEventName,
                "\(SocketError.reserved(event).message): use onConnection(_:), or onNewNamespace(_:) of the server")
            context.log.log(.listenerIgnored, level: .error, LogMetadata.namespace(namespace, error: error))
        }
        let registered = Registered(
            entry: SharedHandlerLayout.Entry(event, isOnce: isOnce, handler.plan), handler: handler)
        handlers.withLockedValue { $0.append(registered) }
        return handler.id
    }

    func remove(_ event: String, id: ListenerID?) {
        handlers.withLockedValue { all in
            all.removeAll { $0.entry.event.hasSameBytes(as: event) && (id == nil || $0.handler.id == id) }
        }
    }

    var names: [String] {
        var known: NameSet = []
        return handlers.withLockedValue { $0.map(\.entry.event) }.filter { known.insert($0).inserted }
    }

    func ids(of event: String) -> [ListenerID] {
        handlers.withLockedValue { all in
            all.filter { $0.entry.event.hasSameBytes(as: event) }.map(\.handler.id)
        }
    }

    /// The handlers to run now; those registered for one time are removed.
    private func take(_ event: String) -> EventHandlers.Match {
        let found = handlers.withLockedValue { all in
            let found = all.filter { $0.entry.event.hasSameBytes(as: event) }
            if found.contains(where: \.entry.isOnce) {
                all.removeAll { $0.entry.isOnce && $0.entry.event.hasSameBytes(as: event) }
            }
            return found
        }
        return .many(found.map { EventHandlers.Planned(handler: $0.handler, plan: $0.entry.plan) })
    }

    func deliver(
        _ event: String, _ arguments: EventArguments, answer: (@Sendable (Result<EventArguments, any Error>) -> Void)?
    ) {
        let match = take(event)
        let responder = answer.map { AckResponder(.server($0)) }
        match.run(EventDispatch(event: event, arguments: arguments, responder: responder, scope: self))
    }

    /// Their number is not limited here: other servers are trusted.
    func handlerBegins() {}

    func handlerEnded() {}

    func handlerFailed(_ error: any Error, event: String, responder: AckResponder?) {
        context.metrics.handlerFailures.increment()
        context.log.log(
            .serverEventFailed, LogMetadata.event(event, LogMetadata.namespace(namespace, error: error), error))
        if let answer = context.configuration.errorAcknowledgement(error) { responder?.respond(answer) }
    }
}
