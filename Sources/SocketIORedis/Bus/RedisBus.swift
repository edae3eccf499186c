// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import SocketIOCluster

/// All messages between this node and Redis: one way out, in order and bounded, and one way in, by channel. What any
/// thread may see and do of it; the rest is ``RedisBusCore``.
///
///     any thread ─▶ inbox ─▶ event loop: Outbox ─▶ transport ─▶ Redis
///     handlers by channel or pattern ◀─ event loop ◀─ transport ◀─ Redis
final class RedisBus: Sendable {
    let counters: ClusterCounters
    let core: LoopBound<RedisBusCore>
    private let inbox = PublishInbox()
    private let shared = NIOLockedValueBox(ClusterStatus.connecting)

    init(
        transport: sending any PubSubTransport, policy: OutagePolicy, counters: ClusterCounters, logger: Logger,
        log: RateLimitedLogger<ClusterLogKind>, maximumMessageBytes: Int = .max
    ) {
        let eventLoop = transport.eventLoop
        self.counters = counters
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
}
