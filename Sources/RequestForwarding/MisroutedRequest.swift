// Part of socketio-server, MIT licence; see LICENSE.

package import HTTPServerCore

/// A request for a session of another node.
package struct MisroutedRequest: Sendable {
    let exchange: HTTPExchange
    /// The session, as a secret: four characters of it may be logged after its tag.
    let sid: String
    /// The node of the session.
    let tag: String
    /// Answers as an unknown session id is answered. From any thread.
    let refuse: @Sendable () -> Void

    /// A request, with what ``Forwarder/take(_:)`` needs to know of its session.
    package init(exchange: HTTPExchange, sid: String, tag: String, refuse: @escaping @Sendable () -> Void) {
        self.exchange = exchange
        self.sid = sid
        self.tag = tag
        self.refuse = refuse
    }
}
