// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOHTTP1
internal import SocketIOCore
internal import Tracing

/// Makes the spans of a server, see ``ServerConfiguration/tracer``.
///
/// The names of spans come from the application: an event without a handler has none. Clients choose the names of dynamic namespaces,
/// which are bounded by ``ServerConfiguration/maxNameLength``, and may send the headers of a trace.
struct ServerTracing: Sendable {
    let tracer: any Tracer

    /// A client joins a namespace: its middlewares and connection handlers. Belongs to the trace that the headers of the first
    /// request name.
    func connecting(_ socket: Socket) -> SocketSpan {
        var parent = ServiceContext.topLevel
        tracer.extract(socket.handshake.headers, into: &parent, using: HeaderExtractor())
        return span("connect", .server, of: socket, parent)
    }

    /// Runs the handlers of an event.
    func event(_ event: String, of socket: Socket, _ handlers: () -> Void) {
        span("process \(event)", .consumer, of: socket, .topLevel).run(handlers)
    }

    private func span(
        _ name: String, _ kind: SpanKind, of socket: Socket, _ parent: ServiceContext
    ) -> SocketSpan {
        let span = tracer.startSpan(name, context: parent, ofKind: kind)
        span.attributes["messaging.system"] = "socket.io"
        span.attributes["messaging.destination.name"] = socket.namespace.name
        span.attributes["messaging.client.id"] = socket.id
        return SocketSpan(span)
    }

    /// Finds the values of a trace, such as `traceparent`, in headers.
    private struct HeaderExtractor: Extractor {
        func extract(key: String, from headers: HTTPHeaders) -> String? { headers.first(name: key) }
    }
}
