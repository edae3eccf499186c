// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import NIOHTTP1

/// What an exchange asks of its connection. All calls are made on the connection's event loop.
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
/// The proof for `@unchecked Sendable`: `request` and `eventLoop` are constants. Only this file changes the other properties, and
/// every method that touches them asks for the event loop first, and hands itself to it or traps elsewhere; `presetHeaders`,
/// `isOpen`, `isAborted` and ``connectionDropped()`` are used by those who live there. They are read and replaced in single
/// steps: overlapping access is not checked for.
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

    /// Whether the request has no answer yet, and somebody is there to get one. On the loop only.
    package var isOpen: Bool { state == .open }

    @exclusivity(unchecked) private var state = State.open
    @exclusivity(unchecked) private var connection: (any HTTPExchangeConnection)?
    @exclusivity(unchecked) private var abortCallback: (@Sendable () -> Void)?

    package init(request: HTTPServerRequest, eventLoop: any EventLoop, connection: any HTTPExchangeConnection) {
        self.request = request
        self.eventLoop = eventLoop
        self.connection = connection
    }

    /// Adds headers to whatever answers the request. On the loop only, before the answer.
    package func preset(_ headers: HTTPHeaders) {
        eventLoop.preconditionInEventLoop()
        if presetHeaders.isEmpty { presetHeaders = headers } else { presetHeaders.add(contentsOf: headers) }
    }

    /// What the policy for origins says of the request; nil without one, and when the connection is gone. On the loop only.
    package func evaluateCORS() -> CORSPolicy.Outcome? {
        eventLoop.preconditionInEventLoop()
        return connection?.evaluateCORS(request)
    }

    /// Answers the request. From any thread; the first answer wins, later ones and those after an abort do nothing.
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
    /// `done` runs on the loop: at once when the announced length is over `limit`, else when the body is complete, has
    /// grown over `limit`, or cannot become complete any more. After `.tooLarge` the caller answers 413; after
    /// `.aborted` an answer goes nowhere. The body may lie in memory that all connections of the loop read into: whoever
    /// needs it for longer than a moment copies it.
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

    /// Asks to be told when the connection drops before the answer; at once when it already has.
    ///
    /// From any thread; the callback runs on the loop, after a pending `collectBody` was told `.aborted`.
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

    /// Has an application answer the request. On the loop only.
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

    /// Told by the connection, on the loop, when it is gone before the answer.
    package func connectionDropped() {
        guard state == .open else { return }
        state = .aborted
        connection = nil
        let callback = abortCallback
        abortCallback = nil
        callback?()
    }

    /// The connection, for the one answer; nil when there was one, or nobody to get it is left.
    private func finish() -> (any HTTPExchangeConnection)? {
        guard state == .open else { return nil }
        state = .answered
        defer { connection = nil }
        abortCallback = nil
        return connection
    }
}
