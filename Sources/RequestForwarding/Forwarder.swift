// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
package import Logging
internal import LoopConfinement
internal import NIOConcurrencyHelpers
package import NIOCore
package import NIOHTTP1
internal import PeerLogging

/// Forwards requests for sessions of other nodes to those nodes, and their responses back to the clients (protocol
/// 6.6).
///
/// Everything about a request happens on the event loop of its client's connection.
package final class Forwarder: Sendable {
    /// Where a request goes, and what it is signed with.
    struct Route: Sendable {
        let address: ForwardingAddress
        let key: ForwardingKey
    }

    /// What the node gives its own sessions, and therefore other nodes as well.
    package struct Limits: Sendable {
        /// How long a live session may be silent: interval and time-out of its heartbeat.
        let heartbeat: Duration
        /// How long an upgrade may take.
        let upgradeTimeout: Duration
        /// The largest body of a request, in bytes.
        let maximumBodySize: Int

        /// The limits of a node.
        package init(heartbeat: Duration, upgradeTimeout: Duration, maximumBodySize: Int) {
            self.heartbeat = heartbeat
            self.upgradeTimeout = upgradeTimeout
            self.maximumBodySize = maximumBodySize
        }
    }

    /// Between nodes only: "answer the poll of this session, its client has to go elsewhere".
    package static let releaseMethod = HTTPMethod.RAW(value: "RELEASE")
    /// How long a connection to another node may rest.
    package static var restingTime: TimeAmount { ForwardingConnectionPool.restingTime }
    private static let patience = Duration.seconds(2)

    let configuration: ForwardingConfiguration
    package let metrics = ForwardingMetrics()
    let limits: Limits
    /// How long it may take to reach a node.
    let timeout: TimeAmount
    /// The longest time in which the session's node says nothing about a held poll, or sends nothing over a WebSocket.
    let silence: TimeAmount
    let log: RateLimitedLogger<ForwardingLogKind>
    private let logger: Logger
    private let eventLoops: [any EventLoop]
    private let lanes: [ObjectIdentifier: LoopReference<ForwardingConnectionPool>]
    private let share = NIOLockedValueBox(ForwardingShare())
    private let watch = NIOLockedValueBox<RepeatedTask?>(nil)

    /// - Parameters:
    ///   - configuration: validated by the caller.
    ///   - eventLoops: those that clients' connections are accepted on.
    package init(
        _ configuration: ForwardingConfiguration, limits: Limits, eventLoops: [any EventLoop], logger: Logger
    ) {
        self.configuration = configuration
        self.limits = limits
        self.timeout = TimeAmount(configuration.timeout)
        self.silence = TimeAmount(limits.heartbeat + configuration.timeout)
        self.logger = logger
        self.log = RateLimitedLogger(logger, eventLoop: eventLoops.first)
        self.eventLoops = eventLoops
        lanes = Dictionary(
            eventLoops.map {
                (
                    ObjectIdentifier($0),
                    LoopReference(sending: ForwardingConnectionPool(eventLoop: $0, configuration: configuration))
                )
            },
            uniquingKeysWith: { first, _ in first })
    }

    /// Takes a request whose session id names another node, or leaves it to be refused. On the loop of the exchange.
    ///
    /// A request that was taken is answered, its connection is taken over, or its `refuse` is called, once.
    package func take(_ request: MisroutedRequest) -> Bool {
        guard let lane = lanes[ObjectIdentifier(request.exchange.eventLoop)], let route = route(to: request.tag) else {
            metrics.count(.unknownOwner)
            return false
        }
        if request.exchange.request.isUpgrade {
            guard configuration.upgradePolicy == .tunnel else {
                metrics.count(.notTunnelled)
                return false
            }
            lane.run { TunnelOpening(request, route, $0, self).start() }
            return true
        }
        guard request.exchange.request.method == .POST else {
            lane.run { self.send(request, nil, route, $0) }
            return true
        }
        let limit = limits.maximumBodySize
        request.exchange.collectBody(limit: limit) { result in
            lane.run { lane in
                switch result {
                // It may have to wait for a connection.
                case .success(let body): self.send(request, ByteBuffer(bytes: body.readableBytesView), route, lane)
                case .failure(let error): self.breakOff(request, error, limit: limit, route, lane)
                }
            }
        }
        return true
    }

    private func route(to tag: String) -> Route? {
        guard let node = configuration.directory.owner(ofTag: tag), let address = ForwardingAddress(node.address),
            let key = configuration.secret ?? node.key
        else { return nil }
        return Route(address: address, key: key)
    }

    // MARK: Requests and answers

    private func send(
        _ request: MisroutedRequest, _ body: ByteBuffer?, _ route: Route, _ lane: ForwardingConnectionPool
    ) {
        let exchange = request.exchange
        let head = ForwardingHeaders.requestHead(
            exchange.request, owner: route.address.text, key: route.key, bodyLength: body?.readableBytes)
        var held: ForwardingConnectionPool.Request?
        let sent = lane.send(head, body, to: route.address, within: silence) { [self] result in
            if let request = held { lane.forget(request) }
            switch result {
            case .success(let answer): pass(answer, to: request)
            case .failure(let failure): fail(request, failure, route)
            }
        }
        guard let sent else { return }
        if exchange.request.method == .GET {
            held = sent
            lane.hold(sent) { [self] in release(request, route, lane) }
        }
        let bound = NIOLoopBound(sent, eventLoop: exchange.eventLoop)
        let reference = LoopReference(lane)
        exchange.onAbort { [metrics] in
            metrics.count(.abandoned)
            reference.run { $0.forget(bound.value) }
            bound.value.abandon()
        }
    }

    /// Has the session's node answer the poll it holds, with nothing in it.
    private func release(_ request: MisroutedRequest, _ route: Route, _ lane: ForwardingConnectionPool) {
        let release = request.exchange.request.with(Self.releaseMethod)
        let head = ForwardingHeaders.requestHead(release, owner: route.address.text, key: route.key, bodyLength: nil)
        lane.send(head, nil, to: route.address, within: timeout) { _ in }
    }

    private func pass(_ answer: HTTPServerResponse, to request: MisroutedRequest) {
        guard !answer.headers.contains(name: ForwardingSignature.refusalHeader) else {
            return reject(request)
        }
        metrics.count(.answered)
        var answer = answer
        answer.headers = ForwardingHeaders.endToEnd(answer.headers)
        answer.isForwarded = true
        request.exchange.respond(answer)
    }

    /// The session's node has to see what was seen here: a body that is too long, or that broke off, ends the session.
    private func breakOff(
        _ request: MisroutedRequest, _ error: RequestBodyError, limit: Int, _ route: Route,
        _ lane: ForwardingConnectionPool
    ) {
        let announced = error == .tooLarge ? limit + 1 : 1
        let head = ForwardingHeaders.requestHead(
            request.exchange.request, owner: route.address.text, key: route.key, bodyLength: announced)
        lane.send(head, nil, to: route.address, within: timeout, breaksOff: true) { _ in }
        switch error {
        case .tooLarge:
            metrics.count(.answered)
            request.exchange.respond(HTTPServerResponse(status: .payloadTooLarge, closeConnection: true))
        case .aborted:
            metrics.count(.abandoned)
        }
    }

    // MARK: Failures

    /// The other node takes nothing from this one.
    func reject(_ request: MisroutedRequest) {
        metrics.count(.rejected)
        warn(.nodeRefuses, request.tag, advice: "give all nodes the same secret, or none")
        request.refuse()
    }

    func fail(_ request: MisroutedRequest, _ failure: ForwardingFailure, _ route: Route) {
        logger.debug(
            "A request was not carried to its node",
            metadata: [
                "sid": "\(LogText.shortened(request.sid))", "node": "\(request.tag)", "reason": "\(failure)",
            ])
        switch failure {
        case .overloaded:
            metrics.count(.overloaded)
            overloaded(request.exchange)
        case .unreachable:
            metrics.count(.unreachable)
            warn(
                .nodeUnreachable, request.tag,
                advice: "look at its address (\(route.address.text)), and whether a firewall is between the nodes")
            request.refuse()
        case .broken, .timedOut, .tooLarge:
            metrics.count(.failed)
            request.refuse()
        }
    }

    func overloaded(_ exchange: HTTPExchange) {
        if exchange.request.isUpgrade {
            exchange.refuseUpgrade(message: "Service Unavailable", status: .serviceUnavailable)
        } else {
            exchange.respond(HTTPServerResponse(status: .serviceUnavailable, headers: ["Retry-After": "1"]))
        }
    }

    private func warn(_ kind: ForwardingLogKind, _ tag: String, advice: String) {
        log.log(kind, ["node": "\(tag)", "advice": "\(advice)"])
    }

    // MARK: Life

    /// Begins to look, minute by minute, how much is forwarded.
    package func startWatching(every interval: TimeAmount = .minutes(1)) {
        watch.withLockedValue { watch in
            guard watch == nil else { return }
            watch = eventLoops.first?.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
                [weak self] task in
                guard let self else { return task.cancel() }
                self.lookAtShare()
            }
        }
    }

    private func lookAtShare() {
        let share = share.withLockedValue {
            $0.minute(requests: metrics.requests, misrouted: metrics.misrouted)
        }
        guard let share else { return }
        logger.warning(
            "Many requests reach the wrong node and are carried to the right one",
            metadata: [
                "percent": "\(share)",
                "advice":
                    "the load balancer does not know the sessions: 'socketio-server proxy-config' prints how it can",
            ])
    }

    /// Gives clients of other nodes' sessions their polls back, so that the end of this node does not end their sessions:
    /// they poll again through the balancer, which sends them elsewhere. Returns when they have been answered, after two
    /// seconds at most.
    package func releasePolls() async {
        for lane in lanes.values { lane.execute { $0.releasePolls() } }
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end, !Task.isCancelled {
            var count = 0
            for lane in lanes.values { count += await lane.get(\.heldPolls) }
            if count == 0 { return }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Ends all connections to other nodes.
    package func close() {
        watch.withLockedValue { watch in
            watch?.cancel()
            watch = nil
        }
        for lane in lanes.values { lane.execute { $0.close() } }
    }
}
