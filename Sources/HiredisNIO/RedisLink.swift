// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore

/// What the owner of a link does with its connections.
protocol RedisLinkOwner: RedisConnectionUser {
    /// There is a new connection, logged in. The owner calls `link.reportUp()` when it is ready for use.
    func linkConnected(_ connection: RedisConnection, _ facts: RedisServerFacts)
    /// The connection is gone; unanswered commands have been told. `insideReply`: the server ended it in the middle of
    /// what it was sending.
    func linkLost(_ reason: RedisError, insideReply: Bool)
}

/// Keeps one connection to Redis alive: finds the address, connects, and after a loss does so again.
///
///     idle → connecting ⇄ waiting (back-off)
///               ↓ logged in          ↑ lost
///            established ────────────┘        close() → closed from everywhere
///
/// Lives on its event loop; the state, in its box, can be read anywhere.
final class RedisLink {
    private enum Phase {
        case idle
        case waiting(Scheduled<Void>)
        case connecting(attempt: Int, RedisConnection?)
        case established(RedisConnection)
        case closed
    }

    let eventLoop: any EventLoop
    let name: String
    let metrics: RedisLinkMetrics
    private let configuration: RedisConfiguration
    /// For the next connection.
    var settings: RedisConnectionSettings
    private let resolver: any RedisAddressResolver
    private let stateBox: RedisStateBox
    /// Told of each change of the state.
    private let onState: (RedisLinkState) -> Void
    private var logger: Logger
    private weak var owner: (any RedisLinkOwner)?
    private var phase: Phase = .idle
    private var tls: RedisConnector.TLS?
    private var backoff: Backoff
    private var attempt = 0
    private var currentAddress: RedisAddress?
    private var roleWatch: RoleWatch?
    /// Why the last attempt failed or the link was lost.
    private(set) var lastError: RedisError?

    init(
        name: String, configuration: RedisConfiguration, settings: RedisConnectionSettings,
        resolver: any RedisAddressResolver, stateBox: RedisStateBox, onState: @escaping (RedisLinkState) -> Void,
        eventLoop: any EventLoop, logger: Logger
    ) {
        self.name = name
        self.configuration = configuration
        self.settings = settings
        self.resolver = resolver
        self.stateBox = stateBox
        self.onState = onState
        self.eventLoop = eventLoop
        self.logger = logger
        self.logger[metadataKey: "redis"] = "\(name)"
        metrics = RedisLinkMetrics(link: name)
        backoff = Backoff(
            minimum: TimeAmount(configuration.minimumReconnectDelay),
            maximum: TimeAmount(configuration.maximumReconnectDelay))
    }

    var connection: RedisConnection? {
        if case .established(let connection) = phase { return connection }
        return nil
    }

    var state: RedisLinkState { stateBox.state }

    /// Returns whether the state is another one than before.
    @discardableResult
    private func set(_ state: RedisLinkState) -> Bool {
        guard stateBox.set(state) else { return false }
        onState(state)
        return true
    }

    // MARK: Life

    func start(owner: any RedisLinkOwner) {
        eventLoop.preconditionInEventLoop()
        guard case .idle = phase else { return }
        self.owner = owner
        do {
            try configuration.validate()
            tls = try RedisConnector.TLS(configuration.tls)
        } catch {
            // Files can be put right while we run: go on as with a server that is down.
            return attemptFailed(error)
        }
        resolver.start(link: self)
        connect()
    }

    func close() {
        eventLoop.preconditionInEventLoop()
        let old = phase
        phase = .closed
        resolver.close()
        stopRoleWatch()
        switch old {
        case .waiting(let timer): timer.cancel()
        case .connecting(_, let connection): connection?.close(.closedByOwner)
        case .established(let connection): connection.close(.closedByOwner)
        case .idle, .closed: break
        }
        if case .established = old { owner?.linkLost(.closedByOwner, insideReply: false) }
        metrics.up(false)
        set(.closed)
    }

    /// The owner has done what it had to do with the new connection.
    func reportUp() {
        guard connection != nil else { return }
        lastError = nil
        metrics.up(true)
        if set(.up) { logger.info("Redis link is up", metadata: addressMetadata) }
    }

    func reportDegraded(_ reason: String) {
        guard connection != nil else { return }
        if set(.degraded(reason: reason)) {
            logger.warning("Redis link is degraded", metadata: ["reason": "\(reason)"])
        }
    }

    /// The primary has moved; does nothing when we are connected to it already.
    func primaryMoved(to address: RedisAddress) {
        eventLoop.preconditionInEventLoop()
        switch phase {
        case .closed, .idle:
            return
        case .established(let connection):
            guard currentAddress != address else { return }
            logger.notice("Redis primary has moved", metadata: ["address": "\(address)"])
            connection.close(RedisError(.notPrimary, "the primary has moved to \(address)"))
        case .connecting(_, let connection):
            guard currentAddress != address else { return }
            phase = .connecting(attempt: attempt + 1, nil)  // what the old attempt brings is stale
            connection?.close(RedisError(.notPrimary, "the primary has moved to \(address)"))
            connect()
        case .waiting(let timer):
            timer.cancel()
            connect()
        }
    }

    /// The server in use is of no use, although it is there; the next address is tried.
    func moveOn(_ reason: RedisError) {
        guard case .established(let connection) = phase else { return }
        resolver.failed(reason)
        connection.close(reason)
    }

    static let lateReason = "the server has not answered the last health check yet"

    private var addressMetadata: Logger.Metadata {
        ["address": "\(currentAddress?.description ?? "none")"]
    }

    // MARK: Attempts

    private func connect() {
        if case .closed = phase { return }
        attempt += 1
        let number = attempt
        phase = .connecting(attempt: number, nil)
        currentAddress = nil
        backoff.attemptStarted(at: eventLoop.now)
        if tls == nil, configuration.tls != nil {
            do {
                tls = try RedisConnector.TLS(configuration.tls)
                resolver.start(link: self)
            } catch {
                return attemptFailed(error)
            }
        }
        resolver.address(on: eventLoop).assumeIsolated().whenSuccess { result in
            guard self.isCurrent(number) else { return }
            switch result {
            case .success(let address): self.connect(to: address, number)
            case .failure(let error): self.attemptFailed(error)
            }
        }
    }

    private func connect(to address: RedisAddress, _ number: Int) {
        currentAddress = address
        let connection = RedisConnection(settings: settings, eventLoop: eventLoop, owner: self, user: owner)
        phase = .connecting(attempt: number, connection)
        RedisConnector.connect(
            to: address, tls: tls, timeout: TimeAmount(configuration.connectTimeout), connection: connection
        )
        .whenComplete { result in
            switch result {
            case .success:
                if !self.isCurrent(number, connection) { connection.close(.closedByOwner) }
            case .failure(let error):
                guard self.isCurrent(number, connection) else { return }
                self.attemptFailed(RedisConnector.error(error, address: address))
            }
        }
    }

    private func isCurrent(_ number: Int, _ connection: RedisConnection? = nil) -> Bool {
        switch phase {
        case .connecting(number, _): true
        case .established(let current): current === connection
        default: false
        }
    }

    private func attemptFailed(_ error: RedisError) {
        lastError = error
        metrics.attemptFailed()
        resolver.failed(error)
        let isFirst = set(.down(reason: error.description))
        // The first failure and a changed reason are worth a line, each retry is not.
        if isFirst {
            logger.warning("Redis link is down", metadata: addressMetadata.merging(["reason": "\(error)"]) { $1 })
        } else {
            logger.debug("Redis link: attempt failed", metadata: ["attempt": "\(backoff.attempts)"])
        }
        scheduleAttempt()
    }

    private func scheduleAttempt() {
        var delay = backoff.nextDelay(now: eventLoop.now, random: Double.random(in: 0..<1))
        if let longest = resolver.longestDelay { delay = min(delay, longest) }
        phase = .waiting(eventLoop.assumeIsolated().scheduleTask(in: delay) { self.connect() })
    }
}

extension RedisLink: RedisConnectionOwner {
    func connectionReady(_ connection: RedisConnection, _ facts: RedisServerFacts) {
        guard case .connecting(_, let current) = phase, current === connection else { return }
        phase = .established(connection)
        backoff.connected(at: eventLoop.now)
        metrics.connected()
        for refusal in facts.refusals {
            logger.warning("Redis refused an optional command", metadata: ["reason": "\(refusal)"])
        }
        resolver.succeeded()
        startRoleWatch(of: connection)
        owner?.linkConnected(connection, facts)
    }

    private func startRoleWatch(of connection: RedisConnection) {
        guard resolver.watchesRole, let currentAddress else { return }
        let watch = RoleWatch(
            address: currentAddress, tls: tls, configuration: configuration, eventLoop: eventLoop
        ) { [weak connection] in connection?.close($0) }
        roleWatch = watch
        watch.start()
    }

    private func stopRoleWatch() {
        roleWatch?.stop()
        roleWatch = nil
    }

    func connectionClosed(_ connection: RedisConnection, _ reason: RedisError) {
        switch phase {
        case .connecting(_, let current) where current === connection:
            attemptFailed(reason)
        case .established(let current) where current === connection:
            lastError = reason
            metrics.up(false)
            phase = .idle
            stopRoleWatch()
            if set(.down(reason: reason.description)) {
                logger.warning("Redis link is down", metadata: addressMetadata.merging(["reason": "\(reason)"]) { $1 })
            }
            owner?.linkLost(reason, insideReply: connection.endedInsideReply)
            if case .idle = phase { scheduleAttempt() }
        default:
            break
        }
    }
}
