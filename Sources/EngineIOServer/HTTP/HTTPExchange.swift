// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore
package import NIOHTTP1

/// Receives the engine's requests from the HTTP layer.
package protocol EngineRequestHandler: AnyObject, Sendable {
    /// Called on the connection's event loop as soon as the head of a request under the engine's path is complete and
    /// CORS and the engine middlewares have let it pass. Every exchange must be answered, refused or taken over.
    func handle(_ exchange: HTTPExchange)

    /// What plaintext connections of this event loop read into, all of them; nil when each has a buffer of its own.
    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> SpareBuffer?

    /// A request was refused before ``handle(_:)``, by its origin or by a middleware: to be counted.
    func refusedBefore(_ code: EngineErrorCode)
}

extension EngineRequestHandler {
    package func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> SpareBuffer? { nil }

    package func refusedBefore(_ code: EngineErrorCode) {}
}

/// What an exchange asks of its connection. All calls are made on the connection's event loop.
package protocol HTTPExchangeConnection: AnyObject {
    func respond(_ response: EngineResponse, to exchange: HTTPExchange)
    func refuseUpgrade(
        status: HTTPResponseStatus, message: String, headers: HTTPHeaders, exchange: HTTPExchange)
    func collectBody(
        limit: Int, exchange: HTTPExchange, _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void)
    func takeOver(exchange: HTTPExchange, _ body: (any Channel, ByteBuffer) -> Void) -> Bool
}

/// One request on its connection, from the complete head to the answer.
///
/// The proof for `@unchecked Sendable`: `request`, `eventLoop` and `presetHeaders` are constants. The other three properties are
/// private to this file, and every method that touches them asks for the event loop first, and hands itself to it or traps
/// elsewhere; `isAborted` and ``connectionDropped()`` are called by those who live there. They are read and replaced in single
/// steps: overlapping access is not checked for.
package final class HTTPExchange: @unchecked Sendable {
    private enum State {
        case open
        case answered
        case aborted
    }

    package let request: EngineRequest
    /// The connection's event loop.
    package let eventLoop: any EventLoop
    /// Headers set by CORS and middlewares. `respond` adds them; a 101 written after `takeOver` must carry them too.
    package let presetHeaders: HTTPHeaders

    /// Whether the connection dropped before the answer. On the loop only.
    package var isAborted: Bool { state == .aborted }

    @exclusivity(unchecked) private var state = State.open
    @exclusivity(unchecked) private var connection: (any HTTPExchangeConnection)?
    @exclusivity(unchecked) private var abortCallback: (@Sendable () -> Void)?

    package init(
        request: EngineRequest, eventLoop: any EventLoop, presetHeaders: HTTPHeaders = [:],
        connection: any HTTPExchangeConnection
    ) {
        self.request = request
        self.eventLoop = eventLoop
        self.presetHeaders = presetHeaders
        self.connection = connection
    }

    /// Answers the request. From any thread; the first answer wins, later ones and those after an abort do nothing.
    package func respond(_ response: EngineResponse) {
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
