// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import LoopConfinement
internal import NIOCore
internal import NIOHTTP1

/// An upgrade on its way to the session's node: connect, send the request on, and join the connections when the node has
/// begun to answer. Until then a failure is answered like an unknown session.
///
/// Lives on the event loop of the client's connection.
final class TunnelOpening: LoopResident {
    private let request: MisroutedRequest
    private let route: Forwarder.Route
    private let lane: ForwardingConnectionPool
    private let forwarder: Forwarder
    private var side: TunnelSide?
    private var deadline: Scheduled<Void>?
    /// Whether the request still waits for an answer.
    private var isOpen = true

    init(
        _ request: MisroutedRequest, _ route: Forwarder.Route, _ lane: ForwardingConnectionPool, _ forwarder: Forwarder
    ) {
        self.request = request
        self.route = route
        self.lane = lane
        self.forwarder = forwarder
    }

    var home: PlainHome { lane.home }

    func start() {
        guard forwarder.metrics.openTunnel(maximum: forwarder.configuration.maxTunnels) else {
            isOpen = false
            forwarder.metrics.count(.overloaded)
            return forwarder.overloaded(request.exchange)
        }
        let opening = LoopReference(self)
        request.exchange.onAbort {
            opening.run { if $0.giveUp() { $0.forwarder.metrics.count(.abandoned) } }
        }
        // The node answers an upgrade at once.
        let time = forwarder.timeout + TimeAmount(forwarder.limits.upgradeTimeout)
        deadline = lane.eventLoop.assumeIsolated().scheduleTask(in: time) { self.fail(.timedOut) }
        ForwardingConnector.connect(to: route.address, on: lane.eventLoop, timeout: forwarder.timeout) {
            // Without half-closure: when the node has said its last, nobody is left to hear the client.
            try $0.pipeline.syncOperations.addHandler(TunnelSide())
        }.whenComplete { result in
            opening.run { opening in
                switch result {
                case .failure(let error): opening.fail(ForwardingFailure(connecting: error))
                case .success(let channel): opening.connected(channel)
                }
            }
        }
    }

    private func connected(_ channel: any Channel) {
        guard isOpen, let side = try? channel.pipeline.syncOperations.handler(type: TunnelSide.self) else {
            return channel.close(promise: nil)
        }
        self.side = side
        side.whenRead = { self.received($0) }
        side.whenLost = { self.fail(.broken) }
        let head = ForwardingHeaders.requestHead(
            request.exchange.request, owner: route.address.text, key: route.key, bodyLength: nil)
        var bytes = ByteBuffer()
        bytes.writeString("\(head.method.rawValue) \(head.uri) HTTP/1.1\r\n")
        for (name, value) in head.headers {
            ResponseSerializer.writeText(name, into: &bytes)
            bytes.writeStaticString(": ")
            ResponseSerializer.writeText(value, into: &bytes)
            bytes.writeStaticString("\r\n")
        }
        bytes.writeStaticString("\r\n")
        side.send(bytes)
    }

    /// As soon as the status is there it is clear who speaks: the node's engine, or its gate.
    private func received(_ bytes: ByteBuffer) {
        guard isOpen, bytes.readableBytes >= 12 else { return }
        let start = bytes.getSlice(at: bytes.readerIndex, length: 12).map { Array($0.readableBytesView) } ?? []
        guard start.starts(with: Array("HTTP/1.1 ".utf8)) else { return fail(.broken) }
        guard start != Array("HTTP/1.1 403".utf8) else {
            if giveUp() { forwarder.reject(request) }
            return
        }
        join()
    }

    private func join() {
        guard let side else { return }
        let isJoined = request.exchange.takeOver { channel, early in
            let owner = side
            let client = TunnelSide()
            // A client that has said its last still hears what its node has to say.
            try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
            let answer = owner.takeHeld()
            do {
                try channel.pipeline.syncOperations.addHandler(client)
            } catch {
                channel.close(promise: nil)
                forwarder.metrics.closeTunnel()
                return owner.close()
            }
            let (lane, metrics) = (lane, forwarder.metrics)
            lane.add(
                Tunnel(client: client, owner: owner, eventLoop: lane.eventLoop, idleTime: forwarder.silence) { tunnel in
                    lane.remove(tunnel)
                    metrics.closeTunnel()
                })
            client.send(answer)
            owner.send(early)
        }
        guard isJoined else {
            _ = giveUp()
            return
        }
        isOpen = false
        deadline?.cancel()
        self.side = nil
        forwarder.metrics.count(.tunnelled)
    }

    private func fail(_ failure: ForwardingFailure) {
        guard giveUp() else { return }
        forwarder.fail(request, failure, route)
    }

    /// Leaves nothing behind; false when it is over already.
    private func giveUp() -> Bool {
        guard isOpen else { return false }
        isOpen = false
        deadline?.cancel()
        side?.close()
        side = nil
        forwarder.metrics.closeTunnel()
        return true
    }
}
