// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import Logging
internal import LoopConfinement
internal import NIOCore

/// A transport for programs that are no servers: waits for Redis, publishes, listens and counts. From any thread.
final class RedisTool: Sendable {
    private let core: LoopBound<RedisToolCore>

    /// - Parameter onMessage: Receives what is published on the channels subscribed to, on the event loop.
    init(
        _ redis: RedisConfiguration, isSharded: Bool, eventLoop: any EventLoop, logger: Logger,
        onMessage: @escaping @Sendable (ByteBuffer) -> Void = { _ in }
    ) {
        core = LoopBound(
            RedisToolCore(
                RedisTransports.make(redis, isSharded: isSharded, eventLoop: eventLoop, logger: logger), onMessage),
            on: eventLoop)
        core.run { $0.start() }
    }

    deinit { core.execute { $0.close() } }

    func close() async { await core.get { $0.close() } }

    /// Waits until messages can be published and, if there are subscriptions, are heard.
    ///
    /// - Throws: `RedisError` with code `timeout` and the reason.
    func waitUntilUp(within limit: TimeAmount) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            core.run { $0.whenUp(within: limit) { continuation.resume(with: $0) } }
        }
    }

    /// Publishes, as soon as there is a connection. Returns how many subscribers Redis passed the message on to.
    func publish(_ message: RedisPublish, within patience: TimeAmount) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            core.run { $0.publish(message, until: .now() + patience) { continuation.resume(with: $0) } }
        }
    }

    func subscribe(_ channels: [String]) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            core.run { $0.transport.subscribe(channels: channels, patterns: []) { continuation.resume(with: $0) } }
        }
    }

    func subscriberCounts(of channels: [String]) async throws -> [Int] {
        try await withCheckedThrowingContinuation { continuation in
            core.run { $0.transport.subscriberCounts(of: channels) { continuation.resume(with: $0) } }
        }
    }
}

/// What ``RedisTool`` is on its event loop.
private final class RedisToolCore {
    typealias Waiter = (Result<Void, any Error>) -> Void

    let transport: any PubSubTransport
    private let onMessage: (ByteBuffer) -> Void
    private var isPublisherUp = false
    private var isSubscriberUp = false
    private var reason = "no connection yet"
    private var waiters: [Int: Waiter] = [:]
    private var lastWaiter = 0
    private var sent = CircularBuffer<(TransportOutcome) -> Void>()

    init(_ transport: any PubSubTransport, _ onMessage: @escaping (ByteBuffer) -> Void) {
        self.transport = transport
        self.onMessage = onMessage
    }

    func start() { transport.start(self) }

    func close() { transport.close() }

    func whenUp(within limit: TimeAmount, _ done: @escaping Waiter) {
        guard !(isPublisherUp && isSubscriberUp) else { return done(.success(())) }
        lastWaiter += 1
        let number = lastWaiter
        waiters[number] = done
        transport.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            let milliseconds = limit.nanoseconds / 1_000_000
            self.waiters.removeValue(forKey: number)?(
                .failure(RedisError(.timeout, "Redis was not reached within \(milliseconds) ms; \(self.reason)")))
        }
    }

    func publish(
        _ message: RedisPublish, until deadline: NIODeadline, _ done: @escaping (Result<Int, any Error>) -> Void
    ) {
        whenUp(within: deadline - transport.eventLoop.now) { result in
            if case .failure(let error) = result { return done(.failure(error)) }
            guard case .accepted = self.transport.publish(message) else {
                return self.publishLater(message, until: deadline, done)
            }
            self.sent.append { outcome in
                switch outcome {
                case .delivered(let count): done(.success(count))
                case .appended: done(.success(1))
                case .refused(let error): done(.failure(error))
                case .notSent: self.publishLater(message, until: deadline, done)
                case .unknown:
                    done(.failure(RedisError(.connectionLost, "the connection was lost before Redis answered")))
                }
            }
        }
    }

    private func publishLater(
        _ message: RedisPublish, until deadline: NIODeadline, _ done: @escaping (Result<Int, any Error>) -> Void
    ) {
        guard transport.eventLoop.now < deadline else {
            return done(.failure(RedisError(.notSent, "the message was not sent: \(reason)")))
        }
        transport.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(10)) {
            self.publish(message, until: deadline, done)
        }
    }
}

extension RedisToolCore: PubSubTransportDelegate {
    func publisherChanged(isUp: Bool, reason: String) {
        isPublisherUp = isUp
        changed(reason)
    }

    func subscriberChanged(isUp: Bool, reason: String) {
        isSubscriberUp = isUp
        changed(reason)
    }

    private func changed(_ reason: String) {
        if !reason.isEmpty { self.reason = reason }
        guard isPublisherUp, isSubscriberUp else { return }
        let waiters = waiters.sorted { $0.key < $1.key }
        self.waiters = [:]
        for waiter in waiters { waiter.value(.success(())) }
    }

    func publisherHasRoom() {}
    func published(_ outcome: TransportOutcome) { sent.popFirst()?(outcome) }
    func received(_ payload: ByteBuffer, channel: ByteBuffer, pattern: ByteBuffer?) { onMessage(payload) }
    func receivedOversized() {}
}

/// Makes the transport for a Redis.
enum RedisTransports {
    static func make(
        _ redis: RedisConfiguration, isSharded: Bool, eventLoop: any EventLoop, logger: Logger
    ) -> sending any PubSubTransport {
        if isSharded, case .cluster(let hosts) = redis.endpoint {
            return ShardedClusterTransport(hosts, configuration: redis, eventLoop: eventLoop, logger: logger)
        }
        return RedisTransport(configuration: redis, isSharded: isSharded, eventLoop: eventLoop, logger: logger)
    }
}
