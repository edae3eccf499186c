// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import NIOHTTP1

// The operations that a service requests of the connection, through the exchange of the request in progress.
extension HTTPConnectionHandler: HTTPExchangeConnection {
    private func transaction(of exchange: HTTPExchange) -> HTTPTransaction? {
        guard let current, current.exchange === exchange else { return nil }
        return current
    }

    package func respond(_ response: HTTPServerResponse, to exchange: HTTPExchange) {
        guard let transaction = transaction(of: exchange) else { return }
        answer(response, to: transaction, preset: response.isForwarded ? [:] : exchange.presetHeaders)
    }

    package func refuseUpgrade(
        status: HTTPResponseStatus, message: String, headers: HTTPHeaders, exchange: HTTPExchange
    ) {
        guard let transaction = transaction(of: exchange) else { return }
        refuse(transaction, status: status, message: message, headers: headers)
    }

    package func collectBody(
        limit: Int, exchange: HTTPExchange, _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void
    ) {
        guard let transaction = transaction(of: exchange) else { return done(.failure(.aborted)) }
        collectBody(of: transaction, limit: limit, done)
    }

    package func takeOver(exchange: HTTPExchange, _ body: (any Channel, ByteBuffer) -> Void) -> Bool {
        guard let transaction = transaction(of: exchange) else { return false }
        transaction.status = HTTPResponseStatus.switchingProtocols.code
        observe(transaction)
        return detach(body)
    }

    package func evaluateCORS(_ request: HTTPServerRequest) -> CORSPolicy.Outcome? { settings.cors?.evaluate(request) }

    package func leaveUnanswered(exchange: HTTPExchange) {
        guard transaction(of: exchange) != nil else { return }
        machine.leftUnanswered(until: eventLoop.now + settings.limits.unansweredTimeout)
        process()
    }

    package func run(_ application: any HTTPApplication, exchange: HTTPExchange) {
        guard let transaction = transaction(of: exchange), let channel = context?.channel else { return }
        let request = exchange.request
        let answer = ApplicationAnswer(connection: self, transaction: transaction)
        transaction.applicationAnswer = answer
        let bound = NIOLoopBound(answer, eventLoop: eventLoop)
        let writer = ApplicationResponseWriter(answer: bound, eventLoop: eventLoop)
        let input = ApplicationRequest(
            method: request.method, target: request.target, version: transaction.head.version,
            headers: request.headers, remoteAddress: request.remoteAddress, clientAddress: request.clientAddress,
            isSecure: isSecure, body: makeStream(transaction), channel: channel)
        let eventLoop = eventLoop
        transaction.task = Task {
            await application.respond(to: input, writer: writer)
            eventLoop.execute { bound.value.returned() }
        }
    }
}
