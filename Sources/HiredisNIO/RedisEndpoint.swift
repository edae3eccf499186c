// Part of socketio-server, MIT licence; see LICENSE.

package import LoopConfinement
package import NIOCore

/// What lives on the event loop behind a ``RedisEndpoint``.
package protocol RedisEndpointCore: AnyObject {
    /// Begins to connect.
    func start()
    /// Ends the connection for good; what waits fails with `closed`.
    func close()
}

/// The life of ``RedisClient`` and of what tests have beside it: a link that comes back by itself, its state, its end. Everything here
/// may be called from any thread.
package protocol RedisEndpoint: AnyObject, Sendable {
    associatedtype Core: RedisEndpointCore

    var core: LoopBound<Core> { get }
    var stateBox: RedisStateBox { get }
}

extension RedisEndpoint {
    package var eventLoop: any EventLoop { core.eventLoop }

    /// Begins to connect. Keep this object: its connection ends when it is released.
    package func start() { core.run { $0.start() } }

    /// Waits until there is a connection, and every subscription is confirmed.
    ///
    /// - Throws: `timeout` with the last reason, or `closed`.
    package func waitUntilUp(within limit: TimeAmount) async throws(RedisError) {
        try await stateBox.waitUntilConnected(within: limit, on: eventLoop)
    }

    /// Ends the connection for good; what waits fails with `closed`.
    package func close() async { await core.get { $0.close() } }

    /// The state now.
    package var state: RedisLinkState { stateBox.state }

    /// The state now and every change; slow readers get the newest 16.
    package func states() -> AsyncStream<RedisLinkState> { stateBox.stream() }

    /// Nobody holds the endpoint any more.
    func released() {
        if state != .closed { core.execute { $0.close() } }
    }
}
