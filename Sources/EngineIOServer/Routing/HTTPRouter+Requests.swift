// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import HTTPServerCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

// Hands a request to what answers it: client files, engine or application (protocol 1.3, 1.12).
extension HTTPRouter {
    /// Lets requests of other nodes in where a gate is, and no others.
    package func admit(_ request: inout HTTPServerRequest) -> HTTPServerResponse? {
        gate?.admit(&request)?.response
    }

    package func handle(_ exchange: HTTPExchange) {
        let request = exchange.request
        switch route(target: request.target, isUpgrade: request.isUpgrade) {
        case .clientFile(let name):
            guard passesCORS(exchange, isEngine: false) else { return }
            exchange.respond(clientFiles.answer(name: name, request: request))
        case .engine(let engine):
            guard passesCORS(exchange, isEngine: true) else { return }
            if configuration.middlewares.isEmpty {
                engine.handle(exchange)
            } else {
                runMiddlewares(engine, exchange)
            }
        case .foreignUpgrade:
            // Only the engine answers upgrades; the delay is Node's (protocol 1.3).
            exchange.leaveUnanswered()
        case .application:
            if let application { exchange.run(application) } else { exchange.respond(notFound) }
        }
    }

    /// Presets the headers that CORS adds; false when it has answered the request.
    private func passesCORS(_ exchange: HTTPExchange, isEngine: Bool) -> Bool {
        guard let outcome = exchange.evaluateCORS() else { return true }
        if !outcome.headers.isEmpty { exchange.preset(outcome.headers) }
        if outcome.isForbidden, isEngine {
            refuseOrigin(exchange)
            return false
        }
        if let status = outcome.preflightStatus, !exchange.request.isUpgrade {
            var response = HTTPServerResponse(status: HTTPResponseStatus(statusCode: status))
            // Some browsers wait for a body of a 204 otherwise; the `cors` package says so and sends it.
            if response.hasNoBody { response.headers = ["Content-Length": "0"] }
            exchange.respond(response)
            return false
        }
        return true
    }

    private func refuseOrigin(_ exchange: HTTPExchange) {
        let request = exchange.request
        reportRefusal(request, .forbidden, context: ["name": "ORIGIN_NOT_ALLOWED"])
        log.log(
            .foreignOrigin, on: exchange.eventLoop,
            [
                "origin": "\(LogText.start(of: request.headers.first(name: "origin") ?? ""))",
                "host": "\(LogText.start(of: request.headers.first(name: "host") ?? ""))",
                "remote": "\(request.clientAddress)",
            ])
        if request.isUpgrade {
            // Node does not check origins of WebSockets; here 403 and its text name the reason.
            exchange.refuseUpgrade(message: CORSPolicy.refusal, status: .forbidden)
        } else {
            exchange.respond(.refusal(.forbidden, message: CORSPolicy.refusal))
        }
    }

    // MARK: Middlewares

    private func runMiddlewares(_ engine: any EngineRequestHandler, _ exchange: HTTPExchange) {
        let middlewares = configuration.middlewares
        let info = HandshakeInfo(exchange.request)
        let task = Task {
            var headers = HTTPHeaders()
            var verdict = EngineMiddlewareResult.next()
            for middleware in middlewares {
                verdict = await middleware(info)
                guard case .next(let added) = verdict else { break }
                headers.add(contentsOf: added)
            }
            exchange.eventLoop.execute { [headers, verdict] in
                self.middlewaresDone(engine, exchange, headers, verdict)
            }
        }
        exchange.onAbort { task.cancel() }
    }

    private func middlewaresDone(
        _ engine: any EngineRequestHandler, _ exchange: HTTPExchange, _ headers: HTTPHeaders,
        _ verdict: EngineMiddlewareResult
    ) {
        guard exchange.isOpen else { return }
        exchange.preset(headers)
        switch verdict {
        case .next:
            engine.handle(exchange)
        case .fail(let reason):
            reportRefusal(
                exchange.request, .badRequest, context: ["name": "MIDDLEWARE_FAILURE", "message": reason])
            if exchange.request.isUpgrade {
                exchange.refuseUpgrade(message: EngineErrorCode.badRequest.message)
            } else {
                exchange.respond(.refusal(.badRequest))
            }
        case .respond(let status, let headers, let body):
            exchange.respond(HTTPServerResponse(status: status, headers: headers, body: body))
        }
    }
}
