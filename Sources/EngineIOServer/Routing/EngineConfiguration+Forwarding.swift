// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

// Requests between nodes, as far as they depend on the engine.

extension Forwarder {
    /// Nil for an engine without forwarding.
    convenience init?(_ engine: EngineConfiguration, eventLoops: [any EventLoop]) {
        guard let configuration = engine.forwarding else { return nil }
        let limits = Limits(
            heartbeat: engine.pingInterval + engine.pingTimeout, upgradeTimeout: engine.upgradeTimeout,
            maximumBodySize: engine.maxHttpBufferSize)
        self.init(configuration, limits: limits, eventLoops: eventLoops, logger: engine.logger)
    }
}

extension ForwardingListener {
    /// Nil for an engine without forwarding. `acceptor` is as for ``HTTPListener``.
    package convenience init?(
        engine: EngineConfiguration, server: EngineServer, group: any EventLoopGroup,
        acceptor: (any EventLoopGroup)? = nil
    ) {
        guard let forwarder = server.forwarder, engine.generateId == nil else { return nil }
        self.init(forwarder, logger: engine.logger) { host, port, verifier in
            let router = try HTTPRouter(
                configuration: engine.betweenNodes, engine: server, application: nil,
                eventLoops: server.shards.map(\.eventLoop), gate: verifier)
            return try await HTTPListener.bind(
                to: .tcp(host: host, port: port), group: group, acceptor: acceptor, server: router.server)
        }
    }
}

extension EngineConfiguration {
    /// The engine as clients see it, but for what is between a client and the first node.
    fileprivate var betweenNodes: EngineConfiguration {
        var configuration = self
        configuration.tls = nil
        configuration.trustedProxies = []
        configuration.proxyProtocol = false
        configuration.serveClient = false
        configuration.destroyUpgrade = false
        // Longer than the other nodes let a connection rest.
        configuration.keepAliveTimeout = Duration(Forwarder.restingTime) + .seconds(20)
        // What they add.
        configuration.maxRequestHeadSize = maxRequestHeadSize + 2048
        configuration.maxHeaders = maxHeaders + 8
        return configuration
    }
}
