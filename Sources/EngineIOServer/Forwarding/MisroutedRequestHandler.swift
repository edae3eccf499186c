// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// A request for a session of another node.
struct MisroutedRequest: Sendable {
    let exchange: HTTPExchange
    /// The session, as a secret: four characters of it may be logged after its tag.
    let sid: String
    /// The node of the session.
    let tag: String
    /// Answers as the engine answers an unknown session id. From any thread.
    let refuse: @Sendable () -> Void
}

/// Is asked about requests whose session id names another node; those for known sessions cost nothing.
protocol MisroutedRequestHandler: AnyObject, Sendable {
    /// Takes the request, or leaves it to be refused. On the loop of the exchange.
    ///
    /// Who takes it answers it, takes its connection over, or calls `refuse`, once.
    func take(_ request: MisroutedRequest) -> Bool
}
