// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import Logging
internal import SocketIOCore

/// Subscribes to each channel at the primary of its slot, and follows the slot while connected. Lives on its event loop.
///
///     unplaced ── the slot has a primary ──▶ placed ── confirmed ──▶ heard
///        ▲                                     │  ▲                    │
///        └── the cluster is down ──────────────┘  └── `MOVED`, another map ──┘
///
/// A server that gives a slot away ends the subscriptions to its channels by itself. The subscriber then asks it once more,
/// and is told where the slot is.
final class SlotSubscriptions {
    private final class Entry {
        let channel: String
        let slot: Int
        /// The primary that has been asked.
        var host: RedisHost?
        /// The primary that had the slot before, and may still deliver.
        var previous: RedisHost?
        var isConfirmed = false
        /// Whether it was confirmed once, and is not at the moment.
        var isLost = false
        var redirections = 0
        var waiters: [(Result<Void, any Error>) -> Void] = []

        init(_ channel: String) {
            self.channel = channel
            slot = RedisSlot.of(channel)
        }
    }

    weak var delegate: (any PubSubTransportDelegate)?
    private let nodes: RedisClusterNodes
    private let logger: Logger
    private var entries: NameDictionary<Entry> = [:]
    /// Subscriptions that were confirmed once and are not at the moment.
    private var lostCount = 0
    private var subscribers: [RedisHost: RedisSubscriberCore] = [:]
    /// Why a subscriber does not hear everything.
    private var troubles: [RedisHost: String] = [:]
    private var map: RedisSlotMap?
    private var isUp: Bool?
    private var isClosed = false

    /// After so many redirections in a row, the map is waited for.
    private static let maximumRedirections = 5

    init(_ nodes: RedisClusterNodes, logger: Logger) {
        self.nodes = nodes
        self.logger = logger
    }

    func close() {
        isClosed = true
        for subscriber in subscribers.values { subscriber.close() }
        subscribers = [:]
        let waiters = entries.values.flatMap(\.waiters)
        entries = [:]
        for waiter in waiters { waiter(.failure(RedisError(.closed, "the Redis client was closed"))) }
    }

    // MARK: Subscriptions

    func subscribe(_ channels: [String], _ done: @escaping (Result<Void, any Error>) -> Void) {
        guard !channels.isEmpty else { return done(.success(())) }
        var missing = channels.count
        var failure: (any Error)?
        for channel in channels {
            let entry = entries[channel] ?? makeEntry(channel)
            let waiter: (Result<Void, any Error>) -> Void = { result in
                missing -= 1
                if case .failure(let error) = result, failure == nil { failure = error }
                if missing == 0 { done(failure.map { .failure($0) } ?? .success(())) }
            }
            if entry.isConfirmed { waiter(.success(())) } else { entry.waiters.append(waiter) }
        }
        report()
    }

    private func makeEntry(_ channel: String) -> Entry {
        let entry = Entry(channel)
        entries[channel] = entry
        place(entry)
        return entry
    }

    func unsubscribe(_ channels: [String]) {
        for channel in channels {
            guard let entry = entries.removeValue(forKey: channel) else { continue }
            found(entry)
            for host in [entry.host, entry.previous] {
                if let host { subscribers[host]?.unsubscribe(channel, kind: .sharded) { _ in } }
            }
        }
        report()
    }

    /// Asks the primary of the slot.
    private func place(_ entry: Entry) {
        guard !isClosed, let host = nodes.map?.owner(of: entry.slot) else { return entry.host = nil }
        entry.host = host
        subscriber(of: host).subscribe(entry.channel, kind: .sharded) { [weak self, weak entry] result in
            if let entry { self?.answered(entry, host, result) }
        }
    }

    private func answered(_ entry: Entry, _ host: RedisHost, _ result: Result<Void, RedisError>) {
        guard !isClosed, entries[entry.channel] === entry else { return }
        guard entry.host == host else {
            if case .failure = result, entry.previous == host { entry.previous = nil }
            return
        }
        switch result {
        case .success:
            guard !entry.isConfirmed else { return }
            entry.isConfirmed = true
            entry.redirections = 0
            found(entry)
            let waiters = entry.waiters
            entry.waiters = []
            // First the state: who waits for the last subscription shall find it up.
            report()
            for waiter in waiters { waiter(.success(())) }
        case .failure(let error) where error.code == .closed: break
        case .failure(let error) where error.code == .redirected: redirected(entry, host, error)
        case .failure(let error) where error.code == .loading:
            lost(entry)
            entry.host = nil
            nodes.refused(error)
            report()
        case .failure(let error):
            found(entry)
            entries[entry.channel] = nil
            let waiters = entry.waiters
            if waiters.isEmpty {
                logger.warning("Redis does not permit a subscription any more", metadata: ["reason": "\(error)"])
            }
            report()
            for waiter in waiters { waiter(.failure(error)) }
        }
    }

    private func redirected(_ entry: Entry, _ host: RedisHost, _ error: RedisError) {
        lost(entry)
        entry.host = nil
        entry.redirections += 1
        if let redirection = error.redirection { nodes.moved(redirection, from: host) }
        // The change of the map may have placed it.
        if entry.host == nil {
            if entry.redirections <= Self.maximumRedirections { place(entry) } else { nodes.refresh() }
        }
        report()
    }

    private func lost(_ entry: Entry) {
        guard entry.isConfirmed else { return }
        entry.isConfirmed = false
        entry.isLost = true
        lostCount += 1
    }

    private func found(_ entry: Entry) {
        guard entry.isLost else { return }
        entry.isLost = false
        lostCount -= 1
    }

    // MARK: Servers

    private func subscriber(of host: RedisHost) -> RedisSubscriberCore {
        if let subscriber = subscribers[host] { return subscriber }
        var handlers = RedisSubscriberHandlers { [weak self] message in
            self?.delegate?.received(message.payload, channel: message.channel, pattern: message.pattern)
        }
        handlers.onState = { [weak self] state in self?.linkChanged(host, state) }
        handlers.onOversized = { [weak self] in self?.delegate?.receivedOversized() }
        handlers.onRefusal = { [weak self] channel, error in
            guard let self, let entry = self.entries[channel] else { return }
            self.answered(entry, host, .failure(error))
        }
        let subscriber = RedisSubscriberCore(
            configuration: nodes.configuration(of: host), eventLoop: nodes.eventLoop, logger: logger,
            name: "subscribe", handlers: handlers)
        subscribers[host] = subscriber
        subscriber.start()
        return subscriber
    }

    private func linkChanged(_ host: RedisHost, _ state: RedisLinkState) {
        switch state {
        case .up: troubles[host] = nil
        case .connecting: break
        case .degraded(let reason): troubles[host] = reason
        case .down(let reason):
            troubles[host] = reason
            nodes.refresh()
        case .closed: troubles[host] = nil
        }
        report()
    }

    /// There may be another map.
    func clusterChanged() {
        guard !isClosed else { return }
        if let map = nodes.map {
            let isNew = map != self.map
            self.map = map
            for entry in Array(entries.values) {
                if entry.host == nil {
                    if isNew { entry.redirections = 0 }
                    place(entry)
                } else if isNew, let owner = map.owner(of: entry.slot), owner != entry.host {
                    move(entry, map)
                }
            }
            for (host, subscriber) in subscribers where !map.primaries.contains(host) {
                subscribers[host] = nil
                troubles[host] = nil
                subscriber.close()
            }
        }
        report()
    }

    /// Follows a slot to another primary. As long as the primary so far does not know of it, messages go there.
    private func move(_ entry: Entry, _ map: RedisSlotMap) {
        lost(entry)
        if let host = entry.host {
            if map.primaries.contains(host) {
                entry.previous = host
            } else {
                subscribers[host]?.unsubscribe(entry.channel, kind: .sharded) { _ in }
            }
        }
        place(entry)
    }

    // MARK: State

    private func report() {
        guard !isClosed else { return }
        var reason: String?
        if map == nil {
            reason = nodes.trouble ?? ""
        } else if let trouble = troubles.values.min(by: { $0.precedesByBytes($1) }) {
            reason = trouble
        } else if lostCount > 0 {
            reason = "subscriptions are moving to another server"
        }
        guard let reason else {
            guard isUp != true else { return }
            isUp = true
            return delegate?.subscriberChanged(isUp: true, reason: "") ?? ()
        }
        if isUp == true { isUp = false }
        if isUp == false || !reason.isEmpty { delegate?.subscriberChanged(isUp: false, reason: reason) }
    }
}
