// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import HTTPServerCore
package import NIOCore

/// Receives the engine's requests from the router.
package protocol EngineRequestHandler: AnyObject, Sendable {
    /// Called on the connection's event loop as soon as the head of a request under the engine's path is complete and
    /// CORS and the engine middlewares have let it pass. Every exchange must be answered, refused or taken over.
    func handle(_ exchange: HTTPExchange)

    /// What plaintext connections of this event loop read into, all of them; nil when each has a buffer of its own.
    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool?

    /// A request was refused before ``handle(_:)``, by its origin or by a middleware: to be counted.
    func refusedBefore(_ code: EngineErrorCode)
}

extension EngineRequestHandler {
    package func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool? { nil }

    package func refusedBefore(_ code: EngineErrorCode) {}
}
