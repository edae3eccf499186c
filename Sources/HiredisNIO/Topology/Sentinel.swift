// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore

/// Finds the primary by asking sentinels, and hears from all of them when it moves: the one that led the vote tells at once,
/// the others when they have heard of it.
///
/// Each attempt asks the sentinels in order; the next one is asked as well when one does not answer within 250 ms. The
/// first that names an address wins and moves to the front; when nothing useful is at that address, to the end. A link's
/// own log-in checks the role.
///
/// No single message has to arrive for that: as long as the answer is an address where no primary is, it is asked again
/// within 250 ms, however long the outage has lasted, and links that are up look at the role of their server (`RoleWatch`).
///
/// Lives on the event loop of its link.
final class SentinelResolver: RedisAddressResolver {
    private let configuration: RedisConfiguration
    private let primaryName: String
    private let logger: Logger
    private var hosts: [RedisHost]
    private var tls: RedisConnector.TLS?
    private var watchers: [RedisSubscriberCore] = []
    private weak var link: RedisLink?
    /// What a sentinel said about the last move; good for one attempt.
    private var announced: RedisAddress?
    private var isClosed = false

    static let patience = TimeAmount.milliseconds(250)
    /// For one round of questions, all sentinels together.
    static let roundLimit = TimeAmount.seconds(2)

    var longestDelay: TimeAmount? { .milliseconds(250) }
    var watchesRole: Bool { true }

    init(_ sentinels: RedisSentinels, configuration: RedisConfiguration, logger: Logger) {
        hosts = sentinels.hosts
        primaryName = sentinels.primaryName
        self.logger = logger
        // The log-in and TLS of the sentinels are their own, times and limits are the same.
        var own = configuration
        own.endpoint = .tcp(sentinels.hosts.first ?? RedisHost(host: "", port: 0))
        own.username = sentinels.username
        own.password = sentinels.password
        own.tls = sentinels.tls
        own.database = 0
        self.configuration = own
    }

    func start(link: RedisLink) {
        guard watchers.isEmpty, !isClosed else { return }
        self.link = link
        watchers = hosts.map { makeWatcher(of: $0, link) }
    }

    private func makeWatcher(of host: RedisHost, _ link: RedisLink) -> RedisSubscriberCore {
        let watcher = RedisSubscriberCore(
            configuration: configuration, resolver: FixedAddresses([.tcp(host)]), eventLoop: link.eventLoop,
            logger: logger, name: "sentinel", stateBox: RedisStateBox(),
            handlers: RedisSubscriberHandlers { [weak self] message in self?.received(message) })
        watcher.subscribe("+switch-master") { [logger] result in
            guard case .failure(let error) = result, error.code != .closed else { return }
            logger.warning(
                "Sentinel does not announce failovers to us",
                metadata: ["sentinel": "\(host)", "reason": "\(error)"])
        }
        watcher.start()
        return watcher
    }

    func close() {
        isClosed = true
        for watcher in watchers { watcher.close() }
        watchers = []
    }

    /// `name old-address old-port new-address new-port`
    private func received(_ message: RedisMessage) {
        let parts = String(buffer: message.payload).split(separator: " ")
        guard parts.count == 5, parts[0] == primaryName, let port = Int(parts[4]), (1...65_535).contains(port) else {
            return
        }
        let address = RedisAddress.tcp(RedisHost(host: String(parts[3]), port: port))
        announced = address
        link?.primaryMoved(to: address)
    }

    func succeeded() {
        announced = nil
    }

    func failed(_ error: RedisError) {
        announced = nil
        // The sentinel that named this address may be behind the others.
        if hosts.count > 1 { hosts.append(hosts.removeFirst()) }
    }

    func address(on eventLoop: any EventLoop) -> EventLoopFuture<Result<RedisAddress, RedisError>> {
        if let announced {
            self.announced = nil
            return eventLoop.makeSucceededFuture(.success(announced))
        }
        do {
            if tls == nil { tls = try RedisConnector.TLS(configuration.tls) }
        } catch {
            return eventLoop.makeSucceededFuture(.failure(error))
        }
        let round = SentinelRound(
            hosts: hosts, primaryName: primaryName, configuration: configuration, tls: tls, eventLoop: eventLoop)
        return round.start().assumeIsolated().map { result in
            switch result {
            case .success(let answer):
                if let index = self.hosts.firstIndex(of: answer.sentinel), index > 0 {
                    self.hosts.insert(self.hosts.remove(at: index), at: 0)
                }
                return .success(answer.primary)
            case .failure(let error):
                return .failure(error)
            }
        }.nonisolated()
    }
}

extension RedisConfiguration {
    func makeResolver(logger: Logger) -> any RedisAddressResolver {
        switch endpoint {
        case .tcp(let host): FixedAddresses([.tcp(host)])
        case .unixSocket(let path): FixedAddresses([.unixSocket(path)])
        case .sentinel(let sentinels): SentinelResolver(sentinels, configuration: self, logger: logger)
        case .cluster(let hosts): ClusterAddresses(hosts)
        }
    }
}

extension RedisConnectionSettings {
    init(_ configuration: RedisConfiguration, isSubscriber: Bool) {
        var handshake = RedisHandshake()
        handshake.username = configuration.username
        handshake.password = configuration.password
        handshake.clientName = configuration.clientName
        handshake.database = isSubscriber ? 0 : configuration.database
        switch configuration.endpoint {
        case .tcp, .unixSocket: break
        case .sentinel, .cluster:
            handshake.requiresPrimary = true
            // A server that is frozen takes connections and says nothing; meanwhile the sentinels may name another.
            handshakeTimeout = TimeAmount(min(configuration.commandTimeout, configuration.connectTimeout))
        }
        handshake.readsStatistics = isSubscriber
        self.handshake = handshake
        self.isSubscriber = isSubscriber
        limits = configuration.limits
        commandTimeout = TimeAmount(configuration.commandTimeout)
        pingInterval = TimeAmount(configuration.pingInterval)
        maximumBacklogBytes = configuration.maximumBacklogBytes
        maximumUnansweredCommands = configuration.maximumUnansweredCommands
    }
}
