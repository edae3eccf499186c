// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Knows how many nodes listen on the channels that matter, and holds messages back after an outage until as many are back.
///
/// Asks Redis by `PUBSUB NUMSUB`. Lives on the bus's event loop.
final class PeerSubscriptionMonitor {
    /// What the watch needs of its bus.
    struct Environment {
        let isPublisherUp: () -> Bool
        let isSubscriberUp: () -> Bool
        /// Whether something else has to be known before messages may go out.
        let isHeldUp: () -> Bool
        /// Messages may go out, or (false) have to wait.
        let gateChanged: (_ isOpen: Bool) -> Void
    }

    private let transport: any PubSubTransport
    private let environment: Environment
    private let grace: TimeAmount
    private var gate: ReplayGate
    /// Subscribers of the channels watched, as last seen with everything up.
    private var known: NameDictionary<Int> = [:]
    private var watched: NameSet = []
    private var interval = PeerSubscriptionMonitor.shortestInterval

    /// How long to wait for others when only this node is known to have lost its subscriptions.
    private static let shortWait = TimeAmount.milliseconds(250)
    /// Redis is asked again after 2 ms, then less and less often.
    private static let shortestInterval = TimeAmount.milliseconds(2)
    private static let longestInterval = TimeAmount.milliseconds(32)
    private static let maximumChannels = 64

    init(transport: any PubSubTransport, grace: TimeAmount, environment: Environment) {
        self.transport = transport
        self.environment = environment
        self.grace = grace
        gate = ReplayGate(grace: grace)
    }

    // MARK: Knowing

    func watch(_ channel: String) { watched.insert(channel) }

    func unwatch(_ channel: String) {
        watched.remove(channel)
        known[channel] = nil
    }

    /// So many nodes listen on a channel, as is known from elsewhere.
    func expect(_ count: Int, on channel: String) { known[channel] = count }

    /// Looks how many listen; now and then.
    func sample() {
        guard gate.isOpen, environment.isSubscriberUp(), !watched.isEmpty else { return }
        // That of the peers comes first; servers of a namespace more or less are the same as those of another.
        let channels = Array(watched.sorted().prefix(Self.maximumChannels))
        transport.subscriberCounts(of: channels) { result in
            guard self.gate.isOpen, self.environment.isSubscriberUp(), case .success(let counts) = result else {
                return
            }
            for (channel, count) in zip(channels, counts) { self.known[channel] = count }
        }
    }

    // MARK: The gate

    /// Redis can be reached again: messages wait until the others are back, or long enough.
    func begin() {
        interval = Self.shortestInterval
        gate.begin(at: transport.eventLoop.now)
        tryToOpen()
        openInTime(grace)
    }

    /// This node has lost its subscriptions, and the others most likely theirs for the same reason: what is sent now would
    /// reach nobody. It waits, for a moment at most, until they are back.
    func hold() {
        guard gate.isOpen, !known.isEmpty else { return }
        interval = Self.shortestInterval
        gate.begin(at: transport.eventLoop.now, atMost: Self.shortWait)
        environment.gateChanged(false)
        tryToOpen()
        openInTime(min(grace, Self.shortWait))
    }

    /// The time to wait ends also when Redis has been asked and has not answered, for which it has several seconds.
    private func openInTime(_ limit: TimeAmount) {
        guard !gate.isOpen else { return }
        transport.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in self?.tryToOpen() }
    }

    /// Redis is gone.
    func close() {
        gate.close()
        environment.gateChanged(false)
    }

    /// Something has changed that may have been waited for.
    func tryToOpen() {
        guard environment.isPublisherUp(), !gate.isOpen else { return }
        guard let attempt = gate.attempt(at: transport.eventLoop.now) else { return open() }
        guard environment.isSubscriberUp(), !environment.isHeldUp() else { return tryLater(attempt) }
        let expected = known
        let channels = expected.filter { $0.value > 0 }.map(\.key).sortedByBytes()
        guard !channels.isEmpty else { return open() }
        transport.subscriberCounts(of: channels) { result in
            guard self.gate.isCurrent(attempt) else { return }
            if case .success(let counts) = result,
                zip(channels, counts).allSatisfy({ $1 >= expected[$0, default: 0] })
            {
                self.open()
            } else {
                self.tryLater(attempt)
            }
        }
    }

    private func tryLater(_ attempt: Int) {
        let delay = interval
        interval = min(.nanoseconds(2 * interval.nanoseconds), Self.longestInterval)
        transport.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            guard self.gate.isCurrent(attempt) else { return }
            self.tryToOpen()
        }
    }

    private func open() {
        guard environment.isPublisherUp(), !gate.isOpen else { return }
        gate.open()
        environment.gateChanged(true)
    }
}
