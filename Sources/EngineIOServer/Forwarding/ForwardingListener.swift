// Part of socketio-server, MIT licence; see LICENSE.

internal import FailureText
internal import Logging
internal import NIOConcurrencyHelpers
package import NIOCore

/// Where a node listens for the others, and tells them so.
///
///     waiting for the directory ──its address is private──▶ listening ──▶ closed
///                               ──it is public───────────▶ off, with a warning
///
/// With a host of its own it listens at once.
package final class ForwardingListener: Sendable {
    /// The address that was given cannot be had.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private enum State {
        case waiting
        case binding
        case listening(HTTPListener)
        case off
        case closed
    }

    private let configuration: ForwardingConfiguration
    private let engine: EngineConfiguration
    private let server: EngineServer
    private let group: any EventLoopGroup
    private let acceptor: (any EventLoopGroup)?
    private let key: ForwardingKey
    private let state = NIOLockedValueBox(State.waiting)

    /// Nil for an engine without forwarding. `acceptor` is as for ``HTTPListener``.
    package init?(
        engine: EngineConfiguration, server: EngineServer, group: any EventLoopGroup,
        acceptor: (any EventLoopGroup)? = nil
    ) {
        guard let configuration = engine.forwarding, engine.generateId == nil else { return nil }
        self.configuration = configuration
        self.engine = engine
        self.server = server
        self.group = group
        self.acceptor = acceptor
        key = configuration.secret ?? .random()
    }

    /// Listens, now or as soon as the directory has told the address.
    ///
    /// - Throws: ``Failure`` when an address that was given cannot be had.
    package func start() async throws {
        server.forwarder?.startWatching()
        let directory = configuration.directory
        guard let host = configuration.host else {
            return directory.whenConnected { [weak self] local in self?.connected(from: local) }
        }
        guard begin() else { return }
        let listener: HTTPListener
        do {
            listener = try await bind(host)
        } catch {
            throw Failure(
                description:
                    "no listener for other nodes (cluster.internalHost, cluster.internalPort): \(failureText(error))")
        }
        if NetworkAddress.isWildcard(host), configuration.advertise == nil {
            directory.whenConnected { [weak self] local in self?.announce(listener, host: local ?? "127.0.0.1") }
        } else {
            announce(listener, host: host)
        }
    }

    /// Where it listens at the moment.
    package var localAddress: SocketAddress? {
        guard case .listening(let listener) = state.withLockedValue({ $0 }) else { return nil }
        return listener.localAddress
    }

    /// Connections of other nodes that speak HTTP at the moment.
    var connectionCount: Int {
        guard case .listening(let listener) = state.withLockedValue({ $0 }) else { return 0 }
        return listener.connectionCount
    }

    /// Says goodbye and ends.
    package func close() async {
        let listener = state.withLockedValue { state -> HTTPListener? in
            defer { state = .closed }
            guard case .listening(let listener) = state else { return nil }
            return listener
        }
        configuration.directory.announce(nil)
        await listener?.close()
    }

    /// Without an address from the settings, that towards the directory is the one the other nodes can reach as well:
    /// they use the same directory.
    private func connected(from local: String?) {
        let host = local ?? "127.0.0.1"
        guard NetworkAddress.isPrivate(host) else {
            let isNews = state.withLockedValue { state in
                guard case .waiting = state else { return false }
                state = .off
                return true
            }
            guard isNews else { return }
            return engine.logger.warning(
                "Requests for this node are not forwarded by others: its address is public",
                metadata: [
                    "address": "\(host)",
                    "advice": "set cluster.internalHost to an address that only the nodes reach",
                ])
        }
        guard begin() else { return }
        Task {
            do {
                announce(try await bind(host), host: host)
            } catch {
                engine.logger.warning(
                    "There is no listener for other nodes",
                    metadata: [
                        "address": "\(host):\(configuration.port)", "error": "\(failureText(error))",
                        "advice": "set cluster.internalHost and cluster.internalPort",
                    ])
            }
        }
    }

    private func begin() -> Bool {
        state.withLockedValue { state in
            guard case .waiting = state else { return false }
            state = .binding
            return true
        }
    }

    private func bind(_ host: String) async throws -> HTTPListener {
        let router = try HTTPRouter(
            configuration: internalConfiguration, engine: server, application: nil,
            eventLoops: server.shards.map(\.eventLoop),
            gate: ForwardedRequestVerifier(key: key, log: server.context.log))
        do {
            let listener = try await HTTPListener.bind(
                to: .tcp(host: host, port: configuration.port), group: group, acceptor: acceptor, server: router.server)
            let isTooLate = state.withLockedValue { state in
                if case .closed = state { return true }
                state = .listening(listener)
                return false
            }
            if isTooLate { await listener.close() }
            return listener
        } catch {
            state.withLockedValue { state in
                if case .binding = state { state = .waiting }
            }
            throw error
        }
    }

    /// The engine as clients see it, but for what is between a client and the first node.
    private var internalConfiguration: EngineConfiguration {
        var configuration = engine
        configuration.tls = nil
        configuration.trustedProxies = []
        configuration.proxyProtocol = false
        configuration.serveClient = false
        configuration.destroyUpgrade = false
        // Longer than the other nodes let a connection rest.
        configuration.keepAliveTimeout = Duration(ForwardingConnectionPool.restingTime) + .seconds(20)
        // What they add.
        configuration.maxRequestHeadSize = engine.maxRequestHeadSize + 2048
        configuration.maxHeaders = engine.maxHeaders + 8
        return configuration
    }

    private func announce(_ listener: HTTPListener, host: String) {
        guard case .listening = state.withLockedValue({ $0 }), let port = listener.port else { return }
        let address = configuration.advertise ?? ForwardingAddress(host: host, port: port).text
        configuration.directory.announce(
            ForwardingNode(address: address, key: configuration.secret == nil ? key : nil))
        engine.logger.info(
            "Listening for other nodes",
            metadata: ["address": "\(ForwardingAddress(host: host, port: port).text)", "told": "\(address)"])
    }
}
