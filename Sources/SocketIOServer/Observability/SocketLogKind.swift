// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore

/// The log lines of this layer that a peer can cause.
enum SocketLogKind: String, LogKind {
    case eventFailed = "An event of a socket failed"
    case eventInvalid = "An event of a socket is not what its handler takes"
    case argumentsInvalid = "The arguments of an event do not fit its handler"
    case listenerIgnored = "A listener will never be called"
    case joinRefused = "A join was refused"
    case middlewareFailed = "A middleware failed with an error that is not meant for clients"
    case matcherFailed = "The matcher of a dynamic namespace failed"
    case eventNotSent = "An event was not sent"
    case serverEventFailed = "A handler of a server event failed"
    case nobodyElse = "serverSideEmit reaches no server: the in-memory adapter knows no other one"
    case adapterNotStarted = "The adapter could not be started"
    case handlersCancelled = "Handlers were cancelled: they ran longer than the server waits for them at its end"
    case handlersLeft = "Handlers go on although they were cancelled; their event loops go on with them"
    case closingHandlersLeft = "The handler that closed the server has not ended; run() does not wait longer for it"
    case overRate = "A client goes over a rate"
    case overLimit = "a client exceeded a limit and was refused"
    case historyUnread = "Missed events of a room cannot be read from its history yet"
    case historyIncomplete = "Events of a room were missed, and its history does not have them any more"
    case historyRejected = "Announced events of a room were rejected: their numbers are too far above its newest one"
    case manyHandlers = "The server does not read from a client: too many handlers run for it"

    /// Longer for a condition that persists until its cause is removed.
    var interval: TimeAmount {
        switch self {
        case .overRate, .overLimit, .manyHandlers: .seconds(10)
        default: .seconds(1)
        }
    }
}
