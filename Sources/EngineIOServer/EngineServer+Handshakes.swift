// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import LoopConfinement
internal import Metrics
internal import NIOCore
internal import NIOHTTP1

/// A handshake that has passed the first checks.
struct PendingHandshake: Sendable {
    let exchange: HTTPExchange
    let info: HandshakeInfo
    let transport: TransportName
    let dialect: ClientDialect
    let isSupportedRevision: Bool
    /// `EIO` as sent, for `connection_error`.
    let revision: String?
}

/// From the checks to the open session, and every refusal (protocol 1.5).
extension EngineServer {
    /// Asks the hooks, if there are any, and opens the session. On the connection's loop.
    func begin(_ opening: PendingHandshake) {
        let allowRequest = context.configuration.allowRequest
        let generateId = context.configuration.generateId
        guard allowRequest != nil || generateId != nil else {
            guard opening.isSupportedRevision else { return refuseRevision(opening) }
            return open(opening, customID: nil)
        }
        let info = opening.info
        let task = Task {
            if let allowRequest, case .refuse(let message) = await allowRequest(info) {
                return onLoop(of: opening.exchange) {
                    $0.refuse(opening, HandshakeRefusal(.forbidden), message: message)
                }
            }
            guard opening.isSupportedRevision else {
                return onLoop(of: opening.exchange) { $0.refuseRevision(opening) }
            }
            var customID: String?
            if let generateId {
                customID = try? await generateId(info)
                guard let customID, !customID.isEmpty else {
                    return onLoop(of: opening.exchange) {
                        $0.refuse(opening, HandshakeRefusal(.badRequest, reason: .idGenerationError))
                    }
                }
            }
            let id = customID
            onLoop(of: opening.exchange) { server in
                // A connection that dropped while the hooks were asked gets no session.
                guard !Task.isCancelled, !opening.exchange.isAborted else { return }
                server.open(opening, customID: id)
            }
        }
        opening.exchange.onAbort { task.cancel() }
    }

    // MARK: WebSockets

    /// Turns the connection of an upgrade request into a WebSocket of `shard` and calls `ready` on that shard's loop,
    /// before anything the client sends is looked at. On the connection's loop.
    /// - Parameter sid: the session this is the handshake of; nil for an upgrade.
    /// - Parameter limits: those of the session.
    /// - Returns: false when the request was refused, or its connection is gone.
    @discardableResult
    func openWebSocket(
        for exchange: HTTPExchange, shard: Shard, sid: String?, dialect: ClientDialect, limits: WebSocketLimits? = nil,
        ready: @escaping @Sendable (ShardCore, WebSocketTransport) -> Void
    ) -> Bool {
        let lost: @Sendable () -> Void = { [context] in if let sid { context.forgetCustomID(sid) } }
        let handshake: WebSocketHandshake
        do {
            handshake = try WebSocketHandshake(
                exchange.request, allowsCompression: context.configuration.perMessageDeflate != nil)
        } catch {
            exchange.refuseUpgrade(message: error.message, headers: error.headers, status: error.status)
            return false
        }
        var headers = exchange.presetHeaders
        context.decorate(&headers, request: exchange.request, handshakeOf: sid)
        let response = handshake.response(adding: headers)
        let deflate = handshake.deflate
        let isPlaintext = !exchange.request.isSecure
        let isMovable = isPlaintext && !isClosingNow
        let limits = limits ?? context.webSocketLimits
        return exchange.takeOver { [self, context] channel, early in
            let start = UpgradeHandover(
                response: response, early: early, isPlaintext: isPlaintext, ready: ready, lost: lost)
            if channel.eventLoop !== shard.eventLoop, isMovable, let connection = Rehoming.detach(channel) {
                context.metrics.rehomed.increment()
                shard.run { shard in
                    let transport = WebSocketTransport(
                        shard: LoopReference(shard), eventLoop: shard.eventLoop, limits: limits,
                        dialect: dialect, deflate: deflate, assembler: shard.assembler,
                        receiveBuffer: shard.receiveBuffer, start: start)
                    Rehoming.adopt(connection, on: shard.eventLoop, handler: transport) { _ in
                        context.logger.debug("a connection was lost on its way to another event loop")
                    }
                }
                return
            }
            let eventLoop = channel.eventLoop.assumeIsolated()
            let transport = WebSocketTransport(
                shard: shard.core, eventLoop: channel.eventLoop, limits: limits,
                dialect: dialect, deflate: deflate, assembler: assembler(for: eventLoop),
                receiveBuffer: isPlaintext ? receiveBuffer(for: eventLoop) : nil, start: start)
            do {
                try channel.pipeline.syncOperations.addHandler(transport)
            } catch {
                channel.close(promise: nil)
            }
        }
    }

    // MARK: Refusals

    /// The observer of refusals, if there is one.
    private var observer: (any EngineObserver)? {
        context.configuration.observer.flatMap { $0.wantsRequests ? $0 : nil }
    }

    /// Not now, but perhaps later or elsewhere.
    func refuse(_ exchange: HTTPExchange, _ denial: AdmissionControl.Denial) {
        let headers: HTTPHeaders = ["Retry-After": "\(denial.retryAfterSeconds)", "Cache-Control": "no-store"]
        let status: HTTPResponseStatus = denial.limit.isOfOneAddress ? .tooManyRequests : .serviceUnavailable
        if exchange.request.isUpgrade {
            exchange.refuseUpgrade(message: denial.limit.message, headers: headers, status: status)
        } else {
            var response = HTTPServerResponse(status: status, headers: headers)
            response.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
            response.body = ByteBuffer(string: denial.limit.message + "\n")
            exchange.respond(response)
        }
        context.metrics.refusedAdmission(denial.limit)
        observer?.refused(
            RefusalRecord(
                code: nil, reason: denial.limit.message, sid: nil, clientAddress: exchange.request.clientAddress))
        switch denial.limit {
        // The log has told of the drain.
        case .draining: break
        case .sessions: context.log.log(.tooManySessions)
        case .rate: context.log.log(.tooManyHandshakes)
        case .sessionsOfAddress:
            context.log.log(.tooManySessionsOfAddress, ["remote": "\(exchange.request.clientAddress)"])
        case .rateOfAddress:
            context.log.log(.tooManyHandshakesOfAddress, ["remote": "\(exchange.request.clientAddress)"])
        }
        context.logger.debug("handshake refused", metadata: ["reason": "\(denial.limit.rawValue)"])
    }

    func refuse(_ opening: PendingHandshake, _ refusal: HandshakeRefusal, message: String? = nil) {
        var details: [String: String] = [:]
        if let message { details["message"] = message }
        refuse(opening.exchange, opening.info, refusal, message: message, details: details)
    }

    private func refuseRevision(_ opening: PendingHandshake) {
        refuse(
            opening.exchange, opening.info, HandshakeRefusal(.unsupportedProtocolVersion), message: nil,
            details: ["protocol": opening.revision == nil ? "3" : opening.revision ?? ""])
    }

    func refuse(
        _ exchange: HTTPExchange, _ refusal: HandshakeRefusal, _ handshake: HandshakeRequest,
        previousTransport: TransportName? = nil
    ) {
        var details: [String: String] = [:]
        switch (refusal.code, refusal.reason) {
        case (.unknownTransport, _): details["transport"] = handshake.query["transport"]
        case (.unknownSID, _): details["sid"] = handshake.sid
        case (.badHandshakeMethod, _): details["method"] = handshake.method
        case (_, .invalidOrigin): details["origin"] = handshake.origin
        case (_, .transportMismatch):
            details["transport"] = handshake.query["transport"]
            details["previousTransport"] = previousTransport?.rawValue
        default: break
        }
        refuse(
            exchange, HandshakeInfo(exchange.request), refusal,
            message: oldVersion(exchange.request, handshake, refusal),
            details: details)
    }

    /// A WebSocket over HTTP/1.0 is what nginx asks for until it is told otherwise; nil for other refusals.
    private func oldVersion(
        _ request: HTTPServerRequest, _ handshake: HandshakeRequest, _ refusal: HandshakeRefusal
    ) -> String? {
        guard request.isOfOldVersion, handshake.transport == .websocket,
            [.transportHandshakeError, .transportMismatch].contains(refusal.reason)
        else { return nil }
        return
            "Bad request: WebSocket needs HTTP/1.1; in nginx set proxy_http_version 1.1 and the headers Upgrade and Connection"
    }

    private func refuse(
        _ exchange: HTTPExchange, _ info: HandshakeInfo, _ refusal: HandshakeRefusal, message: String?,
        details: [String: String]
    ) {
        if exchange.request.isUpgrade {
            exchange.refuseUpgrade(message: message ?? refusal.code.message)
        } else {
            exchange.respond(.refusal(refusal.code, message: message))
        }
        context.metrics.refused(refusal.code)
        context.logger.debug("request refused", metadata: ["code": "\(refusal.code.rawValue)"])
        observer?.refused(
            RefusalRecord(
                code: refusal.code.rawValue, reason: refusal.reason?.rawValue ?? refusal.code.message,
                sid: QueryParameters(target: info.url)["sid"].map(LogText.shortened),
                clientAddress: info.remoteAddress))
        guard let report = context.configuration.onConnectionError else { return }
        var details = details
        if let name = refusal.reason { details["name"] = name.rawValue }
        report(EngineConnectionError(request: info, code: refusal.code, context: details))
    }
}
