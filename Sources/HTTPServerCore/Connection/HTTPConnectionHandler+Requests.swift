// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOHTTP1

// Turns bytes into requests, one after the other.
extension HTTPConnectionHandler {
    func begin() {
        guard let context else { return }
        let deadline = eventLoop.now + settings.limits.headTimeout
        guard machine.opened(headBy: deadline) else { return }
        connections?.add(context.channel)
        settings.acceptDeadline.admit(self, deadline: deadline, on: eventLoop)
        updateTimer()
    }

    /// Processes as much as the bytes at hand and the request in progress allow.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        while context != nil, perform(machine.nextStep()) {}
        isProcessing = false
        if inbound.readableBytes == 0, inbound.storageCapacity > 0 {
            // An idle connection keeps no buffer.
            inbound = ByteBuffer()
        }
        updateTimer()
        if machine.resumesReading(holding: inbound.readableBytes) { context?.read() }
    }

    /// Performs one step; false when nothing more can be done for the moment.
    private func perform(_ step: HTTPConnectionStateMachine.Step) -> Bool {
        switch step {
        case .readHead: return beginNext()
        case .readBody: return current.map(advance) ?? false
        case .endRequest:
            current = nil
            perform(machine.requestEnded())
            return true
        case .wait: return false
        }
    }

    /// Starts the next request if its head is complete.
    private func beginNext() -> Bool {
        let head: RequestHead
        do throws(HTTPRequestError) {
            guard let next = try parser.parse(&inbound) else {
                machine.headIncomplete(
                    holding: inbound.readableBytes, headBy: eventLoop.now + settings.limits.headTimeout)
                return false
            }
            head = next
        } catch {
            fail(error)
            return false
        }
        machine.headReceived(
            keepsAlive: head.keepAlive, isUpgrade: head.isUpgrade, hasBody: head.framing != .none,
            expectsContinue: head.expectsContinue)
        let transaction = HTTPTransaction(head: head, maximumOverhead: settings.limits.maxRequestHeadSize)
        current = transaction
        start(transaction)
        return true
    }

    /// Hands a request to the service.
    private func start(_ transaction: HTTPTransaction) {
        var request = HTTPServerRequest(transaction.head, from: peer(of: transaction.head))
        let refusal = server.service.admit(&request)
        if server.isObserved, refusal == nil {
            transaction.observedSince = .now()
            transaction.clientAddress = request.clientAddress
        }
        if let refusal { return answer(refusal, to: transaction) }
        let exchange = HTTPExchange(request: request, eventLoop: eventLoop, connection: self)
        transaction.exchange = exchange
        server.service.handle(exchange)
    }

    /// Decodes the next piece of the body of the request in progress.
    private func advance(_ transaction: HTTPTransaction) -> Bool {
        do throws(HTTPRequestError) {
            guard let event = try transaction.decoder.next(&inbound) else { return false }
            receive(event, of: transaction)
            return true
        } catch {
            fail(error)
            return false
        }
    }

    /// The peer that has sent a request.
    func peer(of head: RequestHead) -> HTTPPeer {
        if let solePeer { return solePeer }
        let proxies = server.configuration.trustedProxies
        let isProxy = isTrustedProxy
        let found = HTTPPeer(
            remoteAddress: remoteAddress,
            clientAddress: isProxy ? proxies.clientAddress(behind: peer, headers: head.headers) : peer,
            isSecure: isSecure,
            isClientSecure: isSecure || proxiesTLS || isProxy && proxies.saysSecure(headers: head.headers),
            isTrustedProxy: isProxy)
        if !isProxy { solePeer = found }
        return found
    }
}
