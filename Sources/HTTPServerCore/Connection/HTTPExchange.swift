// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import NIOHTTP1

/// The operations that an exchange requests of its connection. All calls are made on the connection's event loop.
package protocol HTTPExchangeConnection: AnyObject {
    func respond(_ response: HTTPServerResponse, to exchange: HTTPExchange)
    func refuseUpgrade(
        status: HTTPResponseStatus, message: String, headers: HTTPHeaders, exchange: HTTPExchange)
    func collectBody(
        limit: Int, exchange: HTTPExchange, _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void)
    func takeOver(exchange: HTTPExchange, _ body: (any Channel, ByteBuffer) -> Void) -> Bool
    func evaluateCORS(_ request: HTTPServerRequest) -> CORSPolicy.Outcome?
    func leaveUnanswered(exchange: HTTPExchange)
    func run(_ application: any HTTPApplication, exchange: HTTPExchange)
}

/// One request on its connection, from the complete head to the answer.
///
/// The proof for `@unchecked Sendable`: `request` and `eventLoop` are constants. Only this file changes the other
/// properties. Every method that touches them checks the event loop first, and elsewhere hands itself to the loop or
/// traps; `presetHeaders`, `isOpen`, `isAborted` and ``connectionDropped()`` are only used by code on the loop. The
/// properties are read and replaced in single steps, so overlapping access is not checked for.
package final class HTTPExchange: @unchecked Sendable {
    private enum State {
        case open
        case answered
        case aborted
    }

    package let request: HTTPServerRequest
    /// The connection's event loop.
    package let eventLoop: any EventLoop
    /// Headers set by CORS and middlewares. `respond` adds them; a 101 written after `takeOver` must carry them too. On the loop
    /// only.
    @exclusivity(unchecked) package private(set) var presetHeaders = HTTPHeaders()

    /// Whether the connection dropped before the answer. On the loop only.
    package var isAborted: Bool { state == .aborted }

    /// Whether the request has no answer yet and its connection is still there. On the loop only.
    package var isOpen: Bool { state == .open }

    @exclusivity(unchecked) private var state = State.open
    @exclusivity(unchecked) private var connection: (any HTTPExchangeConnection)?
    @exclusivity(unchecked) private var abortCallback: (@Sendable () -> Void)?

    package init(request: HTTPServerRequest, eventLoop: any EventLoop, connection: any HTTPExchangeConnection) {
        self.request = request
        self.eventLoop = eventLoop
        self.connection = connection
    }

    /// Adds headers to the answer of the request, whichever component sends it. On the loop only, before the answer.
    package func preset(_ headers: HTTPHeaders) {
        eventLoop.preconditionInEventLoop()
        if presetHeaders.isEmpty { presetHeaders = headers } else { presetHeaders.add(contentsOf: headers) }
    }

    /// The decision of the CORS policy about the request; nil without a policy, and when the connection has gone. On
    /// the loop only.
    package func evaluateCORS() -> CORSPolicy.Outcome? {
        eventLoop.preconditionInEventLoop()
        return connection?.evaluateCORS(request)
    }

    /// Answers the request. From any thread. The first answer is sent; later ones and those after an abort do nothing.
    package func respond(_ response: HTTPServerResponse) {
        guard eventLoop.inEventLoop else { return eventLoop.execute { self.respond(response) } }
        finish()?.respond(response, to: self)
    }

    /// Refuses an upgrade with the raw answer of protocol 1.5.1 and closes the connection. From any thread, as `respond`.
    package func refuseUpgrade(
        message: String, headers: HTTPHeaders = [:], status: HTTPResponseStatus = .badRequest
    ) {
        guard eventLoop.inEventLoop else {
            return eventLoop.execute { self.refuseUpgrade(message: message, headers: headers, status: status) }
        }
        finish()?.refuseUpgrade(status: status, message: message, headers: headers, exchange: self)
    }

    /// Reads the whole body. To be called once, on the loop, before the answer.
    ///
    /// `done` runs on the loop: at once when the announced length is over `limit`, otherwise when the body is complete,
    /// has grown over `limit`, or can no longer become complete. After `.tooLarge` the caller answers 413; after
    /// `.aborted` an answer is not sent. The body may be in memory that all connections of the loop read into, so a
    /// caller that needs it after `done` returns must copy it.
    package func collectBody(
        limit: Int, _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void
    ) {
        eventLoop.preconditionInEventLoop()
        guard let connection, state == .open else {
            done(.failure(.aborted))
            return
        }
        connection.collectBody(limit: limit, exchange: self, done)
    }

    /// Registers a callback for the case that the connection drops before the answer. It runs at once when that has
    /// already happened.
    ///
    /// From any thread; the callback runs on the loop, after a pending `collectBody` has received `.aborted`.
    package func onAbort(_ callback: @escaping @Sendable () -> Void) {
        guard eventLoop.inEventLoop else { return eventLoop.execute { self.onAbort(callback) } }
        switch state {
        case .open:
            guard let earlier = abortCallback else { return abortCallback = callback }
            abortCallback = {
                earlier()
                callback()
            }
        case .aborted: callback()
        case .answered: break
        }
    }

    /// Takes the connection away from HTTP, for an upgrade. On the loop only.
    ///
    /// Every HTTP handler leaves the pipeline (a TLS handler stays), then `body` runs before this call returns, with the
    /// channel and all bytes that arrived after the request head. What arrives later, an end of the stream included,
    /// goes to the handlers `body` adds. Returns false, without calling `body`, when the connection is gone or the
    /// exchange was answered.
    @discardableResult
    package func takeOver(_ body: (any Channel, ByteBuffer) -> Void) -> Bool {
        eventLoop.preconditionInEventLoop()
        return finish()?.takeOver(exchange: self, body) ?? false
    }

    /// Lets an application answer the request. On the loop only.
    package func run(_ application: any HTTPApplication) {
        eventLoop.preconditionInEventLoop()
        guard state == .open else { return }
        connection?.run(application, exchange: self)
    }

    /// Nothing answers the request: the connection is closed after a while (``HTTPLimits/unansweredTimeout``). On the loop only.
    package func leaveUnanswered() {
        eventLoop.preconditionInEventLoop()
        guard state == .open else { return }
        connection?.leaveUnanswered(exchange: self)
    }

    /// Called by the connection, on the loop, when it drops before the answer.
    package func connectionDropped() {
        guard state == .open else { return }
        state = .aborted
        connection = nil
        let callback = abortCallback
        abortCallback = nil
        callback?()
    }

    /// The connection, for sending the one answer; nil when the request has been answered or the connection has gone.
    private func finish() -> (any HTTPExchangeConnection)? {
        guard state == .open else { return nil }
        state = .answered
        defer { connection = nil }
        abortCallback = nil
        return connection
    }
}
