// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
internal import Metrics
package import NIOCore

/// The primaries of a Redis Cluster: which slots each has, and a connection for commands to each. Lives on its event loop.
///
///     seeds ──▶ control ── CLUSTER SLOTS ──▶ map ──▶ a client for each primary
///
/// Reads the map again now and then, ten times a second while a primary cannot be reached or a slot has none, and when it is
/// told that something has moved.
package final class RedisClusterNodes {
    /// What is told, on the event loop.
    package struct Handlers {
        /// There is a map, another one, or the servers' own opinion of their state has changed.
        package var onMap: () -> Void = {}
        /// A primary's connection has come or gone.
        package var onLink: (RedisHost) -> Void = { _ in }
        /// See ``RedisClientHandlers``.
        package var onPublished: (RedisHost, _ tag: UInt64, PublishOutcome) -> Void = { _, _, _ in }
        package var onRoom: () -> Void = {}

        package init() {}
    }

    package let eventLoop: any EventLoop
    package private(set) var map: RedisSlotMap?
    /// Why there is no map, or why the servers do not serve.
    package private(set) var trouble: String?
    /// How often a map has been read.
    package private(set) var readings = 0
    private let configuration: RedisConfiguration
    private let logger: Logger
    private let handlers: Handlers
    private let control: RedisClientCore
    private let addresses: ClusterAddresses
    private var clients: [RedisHost: RedisClientCore] = [:]
    private var isAsking = false
    private var mustAskAgain = false
    /// Whether a server has refused a command because of the state of the cluster.
    private var isStateInDoubt = false
    private var isClosed = false
    private var timer: Scheduled<Void>?
    private let mapsRead = Counter(label: "socketio_redis_cluster_maps_total")
    private let redirections = Counter(label: "socketio_redis_cluster_redirections_total")
    private let primaries = Gauge(label: "socketio_redis_cluster_primaries")
    private let primariesUp = Gauge(label: "socketio_redis_cluster_primaries_up")

    private static let patience = TimeAmount.milliseconds(500)
    private static let urgentInterval = TimeAmount.milliseconds(100)

    package init(
        _ hosts: [RedisHost], configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger,
        handlers: Handlers
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.handlers = handlers
        addresses = ClusterAddresses(hosts)
        var own = configuration
        // Any server knows the map, also a replica.
        own.endpoint = .tcp(hosts.first ?? RedisHost(host: "", port: 0))
        // A cluster that has been resharded often has a long map.
        own.limits.maximumElements = max(own.limits.maximumElements, 1 << 20)
        let relay = Relay()
        var controlHandlers = RedisClientHandlers()
        controlHandlers.onState = { relay.onState($0) }
        control = RedisClientCore(
            configuration: own, resolver: addresses, eventLoop: eventLoop, logger: logger, name: "cluster",
            stateBox: RedisStateBox(), handlers: controlHandlers)
        relay.nodes = self
    }

    /// Passes on what the control connection tells; a class of its own, because the connection is made with it.
    private final class Relay {
        weak var nodes: RedisClusterNodes?

        func onState(_ state: RedisLinkState) {
            guard let nodes else { return }
            if case .down(let reason) = state, nodes.map == nil { nodes.change(trouble: reason) }
            if case .up = state { nodes.refresh() }
        }
    }

    // MARK: Life

    package func start() { control.start() }

    package func close() {
        isClosed = true
        timer?.cancel()
        control.close()
        for client in clients.values { client.close() }
        clients = [:]
    }

    package var localAddress: SocketAddress? { control.localAddress }

    // MARK: Primaries

    package func client(of host: RedisHost) -> RedisClientCore? { clients[host] }

    /// The configuration of connections to one server.
    package func configuration(of host: RedisHost) -> RedisConfiguration {
        var configuration = configuration
        configuration.endpoint = .tcp(host)
        return configuration
    }

    /// Why not all slots are served; nil when they are.
    package var reasonForTrouble: String? {
        guard let map else { return trouble ?? "" }
        if let trouble { return trouble }
        guard map.isComplete else { return "a slot has no primary" }
        for host in map.primaries where !(clients[host]?.isUp ?? false) { return "the primary \(host) is not reached" }
        return nil
    }

    private func adopt(_ map: RedisSlotMap) {
        readings += 1
        mapsRead.increment()
        let isNew = map != self.map
        self.map = map
        addresses.found(map.primaries)
        for (host, client) in clients where !map.primaries.contains(host) {
            clients[host] = nil
            client.close()
        }
        for host in map.primaries { makeClient(of: host) }
        if isNew {
            primaries.record(map.primaries.count)
            recordLinks()
            logger.info(
                "The slots of the Redis Cluster have been read",
                metadata: ["primaries": "\(map.primaries.map(\.description).sorted().joined(separator: " "))"])
        }
        change(trouble: nil)
        handlers.onMap()
    }

    private func makeClient(of host: RedisHost) {
        guard clients[host] == nil, !isClosed else { return }
        var handlers = RedisClientHandlers()
        handlers.onState = { [weak self] _ in self?.linkChanged(host) }
        handlers.onPublished = { [weak self] tag, outcome in self?.handlers.onPublished(host, tag, outcome) }
        handlers.onRoom = { [weak self] in self?.handlers.onRoom() }
        let client = RedisClientCore(
            configuration: configuration(of: host), eventLoop: eventLoop, logger: logger, name: "node",
            handlers: handlers)
        clients[host] = client
        client.start()
    }

    private func linkChanged(_ host: RedisHost) {
        guard !isClosed else { return }
        recordLinks()
        if !(clients[host]?.isUp ?? false) { refresh() }
        handlers.onLink(host)
    }

    private func recordLinks() { primariesUp.record(clients.values.count { $0.isUp }) }

    // MARK: The map

    /// A server has answered that a slot is at another one.
    package func moved(_ redirection: RedisRedirection, from host: RedisHost) {
        redirections.increment()
        guard !redirection.isAsk, !isClosed else { return }
        let target = redirection.target(asked: host)
        guard map?.owner(of: redirection.slot) != target else { return }
        map?.move(redirection.slot, to: target)
        makeClient(of: target)
        handlers.onMap()
        refresh()
    }

    /// A server has refused a command because of the state of the cluster.
    package func refused(_ error: RedisError) {
        isStateInDoubt = true
        change(trouble: error.message)
        refresh()
    }

    /// Reads the map again.
    package func refresh() {
        guard !isClosed else { return }
        guard !isAsking else { return mustAskAgain = true }
        isAsking = true
        mustAskAgain = false
        timer?.cancel()
        let asksForState = isStateInDoubt
        control.send(RESPCommand("CLUSTER SLOTS"), timeout: Self.patience, whenDown: .wait(Self.patience)) { result in
            let map: Result<RedisSlotMap, RedisError>
            do throws(RedisError) {
                map = .success(try RedisSlotMap(result.get(), asked: self.addresses.current))
            } catch {
                map = .failure(error)
            }
            guard asksForState, case .success = map else { return self.answered(map) }
            self.control.send(RESPCommand("CLUSTER INFO"), timeout: Self.patience) { self.answered(map, state: $0) }
        }
    }

    private func answered(
        _ result: Result<RedisSlotMap, RedisError>, state: Result<RESPValue, RedisError>? = nil
    ) {
        isAsking = false
        guard !isClosed else { return }
        switch result {
        case .success(let map):
            // Without the right to ask for the state, the next refusal will tell.
            if case .success(let text)? = state, text.stringValue?.contains("cluster_state:ok") == false { break }
            if state != nil { isStateInDoubt = false }
            adopt(map)
        case .failure(let error):
            if error.code == .timeout || error.code == .notConnected { control.moveOn(error) }
            if map == nil || error.code == .permission || error.code == .server { change(trouble: error.message) }
        }
        guard !mustAskAgain else { return refresh() }
        let isUrgent = reasonForTrouble != nil || isStateInDoubt
        timer = eventLoop.assumeIsolated().scheduleTask(
            in: isUrgent ? Self.urgentInterval : TimeAmount(configuration.pingInterval)
        ) { self.refresh() }
    }

    private func change(trouble: String?) {
        guard trouble != self.trouble else { return }
        self.trouble = trouble
        handlers.onMap()
    }
}

/// The servers that can be asked for the map: the seeds, then the primaries, staying with one that works.
final class ClusterAddresses: RedisAddressResolver {
    private let seeds: [RedisHost]
    private var hosts: [RedisHost]
    private var index: Int

    init(_ seeds: [RedisHost]) {
        self.seeds = seeds
        hosts = seeds
        // Nodes that start together do not all ask the same server.
        index = seeds.isEmpty ? 0 : Int.random(in: seeds.indices)
    }

    /// The server that is asked, or the next one to be.
    private(set) var current = RedisHost(host: "", port: 0)

    func found(_ primaries: [RedisHost]) {
        let next = hosts.isEmpty ? nil : hosts[index % hosts.count]
        hosts = primaries + seeds.filter { !primaries.contains($0) }
        index = next.flatMap { hosts.firstIndex(of: $0) } ?? 0
    }

    func address(on eventLoop: any EventLoop) -> EventLoopFuture<Result<RedisAddress, RedisError>> {
        guard !hosts.isEmpty else {
            return eventLoop.makeSucceededFuture(.failure(RedisError(.configuration, "there is no address")))
        }
        current = hosts[index % hosts.count]
        return eventLoop.makeSucceededFuture(.success(.tcp(current)))
    }

    func failed(_ error: RedisError) { index = hosts.isEmpty ? 0 : (index + 1) % hosts.count }

    /// A failover is soon over: the next server is tried soon.
    var longestDelay: TimeAmount? { .milliseconds(100) }
}
