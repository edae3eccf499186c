// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import HiredisNIO
internal import Logging
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore

/// All messages between this node and Redis: one way out, in order and bounded, and one way in, by channel. What any
/// thread may see and do of it; the rest is ``RedisBusCore``.
///
///     any thread ─▶ inbox ─▶ event loop: Outbox ─▶ transport ─▶ Redis
///     handlers by channel or pattern ◀─ event loop ◀─ transport ◀─ Redis
final class RedisBus: Sendable {
    let counters: ClusterCounters
    let log: RateLimitedLogger<ClusterLogKind>
    let core: LoopBound<RedisBusCore>
    private let inbox = PublishInbox()
    private let shared = NIOLockedValueBox(ClusterStatus.connecting)

    init(
        transport: sending any PubSubTransport, policy: OutagePolicy, counters: ClusterCounters, logger: Logger,
        maximumMessageBytes: Int = .max
    ) {
        let eventLoop = transport.eventLoop
        let log = RateLimitedLogger<ClusterLogKind>(logger, eventLoop: eventLoop)
        self.counters = counters
        self.log = log
        core = LoopBound(
            RedisBusCore(
                transport: transport, policy: policy, counters: counters, inbox: inbox,
                board: StatusBoard(shared: shared, counters: counters, logger: logger), log: log,
                maximumMessageBytes: maximumMessageBytes),
            on: eventLoop)
    }

    deinit { if status != .closed { core.execute { $0.disconnect() } } }

    /// Fails what waits, and ends the connections.
    func close() async {
        await core.get { $0.end() }
        // What has been published just before leaves at the end of that tick.
        await core.get { $0.disconnect() }
    }

    /// The state of the moment.
    var status: ClusterStatus { shared.withLockedValue { $0 } }

    /// Sends a message: at once on the event loop, else in the order of the calls.
    func publish(_ message: PublishMessage) {
        // What other threads have put there before keeps its place only among itself: nothing orders the two.
        if core.runIfHere({ $0.publish(message) }) != nil { return }
        if inbox.append(message) { core.execute { $0.drainInbox() } }
    }

    // MARK: Asking

    /// Throws unless other nodes can be asked.
    func requireAvailable() throws {
        switch status {
        case .up, .degraded: return
        case .connecting, .down, .closed: throw ClusterError.unavailable(status.description)
        }
    }

    /// How many subscribers a channel has.
    func subscriberCount(of channel: String) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            core.run { core in
                core.subscriberCounts(of: [channel]) { continuation.resume(with: $0.map { $0.first ?? 0 }) }
            }
        }
    }

    // MARK: Faults

    /// An answer of this node is over a limit: counted, and logged once a second at most.
    func answerRefused(_ error: any Error, _ limit: ClusterLimit = .answerBytes) {
        counters.refused(limit)
        core.run { $0.log.log(.answerNotSent, ["reason": "\(error)"]) }
    }
}
