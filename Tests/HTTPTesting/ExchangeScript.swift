// Part of socketio-server, MIT licence; see LICENSE.

package import HTTPServerCore
internal import NIOConcurrencyHelpers
internal import NIOCore
package import NIOHTTP1

/// Answers exchanges as a test says, and remembers them.
package final class ExchangeScript: Sendable {
    private let script: @Sendable (HTTPExchange) -> Void
    private let seen = NIOLockedValueBox<[HTTPExchange]>([])

    package init(_ script: @escaping @Sendable (HTTPExchange) -> Void) { self.script = script }

    package var exchanges: [HTTPExchange] { seen.withLockedValue { $0 } }

    package func handle(_ exchange: HTTPExchange) {
        seen.withLockedValue { $0.append(exchange) }
        script(exchange)
    }
}

extension HTTPServerResponse {
    /// Method and target, for telling answers apart.
    package static func echo(_ exchange: HTTPExchange) -> HTTPServerResponse {
        text("\(exchange.request.method.rawValue) \(exchange.request.target)")
    }

    package static func text(_ text: String, status: HTTPResponseStatus = .ok) -> HTTPServerResponse {
        HTTPServerResponse(status: status, headers: ["Content-Type": "text/plain"], body: ByteBuffer(string: text))
    }
}
