// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

// Hands a complete head to what answers it: client files, engine or application (protocol 1.3, 1.12).
extension HTTPConnectionHandler: HTTPExchangeConnection {
    func route(_ transaction: HTTPTransaction) {
        var request = EngineRequest(transaction.head, from: peer(of: transaction.head))
        if let gate = router.gate, let refusal = gate.admit(&request) {
            let headers: HTTPHeaders = [ForwardingSignature.refusalHeader: refusal.rawValue]
            return answer(
                EngineResponse(status: .forbidden, headers: headers, closeConnection: true), to: transaction)
        }
        if router.requestObserver != nil {
            transaction.observedSince = .now()
            transaction.clientAddress = request.clientAddress
        }
        switch router.route(target: request.target, isUpgrade: request.isUpgrade) {
        case .clientFile(let name):
            guard let preset = applyCORS(request, transaction, isEngine: false) else { return }
            answer(router.clientFiles.answer(name: name, request: request), to: transaction, preset: preset)
        case .engine(let engine):
            guard let preset = applyCORS(request, transaction, isEngine: true) else { return }
            if router.configuration.middlewares.isEmpty {
                start(engine, request, preset, transaction)
            } else {
                runMiddlewares(engine, request, preset, transaction)
            }
        case .foreignUpgrade:
            // Only the engine answers upgrades; the delay is Node's (protocol 1.3).
            transaction.giveUpDeadline = eventLoop.now + settings.values.destroyUpgradeTimeout
        case .application:
            runApplication(request, transaction)
        }
    }

    /// The headers CORS adds; nil when it has answered the request.
    private func applyCORS(
        _ request: EngineRequest, _ transaction: HTTPTransaction, isEngine: Bool
    ) -> HTTPHeaders? {
        guard let outcome = settings.values.cors?.evaluate(request) else { return [:] }
        if outcome.isForbidden, isEngine {
            refuseOrigin(request, transaction, outcome.headers)
            return nil
        }
        if let status = outcome.preflightStatus, !request.isUpgrade {
            var response = EngineResponse(status: HTTPResponseStatus(statusCode: status))
            // Some browsers wait for a body of a 204 otherwise; the `cors` package says so and sends it.
            if ResponseSerializer.hasNoBody(response.status) { response.headers = ["Content-Length": "0"] }
            answer(response, to: transaction, preset: outcome.headers)
            return nil
        }
        return outcome.headers
    }

    private func refuseOrigin(_ request: EngineRequest, _ transaction: HTTPTransaction, _ headers: HTTPHeaders) {
        router.reportRefusal(request, .forbidden, context: ["name": "ORIGIN_NOT_ALLOWED"])
        router.log.log(
            .foreignOrigin, on: eventLoop,
            [
                "origin": "\(LogMetadata.start(of: request.headers.first(name: "origin") ?? ""))",
                "host": "\(LogMetadata.start(of: request.headers.first(name: "host") ?? ""))",
                "remote": "\(request.clientAddress)",
            ])
        if request.isUpgrade {
            // Node does not check origins of WebSockets; here 403 and its text name the reason.
            refuse(transaction, status: .forbidden, message: CORSPolicy.refusal, headers: [:])
        } else {
            answer(.refusal(.forbidden, message: CORSPolicy.refusal), to: transaction, preset: headers)
        }
    }

    // MARK: Engine

    private func start(
        _ engine: any EngineRequestHandler, _ request: EngineRequest, _ preset: HTTPHeaders,
        _ transaction: HTTPTransaction
    ) {
        let exchange = HTTPExchange(request: request, eventLoop: eventLoop, presetHeaders: preset, connection: self)
        transaction.exchange = exchange
        engine.handle(exchange)
    }

    private func runMiddlewares(
        _ engine: any EngineRequestHandler, _ request: EngineRequest, _ preset: HTTPHeaders,
        _ transaction: HTTPTransaction
    ) {
        let middlewares = router.configuration.middlewares
        let info = HandshakeInfo(request)
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        let bound = NIOLoopBound(transaction, eventLoop: eventLoop)
        let eventLoop = eventLoop
        transaction.task = Task {
            var headers = preset
            var verdict = EngineMiddlewareResult.next()
            for middleware in middlewares {
                verdict = await middleware(info)
                guard case .next(let added) = verdict else { break }
                headers.add(contentsOf: added)
            }
            eventLoop.execute { [headers, verdict] in
                handler.value.middlewaresDone(engine, request, headers, verdict, bound.value)
            }
        }
    }

    private func middlewaresDone(
        _ engine: any EngineRequestHandler, _ request: EngineRequest, _ preset: HTTPHeaders,
        _ verdict: EngineMiddlewareResult, _ transaction: HTTPTransaction
    ) {
        guard current === transaction, case .pending = transaction.answer else { return }
        transaction.task = nil
        switch verdict {
        case .next:
            start(engine, request, preset, transaction)
            process()
        case .fail(let reason):
            router.reportRefusal(
                request, .badRequest, context: ["name": "MIDDLEWARE_FAILURE", "message": reason])
            if request.isUpgrade {
                refuse(
                    transaction, status: .badRequest, message: EngineErrorCode.badRequest.message, headers: [:])
            } else {
                answer(.refusal(.badRequest), to: transaction, preset: preset)
            }
        case .respond(let status, let headers, let body):
            answer(EngineResponse(status: status, headers: headers, body: body), to: transaction, preset: preset)
        }
    }

    // MARK: Application

    private func runApplication(_ request: EngineRequest, _ transaction: HTTPTransaction) {
        guard let application = router.application else {
            answer(router.notFound, to: transaction)
            return
        }
        guard let channel = context?.channel else { return }
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

    // MARK: HTTPExchangeConnection

    private func transaction(of exchange: HTTPExchange) -> HTTPTransaction? {
        guard let current, current.exchange === exchange else { return nil }
        return current
    }

    func respond(_ response: EngineResponse, to exchange: HTTPExchange) {
        guard let transaction = transaction(of: exchange) else { return }
        answer(response, to: transaction, preset: response.isForwarded ? [:] : exchange.presetHeaders)
    }

    func refuseUpgrade(
        status: HTTPResponseStatus, message: String, headers: HTTPHeaders, exchange: HTTPExchange
    ) {
        guard let transaction = transaction(of: exchange) else { return }
        refuse(transaction, status: status, message: message, headers: headers)
    }

    func collectBody(
        limit: Int, exchange: HTTPExchange, _ done: @escaping @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void
    ) {
        guard let transaction = transaction(of: exchange) else { return done(.failure(.aborted)) }
        collectBody(of: transaction, limit: limit, done)
    }

    func takeOver(exchange: HTTPExchange, _ body: (any Channel, ByteBuffer) -> Void) -> Bool {
        guard let transaction = transaction(of: exchange) else { return false }
        transaction.status = HTTPResponseStatus.switchingProtocols.code
        observe(transaction)
        return detach(body)
    }
}
