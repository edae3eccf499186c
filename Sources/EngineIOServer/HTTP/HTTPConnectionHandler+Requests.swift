// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import NIOHTTP1

// From bytes to requests, one after the other.
extension HTTPConnectionHandler {
    func begin() {
        guard let context, headDeadline == nil else { return }
        connections?.add(context.channel)
        let deadline = eventLoop.now + settings.values.headTimeout
        headDeadline = deadline
        settings.newcomers.admit(self, deadline: deadline, on: eventLoop)
        updateTimer()
    }

    /// Goes as far as the bytes at hand and the request in progress allow.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        while case .serving = phase, context != nil {
            if let current {
                guard advance(current) else { break }
                finish(current)
            } else {
                // Who does not read has no further answers made, or requests sent ahead would fill the memory with them.
                guard pendingWrites == 0, beginNext() else { break }
            }
        }
        isProcessing = false
        if inbound.readableBytes == 0, inbound.storageCapacity > 0 {
            // An idle connection keeps no buffer.
            inbound = ByteBuffer()
        }
        updateTimer()
        if isReadHeldBack, inbound.readableBytes < Self.highWater {
            isReadHeldBack = false
            context?.read()
        }
    }

    /// Starts the next request if its head is complete.
    private func beginNext() -> Bool {
        let head: RequestHead
        do throws(HTTPRequestError) {
            guard let next = try parser.parse(&inbound) else {
                if inbound.readableBytes > 0, !isHeadStarted {
                    isHeadStarted = true
                    // The first request has had its deadline since the accept.
                    if hasServed { headDeadline = eventLoop.now + settings.values.headTimeout }
                }
                return false
            }
            head = next
        } catch {
            fail(error)
            return false
        }
        headDeadline = nil
        isHeadStarted = false
        hasServed = true
        let transaction = HTTPTransaction(head: head, maximumOverhead: settings.values.maxRequestHeadSize)
        current = transaction
        route(transaction)
        return true
    }

    /// Feeds the body of the request in progress; true when body and answer are complete.
    private func advance(_ transaction: HTTPTransaction) -> Bool {
        while transaction.wantsBody {
            do throws(HTTPRequestError) {
                guard let event = try transaction.decoder.next(&inbound) else { return false }
                receive(event, of: transaction)
            } catch {
                fail(error)
                return false
            }
            guard current === transaction, case .serving = phase else { return false }
        }
        if case .complete = transaction.answer { return transaction.isBodyComplete }
        return false
    }

    private func finish(_ transaction: HTTPTransaction) {
        current = nil
        if !transaction.head.keepAlive || isDraining {
            closeAfterWrites(lingering: false)
        }
    }

    /// Who has sent a request.
    func peer(of head: RequestHead) -> HTTPPeer {
        if let solePeer { return solePeer }
        let proxies = router.trustedProxies
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
