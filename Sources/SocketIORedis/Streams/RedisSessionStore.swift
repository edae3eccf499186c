// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer
internal import Synchronization

/// The sessions of all nodes as keys in Redis (protocol 4.12.3, 5.8). From any thread.
///
/// The record of a connected socket names its node. When that node is dead, another one may take the session; while it
/// is alive, the other node asks it for the session, and it closes the socket and writes the final record.
final class RedisSessionStore: SessionStore {
    private let bus: RedisBus
    private let hub: LoopBound<StreamHub>
    private let names: StreamNames
    private let configuration: RedisClusterConfiguration
    private let counters: ClusterCounters
    /// The most bytes of a record.
    private let maximumBytes: Int
    private let prefix: StoredSession.KeyPrefix
    private let nodeID = NIOLockedValueBox("")
    /// The number of records that have not been written to Redis yet.
    private let unwritten = Atomic(0)

    /// How long a record waits for a connection to Redis, and a client for its record.
    private static let writePatience = TimeAmount.seconds(30)
    private static let readPatience = TimeAmount.seconds(5)
    /// How long a client waits until the events that were delivered early have their positions.
    private static let settlePatience = Duration.seconds(5)
    /// How long another node may take to release a session, and this node to read the events that the client has seen
    /// elsewhere.
    private static let releasePatience = Duration.milliseconds(400)
    private static let offsetPatience = Duration.seconds(1)
    private static let finishPatience = Duration.seconds(2)
    private static let step = Duration.milliseconds(10)
    private static let longStep = Duration.milliseconds(50)
    /// How often a client tries to get a session which other connections continue at the same time.
    private static let mostClaims = 3
    /// How long a record that was put back is kept, in milliseconds; its node writes it again before.
    private static let returnedLife = 120_000

    init(
        bus: RedisBus, hub: LoopBound<StreamHub>, names: StreamNames, configuration: RedisClusterConfiguration,
        maximumBytes: Int, prefix: StoredSession.KeyPrefix, counters: ClusterCounters
    ) {
        self.bus = bus
        self.hub = hub
        self.names = names
        self.configuration = configuration
        self.maximumBytes = maximumBytes
        self.prefix = prefix
        self.counters = counters
    }

    var owner: String {
        get { nodeID.withLockedValue { $0 } }
        set { nodeID.withLockedValue { $0 = newValue } }
    }

    // MARK: Writing

    func keep(_ record: KeptSession, for life: TimeAmount) {
        guard let value = try? StoredSession.encode(record) else { return }
        // No node would read it, and an earlier one would have other rooms.
        guard value.readableBytes <= maximumBytes else {
            counters.refused(.sessionBytes)
            return forget(record.pid)
        }
        let milliseconds = Int(clamping: max(life.nanoseconds / 1_000_000, 1))
        write(RESPCommand("SET", StoredSession.key(prefix, record.pid), value, "PX", milliseconds))
    }

    func forget(_ pid: PackedID) { write(RESPCommand("DEL", StoredSession.key(prefix, pid))) }

    func write(_ command: RESPCommand) {
        unwritten.wrappingAdd(1, ordering: .relaxed)
        bus.core.run { bus in
            bus.execute(command, patience: Self.writePatience) { [weak self] _ in
                _ = self?.unwritten.wrappingSubtract(1, ordering: .relaxed)
            }
        }
    }

    /// Returns when everything has been written, or after a time limit.
    func finish() async {
        let end = ContinuousClock.now + Self.finishPatience
        while unwritten.load(ordering: .relaxed) > 0, ContinuousClock.now < end {
            try? await Task.sleep(for: Self.step)
        }
    }

    // MARK: Reading

    func find(_ pid: PackedID, in namespace: String) async throws(RecoveryFailure) -> KeptSession {
        let command = RESPCommand("GET", StoredSession.key(prefix, pid))
        guard let record = try await ask(command, about: pid, in: namespace) else {
            throw .unknownPid
        }
        return record
    }

    func claim(_ record: KeptSession) async throws(RecoveryFailure) -> KeptSession {
        var found = record
        for _ in 0..<Self.mostClaims {
            if let holder = found.owner, !holder.hasSameBytes(as: owner) { try await release(found, by: holder) }
            let command = RESPCommand.take(StoredSession.key(prefix, record.pid))
            guard let taken = try await ask(command, about: record.pid, in: record.namespace) else {
                throw .alreadyUsed
            }
            guard let holder = taken.owner, !(found.owner?.hasSameBytes(as: holder) ?? false) else { return taken }
            // Another connection has continued the session since the record was found: its socket has to be closed first.
            giveBack(taken)
            guard !holder.hasSameBytes(as: owner) else { throw .alreadyUsed }
            found = taken
        }
        throw .ownerUnreachable
    }

    /// Puts a record back whose socket is connected, unless the socket's node has written it again meanwhile.
    private func giveBack(_ record: KeptSession) {
        guard let value = try? StoredSession.encode(record) else { return }
        write(RESPCommand("SET", StoredSession.key(prefix, record.pid), value, "PX", Self.returnedLife, "NX"))
    }

    private func ask(
        _ command: RESPCommand, about pid: PackedID, in namespace: String
    ) async throws(RecoveryFailure) -> KeptSession? {
        guard let bytes = try await value(of: command) else { return nil }
        guard bytes.readableBytes <= maximumBytes else {
            counters.refused(.sessionBytes)
            return nil
        }
        let limits = StoredSession.Limits(
            maximumRooms: configuration.maxRooms, maximumNameLength: 1024, maximumBytes: maximumBytes)
        let record = StoredSession.decode(bytes, wantedIn: namespace, limits: limits)
        // Somebody else may write there, too: no record is for another session than the one that was asked for.
        guard let record, record.pid == pid, !record.isFromNodeJS || prefix == .shared else { return nil }
        return record
    }

    func value(of command: RESPCommand) async throws(RecoveryFailure) -> ByteBuffer? {
        try await reply(to: command).bytes
    }

    func reply(to command: RESPCommand) async throws(RecoveryFailure) -> RESPValue {
        let reply: Result<RESPValue, any Error> = await withCheckedContinuation { continuation in
            bus.core.run { bus in
                bus.execute(command, patience: Self.readPatience) { continuation.resume(returning: $0) }
            }
        }
        guard case .success(let value) = reply else { throw .storeUnavailable }
        return value
    }

    // MARK: Early events

    func settle(
        offset: EventPosition, _ early: EarlyMark?, in namespace: String
    ) async throws(RecoveryFailure) -> Set<EventPosition> {
        let end = ContinuousClock.now + Self.settlePatience
        while await !hub.get({ $0.isSettled(namespace) }) {
            guard ContinuousClock.now < end else { throw .storeUnavailable }
            try? await Task.sleep(for: Self.step)
        }
        guard await hasReached(offset, in: namespace) else { throw .unknownOffset }
        guard let early else { return [] }
        while true {
            if let positions = try await positions(of: early, after: offset, in: namespace) { return positions }
            guard ContinuousClock.now < end else { throw .unknownOffset }
            try? await Task.sleep(for: Self.longStep)
        }
    }

    private func positions(
        of early: EarlyMark, after offset: EventPosition, in namespace: String
    ) async throws(RecoveryFailure) -> Set<EventPosition>? {
        if await hub.get({ $0.isOwn(early, in: namespace) }) {
            return await hub.get { $0.early(early, after: offset, in: namespace) }
        }
        guard let text = try await value(of: RESPCommand("GET", Self.key(of: early.node))) else { return nil }
        return EarlyEntries(text)?.positions(through: early.number, after: offset)
    }

    /// Tells the other nodes which entries this node had delivered before they were in the stream.
    func keep(_ entries: EarlyEntries, of node: String, for life: TimeAmount) {
        let milliseconds = Int(clamping: max(life.nanoseconds / 1_000_000, 1))
        write(RESPCommand("SET", Self.key(of: node), entries.text, "PX", milliseconds))
    }

    private static func key(of node: String) -> String { "\(StoredSession.KeyPrefix.own.rawValue)early:\(node)" }

    /// Whether this node has read the events that the client has seen elsewhere. Waits a moment for them.
    private func hasReached(_ offset: EventPosition, in namespace: String) async -> Bool {
        let stream = names.stream(of: namespace)
        let end = ContinuousClock.now + Self.offsetPatience
        while true {
            if await hub.get({ $0.hasDelivered(offset, in: namespace, of: stream) }) { return true }
            guard ContinuousClock.now < end else { return false }
            try? await Task.sleep(for: Self.step)
        }
    }

    func whenDelivered(in namespace: String, _ body: @escaping @Sendable () -> Void) {
        hub.run { $0.whenDelivered(in: namespace, body) }
    }

    /// Asks the node that has the session to close it, unless that node is dead.
    private func release(_ record: KeptSession, by holder: String) async throws(RecoveryFailure) {
        let channel = PeerMessage.channel(of: holder, key: configuration.key)
        guard await isListening(channel) else { return }
        var message = PeerMessage(.ask, node: owner)
        message.id = record.pid.text
        message.nsp = record.namespace
        message.what = "release"
        message.pid = record.pid.text
        guard let text = try? message.text(to: holder, configuration.cluster) else { throw .ownerUnreachable }
        bus.publish(PublishMessage(command: RedisPublish(text, to: channel), kind: .signal))
        let end = ContinuousClock.now + Self.releasePatience
        while true {
            let command = RESPCommand("GET", StoredSession.key(prefix, record.pid))
            guard let found = try await ask(command, about: record.pid, in: record.namespace) else {
                throw .alreadyUsed
            }
            if found.owner == nil { return }
            if ContinuousClock.now >= end { break }
            try? await Task.sleep(for: Self.step)
        }
        if await isListening(channel) { throw .ownerUnreachable }
    }

    private func isListening(_ channel: String) async -> Bool {
        let counts: [Int] = await withCheckedContinuation { continuation in
            bus.core.run { bus in
                bus.subscriberCounts(of: [channel]) { continuation.resume(returning: (try? $0.get()) ?? [1]) }
            }
        }
        return counts.first ?? 1 > 0
    }
}
