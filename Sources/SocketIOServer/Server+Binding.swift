// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// The listeners of an address.
extension Server {
    /// Listens on everything that the address stands for.
    ///
    /// - Returns: The first of the listeners.
    func bindAll(_ address: HTTPListener.Address, _ router: HTTPRouter) async throws -> HTTPListener {
        let listeners: [HTTPListener]
        switch address {
        case .unix: listeners = [try await bind(address, router)]
        case .tcp(let host, let port):
            listeners = try await bind(ListenHost.addresses(of: host), port: port, router)
        }
        let isTooLate = lifecycle.withLockedValue { lifecycle in
            guard lifecycle.closing == nil else { return true }
            lifecycle.listeners += listeners
            return false
        }
        guard !isTooLate else {
            for listener in listeners { await listener.close() }
            throw SocketError(.notSupported, "the server is closed")
        }
        return listeners[0]
    }

    /// Listens on one address, or on one of IPv4 and one of IPv6 with the same port, if the machine has IPv6.
    private func bind(_ hosts: [String], port: Int, _ router: HTTPRouter) async throws -> [HTTPListener] {
        // A port that the system has chosen for one of them may be taken for the other.
        var attempts = port == 0 ? 8 : 1
        while true {
            attempts -= 1
            let first = try await bind(.tcp(host: hosts[0], port: port), router)
            guard hosts.count > 1 else { return [first] }
            do {
                let second = HTTPListener.Address.tcp(host: hosts[1], port: first.localAddress?.port ?? port)
                return [first, try await bind(second, isOnlyIPv6: true, router)]
            } catch let error as ListenError where error.reason == .noSuchAddress {
                configuration.logger.info("This machine has no IPv6; listening on IPv4 only")
                return [first]
            } catch {
                await first.close()
                guard attempts > 0, (error as? ListenError)?.reason == .addressInUse else { throw error }
            }
        }
    }

    private func bind(
        _ address: HTTPListener.Address, isOnlyIPv6: Bool = false, _ router: HTTPRouter
    ) async throws -> HTTPListener {
        try await HTTPListener.bind(
            to: address, isOnlyIPv6: isOnlyIPv6, group: group, acceptor: acceptor(), server: router.server)
    }

    /// A loop of its own for accepting: a handler that holds the loop it runs on keeps no connection to another loop waiting.
    /// Nil with one loop, which then accepts as well.
    private func acceptor() -> (any EventLoopGroup)? {
        guard context.shards.count > 1 else { return nil }
        return lifecycle.withLockedValue { lifecycle in
            if lifecycle.acceptor == nil, lifecycle.closing == nil {
                lifecycle.acceptor = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            }
            return lifecycle.acceptor
        }
    }
}
