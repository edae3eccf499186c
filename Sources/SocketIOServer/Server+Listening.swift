// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer
internal import Logging
internal import NIOConcurrencyHelpers
public import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import SocketIOCore

extension Server {
    /// The state of a server that changes when it listens and closes.
    struct Lifecycle {
        var application: (any HTTPApplication)?
        var listeners: [HTTPListener] = []
        /// Accepts connections and does nothing else, on servers with several event loops.
        var acceptor: MultiThreadedEventLoopGroup?
        /// The listener to which other nodes forward requests for sessions of this one.
        var forwarding: ForwardingListener?
        /// The routers of the public listeners.
        var routers: [HTTPRouter] = []
        /// Set by the first `close`; later calls wait for it.
        var closing: Task<Void, Never>?
        /// The task that finds slow handlers.
        var inspection: Task<Void, Never>?
        /// Callers that wait for the first `close`.
        var untilClosed: [AsyncStream<Void>.Continuation] = []
    }

    // MARK: Listening

    /// Answers the requests on the server's port that are neither for the engine nor for the client files; without one, the default,
    /// they get 404. A port keeps the application that is set when ``listen(host:port:)`` or ``run()`` opens it.
    public var application: (any HTTPApplication)? {
        get { lifecycle.withLockedValue { $0.application } }
        set { lifecycle.withLockedValue { $0.application = newValue } }
    }

    /// Sets ``application`` to a closure that answers the requests. It replaces an application that was set earlier.
    public func onRequest(
        _ handler: @escaping @Sendable (ApplicationRequest) async throws -> ApplicationResponse
    ) {
        application = SimpleApplication(handler)
    }

    /// Listens on an address. May be called several times, for several addresses.
    ///
    /// - Parameters:
    ///   - host: An address or the name of a host. `*`, `::` and `[::]` are every address of the machine, of IPv4 and of IPv6
    ///     if it has that.
    ///   - port: 0 lets the system choose.
    /// - Returns: The address in use, that of IPv4 when there are two.
    /// - Throws: ``SocketError`` with code `invalidConfiguration` or `EngineConfigurationError` for settings that cannot
    ///   be used; `ListenError`, which names address and port, when the address cannot be used. `SocketError` with code
    ///   `notSupported` after ``close()``.
    @discardableResult
    public func listen(host: String = "127.0.0.1", port: Int = 0) async throws -> SocketAddress? {
        try await listen(to: .tcp(host: host, port: port))
    }

    /// Listens on a Unix domain socket; a file left there by an earlier run is replaced.
    ///
    /// - Throws: As ``listen(host:port:)``.
    public func listen(unixSocketPath path: String) async throws {
        try await listen(to: .unix(path: path))
    }

    @discardableResult
    private func listen(to address: HTTPListener.Address) async throws -> SocketAddress? {
        try configuration.validate()
        guard !context.isClosing else { throw SocketError(.notSupported, "the server is closed") }
        clients.start(context: context, table: table)
        let router = try HTTPRouter(
            configuration: configuration.engine, engine: engineServer, application: application,
            eventLoops: Array(group.makeIterator()))
        let listener = try await bindAll(address, router)
        lifecycle.withLockedValue {
            $0.routers.append(router)
            if $0.inspection == nil, $0.closing == nil { $0.inspection = inspectHandlers() }
        }
        beginSweeping()
        try await listenForOtherNodes()
        return listener.localAddress
    }

    private func listenForOtherNodes() async throws {
        let forwarding = lifecycle.withLockedValue { lifecycle -> ForwardingListener? in
            guard lifecycle.forwarding == nil, lifecycle.closing == nil else { return nil }
            lifecycle.forwarding = ForwardingListener(
                engine: configuration.engine, server: engineServer, group: group, acceptor: lifecycle.acceptor)
            return lifecycle.forwarding
        }
        try await forwarding?.start()
    }

    /// Listens for an application of its own: neither the engine nor the client files are there, nor TLS. For what
    /// operators ask; ends with ``close()``.
    ///
    /// - Throws: `ListenError` when the address cannot be had.
    package func listen(host: String, port: Int, only application: any HTTPApplication) async throws -> SocketAddress? {
        var plain = EngineConfiguration()
        plain.serveClient = false
        plain.destroyUpgrade = false
        plain.leavesDescriptors = false
        plain.logger = configuration.engine.logger
        let router = try HTTPRouter(
            configuration: plain, engine: nil, application: application, eventLoops: context.shards.map(\.eventLoop))
        return try await bindAll(.tcp(host: host, port: port), router).localAddress
    }

    /// Takes from `wanted` what may change while the server runs: the certificate, for connections accepted from now on;
    /// origins, limits of requests, admission and rates at once; limits of messages and queues for new sessions.
    ///
    /// - Throws: What is wrong with it; then nothing has changed.
    package func reload(_ wanted: ServerConfiguration) throws {
        try wanted.engine.validate()
        try wanted.validate()
        let (listeners, routers) = lifecycle.withLockedValue { ($0.listeners, $0.routers) }
        if let tls = wanted.engine.tls {
            for listener in listeners { try listener.reload(tls: tls) }
        }
        guard !context.isClosing else { return }
        for router in routers { router.reload(wanted.engine) }
        engineServer.reload(wanted.engine)
        let limits = SessionLimits(wanted)
        let rates = wanted.ratePolicy
        context.rates.reload(rates)
        for shard in context.shards {
            shard.run { shard in
                shard.limits = limits
                shard.rates = rates
                for client in shard.engine.handlers(as: Client.self) { client.ratesChanged() }
            }
        }
    }

    // MARK: Closing

    /// Disconnects all sockets with the reason `server shutting down` and ends the server for good (protocol 4.11): sockets,
    /// adapters, sessions, listeners, then the event loops if the server made them. Clients notice the lost connection and try to
    /// connect again. Further calls wait until the first one has ended.
    ///
    /// Asynchronous handlers that are running continue for ``ServerConfiguration/handlerGrace`` and are then cancelled. The call does
    /// not wait for a handler that calls it.
    public func close() async {
        excludeCallingHandler()
        let closing = lifecycle.withLockedValue { lifecycle in
            if let closing = lifecycle.closing { return closing }
            let closing = Task { await self.shutDown() }
            lifecycle.closing = closing
            for waiting in lifecycle.untilClosed { waiting.finish() }
            lifecycle.untilClosed = []
            return closing
        }
        await closing.value
    }

    /// Returns when ``close()`` has been called, or when the task is cancelled.
    private func waitForClose() async {
        let (calls, continuation) = AsyncStream<Void>.makeStream()
        lifecycle.withLockedValue { lifecycle in
            if lifecycle.closing == nil { lifecycle.untilClosed.append(continuation) } else { continuation.finish() }
        }
        for await _ in calls {}
    }

    private func inspectHandlers() -> Task<Void, Never>? {
        guard let limit = configuration.slowHandlerWarning else { return nil }
        let context = context
        return Task.detached {
            var inspector = HandlerInspector(limit: limit, loops: context.shards.count)
            await inspector.run(context)
        }
    }

    private func shutDown() async {
        _ = context.beginClosing()
        defer { lifecycle.withLockedValue { $0.inspection }?.cancel() }
        for namespace in table.all { await closeSockets(of: namespace) }
        await waitForHandlers()
        await table.closeAdapters()
        await engineServer.close()
        await lifecycle.withLockedValue { $0.forwarding }?.close()
        await engineServer.endForwarding {
            for listener in lifecycle.withLockedValue({ $0.listeners }) { await listener.close() }
        }
        clients.stop()
        // Fails only when it has been shut down before.
        try? await lifecycle.withLockedValue { $0.acceptor }?.shutdownGracefully()
        if ownsGroup { await shutDownGroup() }
    }

    private func closeSockets(of namespace: Namespace) async {
        for shard in namespace.local.shards {
            await shard.perform { shard in
                for socket in shard.sockets(BroadcastOptions()) { socket.close(.serverShuttingDown, detail: nil) }
            }
        }
    }
}

extension Server: Service {
    /// Listens on the configured address until the server is closed, the task is cancelled or graceful shutdown begins;
    /// then closes the server. Returns when the server has been closed. If a handler closed it, waits for that handler first, for
    /// ``ServerConfiguration/handlerGrace`` at most.
    ///
    /// - Throws: As ``listen(host:port:)``.
    public func run() async throws { try await run { _ in } }

    /// As ``run()``; calls `onListening` with the address in use when connections are accepted.
    ///
    /// - Throws: As ``listen(host:port:)``; what `onListening` throws. The server is closed then.
    public func run(onListening: @Sendable (SocketAddress?) async throws -> Void) async throws {
        let address: SocketAddress?
        do {
            address = try await listen(host: configuration.host, port: configuration.port)
            try await onListening(address)
        } catch {
            await close()
            throw error
        }
        configuration.logger.info(
            "Listening",
            metadata: [
                "address": "\(address.map(String.init(describing:)) ?? "")", "maxSessions": "\(maxSessions)",
            ])
        await withTaskGroup { group in
            // Throws when the task is cancelled, which is just another way to end.
            group.addTask { try? await gracefulShutdown() }
            group.addTask { await self.waitForClose() }
            await group.next()
            group.cancelAll()
        }
        await close()
        await waitForClosingHandlers()
    }
}
