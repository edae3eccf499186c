// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
public import SocketIOCore

/// An error whose text is meant for clients. The texts of all other errors stay on the server.
public protocol ClientFacingError: Error {
    /// The text clients get as `message`.
    var message: String { get }
    /// More detail for clients; nil, the default, adds nothing.
    var data: SocketValue? { get }
}

extension ClientFacingError {
    /// No detail.
    public var data: SocketValue? { nil }
}

/// Refuses a connection: thrown by a middleware, received by the client's `connect_error` handler.
public struct ConnectError: ClientFacingError, Sendable {
    /// The `message` of the client's error.
    public let message: String
    /// The `data` of the client's error.
    public let data: SocketValue?

    /// A refusal with a text and, if the client is to know more, data.
    public init(_ message: String, data: SocketValue? = nil) {
        self.message = message
        self.data = data
    }
}

/// The failure of an event handler as the client may see it: thrown by handlers, sent as acknowledgement if one was
/// asked for (see ``ServerConfiguration/errorAcknowledgement``).
public struct EventError: ClientFacingError, Sendable {
    /// What went wrong.
    public let message: String
    /// More detail.
    public let data: SocketValue?

    /// A failure with a text and, if the client is to know more, data.
    public init(_ message: String, data: SocketValue? = nil) {
        self.message = message
        self.data = data
    }
}

/// Looks at each socket before it is connected; an error refuses it.
public typealias ConnectMiddleware = @Sendable (Socket) async throws -> Void

/// What an application does with each connected socket.
enum ConnectionHandler: Sendable {
    case synchronous(@Sendable (Socket) throws -> Void)
    case asynchronous(@Sendable (Socket) async throws -> Void)

    /// - Parameter core: the socket, where it lives.
    func run(_ core: SocketCore, _ socket: Socket) {
        let watch = core.client.shard.watch
        let outer = watch.begin()
        defer { if watch.end(outer) { core.heldLoop("connection") } }
        switch self {
        case .synchronous(let handler):
            do {
                try handler(socket)
            } catch {
                SocketSpan.current?.failed(error)
                socket.handlerFailed(error, event: "connection", responder: nil)
            }
        case .asynchronous(let handler):
            socket.handlerBegins()
            let span = socket.isTraced ? SocketSpan.current?.retained() : nil
            socket.running.start(socket) {
                do {
                    try await handler(socket)
                } catch {
                    span?.failed(error)
                    socket.handlerFailed(error, event: "connection", responder: nil)
                }
                span?.release()
                socket.handlerEnded()
            }
        }
    }
}

/// What an application has registered with a namespace, or with a parent for its children.
struct ConnectRegistration: Sendable {
    var middlewares: [ConnectMiddleware] = []
    var handlers: [ConnectionHandler] = []
    var slowClientPolicy: SlowClientPolicy?
    /// Whether the middlewares run for clients that continue their session, whatever the configuration says.
    var alwaysRunsMiddlewares = false
}
