// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics

/// What this layer counts (swift-metrics). No labels: none could be kept from the clients' influence.
struct ServerMetrics: Sendable {
    /// Sockets that were connected to a namespace.
    let connections = Tally("socketio_connections_total")
    /// Sockets that went.
    let disconnections = Tally("socketio_disconnections_total")
    /// CONNECTs answered with CONNECT_ERROR.
    let connectionsRefused = Tally("socketio_connections_refused_total")
    /// Sessions closed because they joined no namespace.
    let connectTimeouts = Tally("socketio_connect_timeouts_total")
    /// Packets that ended their session because they could not be decoded.
    let packetsUndecodable = Tally("socketio_packets_undecodable_total")
    /// Packets that ended their session because the protocol does not allow them there.
    let protocolViolations = Tally("socketio_protocol_violations_total")
    /// Packets dropped without consequences: unknown acknowledgements, events for a socket that has just gone.
    let packetsIgnored = Tally("socketio_packets_ignored_total")
    /// Events no handler was registered for.
    let eventsUnhandled = Tally("socketio_events_unhandled_total")
    /// Events whose arguments did not fit the handler's types.
    let eventsInvalid = Tally("socketio_events_invalid_total")
    /// Handlers, middlewares of events and encodings of the application that failed.
    let handlerFailures = Tally("socketio_handler_failures_total")
    /// Volatile packets dropped because a transport was busy.
    let volatileDropped = Tally("socketio_volatile_dropped_total")
    /// Acknowledgements that did not arrive in time.
    let acknowledgementsTimedOut = Tally("socketio_acknowledgements_timed_out_total")
    /// Joins refused by a limit.
    let joinsRefused = Tally("socketio_joins_refused_total")
    /// Namespaces refused because there were too many dynamic ones.
    let namespacesRefused = Tally("socketio_namespaces_refused_total")
}

/// One counter.
struct Tally: Sendable {
    private let counter: Counter

    init(_ label: String) {
        counter = Counter(label: label)
    }

    func increment(by amount: Int = 1) {
        counter.increment(by: amount)
    }
}
