// Part of socketio-server, MIT licence; see LICENSE.

internal import FailureText
package import HTTPServerCore
package import Logging
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

    /// Binds a listener whose requests a ``ForwardedRequestVerifier`` lets in, and which serves them as the node serves its
    /// own clients'.
    package typealias Bind =
        @Sendable (_ host: String, _ port: Int, ForwardedRequestVerifier) async throws -> HTTPListener

    private let forwarder: Forwarder
    private let logger: Logger
    private let key: ForwardingKey
    private let bindListener: Bind
    private let state = NIOLockedValueBox(State.waiting)
    private var configuration: ForwardingConfiguration { forwarder.configuration }

    /// The listener of a node that forwards by `forwarder`.
    package init(_ forwarder: Forwarder, logger: Logger, bind: @escaping Bind) {
        self.forwarder = forwarder
        self.logger = logger
        bindListener = bind
        key = forwarder.configuration.secret ?? .random()
    }

    /// Listens, now or as soon as the directory has told the address.
    ///
    /// - Throws: ``Failure`` when an address that was given cannot be had.
    package func start() async throws {
        forwarder.startWatching()
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
    package var connectionCount: Int {
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
            return logger.warning(
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
                logger.warning(
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
        do {
            let verifier = ForwardedRequestVerifier(key: key, log: forwarder.log)
            let listener = try await bindListener(host, configuration.port, verifier)
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

    private func announce(_ listener: HTTPListener, host: String) {
        guard case .listening = state.withLockedValue({ $0 }), let port = listener.port else { return }
        let address = configuration.advertise ?? ForwardingAddress(host: host, port: port).text
        configuration.directory.announce(
            ForwardingNode(address: address, key: configuration.secret == nil ? key : nil))
        logger.info(
            "Listening for other nodes",
            metadata: ["address": "\(ForwardingAddress(host: host, port: port).text)", "told": "\(address)"])
    }
}
