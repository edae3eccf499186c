// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore
public import NIOHTTP1

/// Why an application's answer could not be written.
public enum ApplicationResponseError: Error, Sendable, Equatable {
    /// The client has disconnected, or the server has given up the request.
    case connectionClosed
    /// The head was written twice, or the answer was already finished.
    case alreadyWritten
    /// Body bytes came before the head.
    case headMissing
    /// The application wrote more body bytes than `Content-Length` announces.
    case tooMuchBody
}

/// Writes the answer to one application request: the head, then pieces of the body, then the end.
///
/// May be called from any thread, but by one task at a time. `write` returns when the client has taken enough of the
/// earlier bytes that more can be written. Without `Content-Length` the body is sent chunked; for HEAD, 204 and 304
/// body bytes are dropped.
public final class ApplicationResponseWriter: Sendable {
    private let eventLoop: any EventLoop
    private let answer: NIOLoopBound<ApplicationAnswer>

    init(answer: NIOLoopBound<ApplicationAnswer>, eventLoop: any EventLoop) {
        self.answer = answer
        self.eventLoop = eventLoop
    }

    /// Sets status and headers. They leave together with the first piece of the body, or with the end.
    public func writeHead(status: HTTPResponseStatus, headers: HTTPHeaders = [:]) async throws {
        try await eventLoop.submit { [answer] in
            try answer.value.writeHead(status: status, headers: headers)
        }.get()
    }

    /// Sends a piece of the body.
    public func write(_ piece: ByteBuffer) async throws {
        try await eventLoop.flatSubmit { [answer] in
            answer.value.write(piece)
        }.get()
    }

    /// Ends the answer. If only a head was written, it is sent with `Content-Length: 0`.
    public func finish() async throws {
        try await eventLoop.submit { [answer] in
            try answer.value.finish()
        }.get()
    }

    /// Sends a complete answer in one piece.
    public func respond(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer) async throws {
        try await eventLoop.submit { [answer] in
            try answer.value.respond(status: status, headers: headers, body: body)
        }.get()
    }
}
