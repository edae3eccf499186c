// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// What all sessions of a server share and nobody changes: configuration, derived constants, metrics, logger.
final class EngineContext: Sendable {
    let configuration: EngineConfiguration
    let metrics: EngineMetrics
    let logger: Logger
    let log: RateLimitedLogger<EngineLogKind>
    let admission: AdmissionControl
    let pending: PendingBudget
    /// Of the whole node.
    let budget: BufferBudget
    let slowClientLimits: SlowClientLimits
    /// Enabled transports.
    let transports: [TransportName]
    /// What a polling handshake offers.
    let upgrades: [String]
    let webSocketLimits: WebSocketLimits
    let pingIntervalMilliseconds: Int
    let pingTimeoutMilliseconds: Int
    /// From a pong to the next ping: `pingInterval` less the slack of the wheel, so that a ping is never late.
    let pingDelay: TimeAmount
    /// The slack of the heartbeat wheel.
    let heartbeatResolution: TimeAmount
    // Times of the configuration as the event loops take them.
    private let pingInterval: TimeAmount
    let pingTimeout: TimeAmount
    let upgradeTimeout: TimeAmount
    /// How long a client of revision 3 may be silent.
    var clientPingTimeout: TimeAmount { pingInterval + pingTimeout }

    /// How many sessions have been given a first ping.
    private let firstPings = Atomic<UInt64>(0)

    /// Where sessions live whose ids the application made; empty otherwise, since our own ids say it themselves.
    let customHomes: NIOLockedValueBox<[ExactName: Int]>

    /// - Parameters:
    ///   - log: shared by all contexts of a server, or a reload would begin to count anew.
    ///   - other: what counts the same sessions, with another configuration.
    init(
        _ configuration: EngineConfiguration, log: RateLimitedLogger<EngineLogKind>,
        sharing other: EngineContext? = nil
    ) {
        self.configuration = configuration
        self.metrics = other?.metrics ?? EngineMetrics(isCounted: configuration.isCounted)
        self.customHomes = other?.customHomes ?? NIOLockedValueBox([:])
        self.budget = other?.budget ?? BufferBudget(limit: configuration.maxTotalBufferedBytes)
        self.slowClientLimits = SlowClientLimits(
            softBound: configuration.slowClientBytes, hardBound: configuration.maxBufferedBytes,
            timeout: TimeAmount(configuration.slowClientTimeout))
        self.logger = configuration.logger
        self.log = log
        self.admission = other?.admission ?? AdmissionControl(configuration)
        self.pending = other?.pending ?? PendingBudget(configuration)
        self.transports = TransportName.allCases.filter { configuration.transports.contains($0) }
        self.upgrades =
            configuration.allowUpgrades && configuration.transports.contains(.websocket)
            ? [TransportName.websocket.rawValue] : []
        self.webSocketLimits = WebSocketLimits(
            maximumMessageSize: configuration.maxHttpBufferSize,
            maximumFragments: configuration.maxFragmentsPerMessage,
            maximumControlFramesPerSecond: configuration.maxControlFramesPerSecond)
        self.pingInterval = TimeAmount(configuration.pingInterval)
        self.pingTimeout = TimeAmount(configuration.pingTimeout)
        self.upgradeTimeout = TimeAmount(configuration.upgradeTimeout)
        self.pingIntervalMilliseconds = Int(pingInterval.nanoseconds / 1_000_000)
        self.pingTimeoutMilliseconds = Int(pingTimeout.nanoseconds / 1_000_000)
        let shortest = min(pingInterval.nanoseconds, pingTimeout.nanoseconds)
        self.heartbeatResolution = .nanoseconds(min(max(shortest / 100, 500_000), 4_000_000))
        self.pingDelay = max(pingInterval - heartbeatResolution, .nanoseconds(0))
    }

    /// An id made by the application no longer names a session.
    func forgetCustomID(of session: SessionCore) {
        if configuration.generateId != nil { forgetCustomID(session.id) }
    }

    func forgetCustomID(_ sid: String) {
        guard configuration.generateId != nil else { return }
        customHomes.withLockedValue { $0[ExactName(sid)] = nil }
    }

    /// The first ping is spread over the last 5 % of the interval, so that mass reconnects do not beat in step; early
    /// only, since clients count on `pingInterval + pingTimeout` (protocol 1.11).
    func firstPingDelay() -> TimeAmount {
        let spread = pingInterval.nanoseconds / 20
        guard spread > 0 else { return pingDelay }
        // Steps of the golden ratio: wherever the sequence begins and ends, it is spread evenly.
        let step = firstPings.wrappingAdd(1, ordering: .relaxed).oldValue &* 0x9E37_79B9_7F4A_7C15
        // A hundredth stays as slack for the loop.
        let early = spread / 5 + Int64(step.multipliedFullWidth(by: UInt64(spread - spread / 5)).high)
        return max(pingDelay - .nanoseconds(early), .nanoseconds(0))
    }
}
