// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
internal import Synchronization

/// What this layer counts (swift-metrics). Labels come from fixed sets only, never from a client.
struct ServerMetrics: Sendable {
    /// Sockets that were connected to a namespace.
    let connections: Tally
    /// Sockets that went.
    let disconnections: Tally
    /// CONNECTs answered with CONNECT_ERROR.
    let connectionsRefused: Tally
    /// Sessions closed because they joined no namespace.
    let connectTimeouts: Tally
    /// Packets that ended their session because they could not be decoded.
    let packetsUndecodable: Tally
    /// Packets that ended their session because the protocol does not allow them there.
    let protocolViolations: Tally
    /// Packets dropped without consequences: unknown acknowledgements, events for a socket that has just gone.
    let packetsIgnored: Tally
    /// Events no handler was registered for.
    let eventsUnhandled: Tally
    /// Events whose arguments did not fit the handler's types.
    let eventsInvalid: Tally
    /// Handlers, middlewares of events and encodings of the application that failed.
    let handlerFailures: Tally
    /// Times that a handler held its event loop too long.
    let slowHandlers: Tally
    /// Volatile packets dropped because a transport was busy.
    let volatileDropped: Tally
    /// Acknowledgements that did not arrive in time.
    let acknowledgementsTimedOut: Tally
    /// Joins refused by a limit.
    let joinsRefused: Tally
    /// Namespaces refused because there were too many dynamic ones.
    let namespacesRefused: Tally
    private let limitRefusals: [ClientLimit: RareTally]

    init(isCounted: Bool = true) {
        let factory: any MetricsFactory = isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        connections = Tally("socketio_connections_total", factory)
        disconnections = Tally("socketio_disconnections_total", factory)
        connectionsRefused = Tally("socketio_connections_refused_total", factory)
        connectTimeouts = Tally("socketio_connect_timeouts_total", factory)
        packetsUndecodable = Tally("socketio_packets_undecodable_total", factory)
        protocolViolations = Tally("socketio_protocol_violations_total", factory)
        packetsIgnored = Tally("socketio_packets_ignored_total", factory)
        eventsUnhandled = Tally("socketio_events_unhandled_total", factory)
        eventsInvalid = Tally("socketio_events_invalid_total", factory)
        handlerFailures = Tally("socketio_handler_failures_total", factory)
        slowHandlers = Tally("socketio_slow_handlers_total", factory)
        volatileDropped = Tally("socketio_volatile_dropped_total", factory)
        acknowledgementsTimedOut = Tally("socketio_acknowledgements_timed_out_total", factory)
        joinsRefused = Tally("socketio_joins_refused_total", factory)
        namespacesRefused = Tally("socketio_namespaces_refused_total", factory)
        limitRefusals = Dictionary(
            uniqueKeysWithValues: ClientLimit.allCases.map {
                ($0, RareTally("socketio_limit_refusals_total", factory, [("limit", $0.rawValue)]))
            })
    }

    /// Counts that a client exceeded a limit.
    func refused(_ limit: ClientLimit) { limitRefusals[limit]?.increment() }

    /// How often that has happened on this server.
    func refusals(_ limit: ClientLimit) -> Int { limitRefusals[limit]?.value ?? 0 }
}

/// One counter.
struct Tally: Sendable {
    private let counter: Counter

    init(_ label: String, _ factory: any MetricsFactory) {
        counter = Counter(label: label, factory: factory)
    }

    func increment(by amount: Int = 1) {
        counter.increment(by: amount)
    }
}

/// A counter of a rare event that also keeps its own value for this server.
final class RareTally: Sendable {
    private let counter: Counter
    private let total = Atomic(0)

    init(_ label: String, _ factory: any MetricsFactory, _ dimensions: [(String, String)]) {
        counter = Counter(label: label, dimensions: dimensions, factory: factory)
    }

    /// How often it has happened on this server.
    var value: Int { total.load(ordering: .relaxed) }

    func increment() {
        total.wrappingAdd(1, ordering: .relaxed)
        counter.increment()
    }
}
