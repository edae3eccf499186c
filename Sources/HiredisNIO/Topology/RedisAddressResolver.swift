// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Says where the next attempt of a link goes. Lives on the link's event loop.
protocol RedisAddressResolver: AnyObject {
    /// The link has begun; may watch for moves of the primary. May be called more than once.
    func start(link: RedisLink)
    func address(on eventLoop: any EventLoop) -> EventLoopFuture<Result<RedisAddress, RedisError>>
    /// The attempt at the last address failed.
    func failed(_ error: RedisError)
    /// The last address is in use now.
    func succeeded()
    func close()
    /// The longest time between two attempts, whatever the configuration says; nil for no limit of its own.
    var longestDelay: TimeAmount? { get }
    /// Whether servers at an address change their role: the role is looked at while the link is up as well.
    var watchesRole: Bool { get }
}

extension RedisAddressResolver {
    func start(link: RedisLink) {}
    func failed(_ error: RedisError) {}
    func succeeded() {}
    func close() {}
    var longestDelay: TimeAmount? { nil }
    var watchesRole: Bool { false }
}

/// Always the same server, or several in turn, staying with the one that works.
final class FixedAddresses: RedisAddressResolver {
    private let addresses: [RedisAddress]
    private var index = 0

    init(_ addresses: [RedisAddress]) {
        self.addresses = addresses
    }

    func address(on eventLoop: any EventLoop) -> EventLoopFuture<Result<RedisAddress, RedisError>> {
        let result: Result<RedisAddress, RedisError> =
            addresses.isEmpty
            ? .failure(RedisError(.configuration, "there is no address")) : .success(addresses[index % addresses.count])
        return eventLoop.makeSucceededFuture(result)
    }

    func failed(_ error: RedisError) {
        index = addresses.isEmpty ? 0 : (index + 1) % addresses.count
    }
}
