// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOCore

/// Looks now and then whether the server a link uses still is a primary.
///
/// A connection to a server that has become a replica goes on without any sign: what is published there reaches nobody
/// else, and what is published at the primary is heard, if at all, over replication. Sentinels announce a move and cut such
/// connections, both once; whoever misses both would stay.
///
/// Asks over a short connection of its own, because a subscriber's takes no other commands. A server that cannot be reached
/// that way is left to the health check. Lives on the event loop of its link.
final class RoleWatch: RedisConnectionOwner {
    private let address: RedisAddress
    private let tls: RedisConnector.TLS?
    private let settings: RedisConnectionSettings
    private let connectTimeout: TimeAmount
    private let interval: TimeAmount
    private let eventLoop: any EventLoop
    private let lost: (RedisError) -> Void
    private var timer: RepeatedTask?
    private var probe: RedisConnection?

    init(
        address: RedisAddress, tls: RedisConnector.TLS?, configuration: RedisConfiguration, eventLoop: any EventLoop,
        lost: @escaping (RedisError) -> Void
    ) {
        self.address = address
        self.tls = tls
        var settings = RedisConnectionSettings(configuration, isSubscriber: false)
        settings.handshake.clientName = nil
        settings.handshake.database = 0
        settings.handshake.pings = false
        self.settings = settings
        connectTimeout = TimeAmount(configuration.connectTimeout)
        interval = TimeAmount(configuration.pingInterval)
        self.eventLoop = eventLoop
        self.lost = lost
    }

    func start() {
        timer = eventLoop.assumeIsolated().scheduleRepeatedTask(initialDelay: interval, delay: interval) {
            [weak self] _ in
            self?.look()
        }
    }

    func stop() {
        timer?.cancel()
        timer = nil
        let probe = probe
        self.probe = nil
        probe?.close(.closedByOwner)
    }

    private func look() {
        guard probe == nil, timer != nil else { return }
        let connection = RedisConnection(settings: settings, eventLoop: eventLoop, owner: self)
        probe = connection
        RedisConnector.connect(to: address, tls: tls, timeout: connectTimeout, connection: connection).whenComplete {
            result in
            switch result {
            case .success: if self.probe !== connection { connection.close(.closedByOwner) }
            case .failure: if self.probe === connection { self.probe = nil }
            }
        }
    }

    func connectionReady(_ connection: RedisConnection, _ facts: RedisServerFacts) {
        guard probe === connection else { return }
        probe = nil
        connection.close(.closedByOwner)
        // ROLE is not permitted: asking again only fills the ACL log.
        if !facts.refusals.isEmpty { stop() }
    }

    func connectionClosed(_ connection: RedisConnection, _ reason: RedisError) {
        guard probe === connection else { return }
        probe = nil
        guard reason.code == .notPrimary, timer != nil else { return }
        lost(RedisError(.notPrimary, "the server is no primary any more"))
    }
}
