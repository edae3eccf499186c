// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOConcurrencyHelpers

/// The listeners of a namespace for events of other servers.
final class ServerEvents: HandlerScope {
    let running: RunningHandlers
    /// Events of servers are in nobody's name.
    var asker: Socket? { nil }
    private let namespace: String
    private let context: ServerContext
    private let handlers = NIOLockedValueBox(EventHandlers(HandlerShape()))

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
        handlers.withLockedValue { $0.add(event, isOnce: isOnce, handler) }
        return handler.id
    }

    func remove(_ event: String, id: ListenerID?) {
        handlers.withLockedValue { handlers in
            if let id { handlers.remove(event, id: id) } else { handlers.removeAll(event) }
        }
    }

    var names: [String] { handlers.withLockedValue { $0.names } }

    func ids(of event: String) -> [ListenerID] { handlers.withLockedValue { $0.ids(of: event) } }

    func deliver(
        _ event: String, _ arguments: EventArguments, answer: (@Sendable (Result<EventArguments, any Error>) -> Void)?
    ) {
        let taken = handlers.withLockedValue { $0.take(event) }
        let responder = answer.map { AckResponder(.server($0)) }
        taken.run(EventContext(event: event, arguments: arguments, responder: responder, scope: self))
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
