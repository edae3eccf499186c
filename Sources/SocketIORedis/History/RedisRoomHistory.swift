// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// The histories of rooms as streams in Redis, the same for all nodes. From any thread.
///
/// An event is added to the stream and published in one step. A node that was cut off, or hears a number that is not the
/// next one, reads what it has missed.
final class RedisRoomHistory: RoomHistory {
    private struct Receiver: Sendable {
        weak var receiver: (any RoomHistoryReceiver)?
    }

    private let bus: RedisBus
    private let commands: RoomHistoryCommands
    private let maximumBytes: Int
    private let receivers = NIOLockedValueBox<[ExactName: Receiver]>([:])
    private let hasBegun = NIOLockedValueBox(false)

    /// How long a command waits for a connection, and how long after the call it is still repeated.
    private static let patience = TimeAmount.seconds(5)
    private static let retryDelay = Duration.milliseconds(20)
    /// What an event needs beside its own bytes, at most.
    private static let overhead = 64 * 1024
    /// How many foreign entries of one answer are counted.
    private static let maximumReports = 2_000

    init(bus: RedisBus, configuration: RedisClusterConfiguration) {
        self.bus = bus
        commands = RoomHistoryCommands(key: configuration.key, isSharded: configuration.sharded != nil)
        maximumBytes = configuration.maxMessageBytes - Self.overhead
    }

    /// Listens to the events of all nodes. Later calls do nothing.
    func begin() {
        let isFirst = hasBegun.withLockedValue { hasBegun in
            defer { hasBegun = true }
            return !hasBegun
        }
        guard isFirst else { return }
        let channel = commands.channel
        bus.core.run { [weak self] bus in
            bus.onHearing = { [weak self] in self?.resumed() }
            let handler: RedisBusCore.Handler = { payload, _ in self?.received(payload) }
            bus.subscribe(channels: [(channel, handler)]) { _ in }
        }
    }

    func listen(in namespace: String, _ receiver: any RoomHistoryReceiver) {
        receivers.withLockedValue { receivers in
            receivers = receivers.filter { $0.value.receiver != nil }
            receivers[ExactName(namespace)] = Receiver(receiver: receiver)
        }
    }

    // MARK: Hearing

    private func received(_ payload: ByteBuffer) {
        guard let message = RoomHistoryCommands.announcement(payload) else {
            return invalid("an event of a room", StoredRoomEvent.Invalid.truncated)
        }
        let receiver = receivers.withLockedValue { $0[ExactName(message.namespace)]?.receiver }
        guard let receiver, receiver.wants(message.room) else { return }
        do {
            let content = try StoredRoomEvent.decode(message.event, in: message.namespace)
            receiver.kept(LiveEvent(room: message.room, position: message.position, content: content))
        } catch {
            invalid("an event of a room", error)
        }
    }

    private func resumed() {
        for receiver in receivers.withLockedValue({ Array($0.values) }) { receiver.receiver?.resumed() }
    }

    private func invalid(_ what: String, _ error: any Error) { bus.core.run { $0.invalid(what, error) } }

    // MARK: Asking

    func append(
        _ event: EventToKeep, to room: String, in namespace: String, _ limits: RoomHistoryLimits, seen: RoomPosition?
    ) async throws(SocketError) -> RoomPosition {
        let bytes = StoredRoomEvent.encode(event)
        guard bytes.readableBytes <= maximumBytes, StoredRoomEvent.canBeEncoded(event) else {
            throw SocketError(.tooLarge, "the event is larger than a message between nodes may be")
        }
        let token = RandomID.make()
        let end = ContinuousClock.now + .nanoseconds(Self.patience.nanoseconds)
        var isRepetition = false
        while true {
            let command = commands.append(
                bytes, to: room, in: namespace, limits, seen: seen, token: token, isRepetition: isRepetition)
            switch await reply(to: command, commands.key(of: room, in: namespace)) {
            case .success(let reply):
                for _ in 0..<min(RoomHistoryCommands.foreignEntries(reply), Self.maximumReports) {
                    invalid("an entry of a history", StoredRoomEvent.Invalid.number)
                }
                guard let position = RoomHistoryCommands.position(reply) else { throw Self.unreadable }
                return position
            case .failure(let error):
                // Whether it was kept is not known: the repetition finds it by its token.
                guard Self.mayBeRepeated(error), ContinuousClock.now < end, !Task.isCancelled else {
                    throw Self.unavailable(error)
                }
                isRepetition = true
                try? await Task.sleep(for: Self.retryDelay)
            }
        }
    }

    func read(
        _ query: RoomQuery, of room: String, in namespace: String, count: Int, bytes: Int, _ limits: RoomHistoryLimits
    ) async throws(SocketError) -> RoomPage {
        let command = commands.read(query, of: room, in: namespace, count: count, bytes: bytes, limits)
        let key = commands.key(of: room, in: namespace)
        let end = ContinuousClock.now + .nanoseconds(Self.patience.nanoseconds)
        while true {
            switch await reply(to: command, key) {
            case .success(let reply):
                let page = RoomHistoryCommands.page(reply, query, in: namespace) {
                    invalid("an entry of a history", $0)
                }
                guard let page else { throw Self.unreadable }
                return page
            case .failure(let error):
                guard Self.mayBeRepeated(error), ContinuousClock.now < end, !Task.isCancelled else {
                    throw Self.unavailable(error)
                }
                try? await Task.sleep(for: Self.retryDelay)
            }
        }
    }

    private func reply(to command: RESPCommand, _ key: String) async -> Result<RESPValue, any Error> {
        await withCheckedContinuation { continuation in
            bus.core.run { bus in
                bus.execute(command, key: key, patience: Self.patience) { continuation.resume(returning: $0) }
            }
        }
    }

    private static func mayBeRepeated(_ error: any Error) -> Bool {
        guard let error = error as? RedisError else { return false }
        return [.notSent, .connectionLost, .timeout, .loading, .notConnected, .redirected, .notPrimary]
            .contains(error.code)
    }

    private static func unavailable(_ error: any Error) -> SocketError {
        SocketError(.historyUnavailable, "the history in Redis cannot be used: \(error)")
    }

    private static let unreadable = SocketError(
        .historyUnavailable, "Redis has answered something else than a history")
}
