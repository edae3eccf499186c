// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
package import NIOCore

/// The life of ``RedisClient`` and ``RedisSubscriber``: a link that comes back by itself, its state, its end.
///
/// Confined to its event loop except where methods say "any thread", hence `@unchecked Sendable`.
package class RedisEndpoint: @unchecked Sendable {
    package let eventLoop: any EventLoop
    let link: RedisLink
    private let stateBox: RedisStateBox

    /// - Parameter name: names the link in logs and metrics.
    init(
        configuration: RedisConfiguration, isSubscriber: Bool, resolver: any RedisAddressResolver,
        eventLoop: any EventLoop, logger: Logger, name: String,
        onState: @escaping @Sendable (RedisLinkState) -> Void
    ) {
        self.eventLoop = eventLoop
        stateBox = RedisStateBox(onChange: onState)
        link = RedisLink(
            name: name, configuration: configuration,
            settings: RedisConnectionSettings(configuration, isSubscriber: isSubscriber), resolver: resolver,
            stateBox: stateBox, eventLoop: eventLoop, logger: logger)
    }

    deinit {
        guard stateBox.state != .closed else { return }
        eventLoop.execute { [link] in link.close() }
    }

    /// Begins to connect for `owner`, which is this endpoint as its subclass knows it. Any thread.
    final func start(owner: any RedisLinkOwner & Sendable) {
        onLoop { self.link.start(owner: owner) }
    }

    /// Waits until there is a connection, and every subscription is confirmed. Any thread.
    ///
    /// - Throws: `timeout` with the last reason, or `closed`.
    package final func waitUntilUp(within limit: TimeAmount) async throws(RedisError) {
        try await stateBox.waitUntilConnected(within: limit, on: eventLoop)
    }

    /// Ends the connection for good; what waits fails with `closed`. Any thread.
    package final func close() async {
        await withCheckedContinuation { continuation in
            onLoop {
                self.closeOnLoop()
                continuation.resume()
            }
        }
    }

    /// Ends the connection, and what waits in a subclass. Event loop only.
    func closeOnLoop() { link.close() }

    /// The state now. Any thread.
    package final var state: RedisLinkState { stateBox.state }

    /// This side's address of the connection; nil without one. Event loop only.
    package final var localAddress: SocketAddress? { link.connection?.localAddress }

    /// The state now and every change; slow readers get the newest 16. Any thread.
    package final func states() -> AsyncStream<RedisLinkState> { stateBox.stream() }

    final func onLoop(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }
}
