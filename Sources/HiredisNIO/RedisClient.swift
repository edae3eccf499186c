// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import LoopConfinement
package import NIOCore

/// A connection to Redis for commands and publishes that comes back by itself, as any thread may use it.
///
/// Replies come in the order of the commands. Without a connection commands fail at once with `notConnected`, unless
/// the caller lets them wait. When a connection is lost, what had not left this process fails with `notSent` (it can
/// be repeated safely), what may have reached the server with `connectionLost`; nothing is repeated by itself.
package final class RedisClient: RedisEndpoint {
    /// What a command does while there is no connection.
    package enum WhenDown: Sendable, Hashable {
        /// Fail at once with `notConnected`.
        case fail
        /// Wait so long for the connection (at most 1,024 commands), in order, then fail with `notConnected`.
        case wait(TimeAmount)
    }

    package let core: LoopBound<RedisClientCore>
    package let stateBox: RedisStateBox

    /// Makes a client that is not connected yet.
    ///
    /// - Parameter name: names the link in logs and metrics.
    package init(
        configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger, name: String = "commands",
        handlers: sending RedisClientHandlers = RedisClientHandlers()
    ) {
        let stateBox = RedisStateBox()
        self.stateBox = stateBox
        core = LoopBound(
            RedisClientCore(
                configuration: configuration, eventLoop: eventLoop, logger: logger, name: name, stateBox: stateBox,
                handlers: handlers),
            on: eventLoop)
    }

    deinit { released() }

    // MARK: Commands

    /// Sends a command; error replies of the server are failures. The completion is called on the event loop, on failure
    /// perhaps before this returns.
    ///
    /// - Parameter timeout: for the reply; nil means the configuration's `commandTimeout`.
    package func send(
        _ command: RESPCommand, timeout: TimeAmount? = nil, whenDown: WhenDown = .fail,
        _ completion: @escaping @Sendable (Result<RESPValue, RedisError>) -> Void
    ) {
        core.run((command, timeout, whenDown, completion)) { core, request in
            core.send(request.0, timeout: request.1, whenDown: request.2, request.3)
        }
    }

    /// Sends a command.
    package func send(_ command: RESPCommand, timeout: TimeAmount? = nil, whenDown: WhenDown = .fail)
        -> EventLoopFuture<RESPValue>
    {
        let promise = eventLoop.makePromise(of: RESPValue.self)
        send(command, timeout: timeout, whenDown: whenDown) { result in
            switch result {
            case .success(let value): promise.succeed(value)
            case .failure(let error): promise.fail(error)
            }
        }
        return promise.futureResult
    }

    /// Sends a command and waits for its reply.
    package func execute(_ command: RESPCommand, timeout: TimeAmount? = nil, whenDown: WhenDown = .fail)
        async throws(RedisError) -> RESPValue
    {
        let result = await withCheckedContinuation { continuation in
            send(command, timeout: timeout, whenDown: whenDown) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Sends commands as one batch and waits for all replies, in order.
    package func execute(pipeline commands: [RESPCommand], timeout: TimeAmount? = nil) async
        -> [Result<RESPValue, RedisError>]
    {
        await withCheckedContinuation { continuation in
            core.run { $0.send(pipeline: commands, timeout: timeout) { continuation.resume(returning: $0) } }
        }
    }

    /// Publishes and waits for the number of receivers Redis counted.
    package func publish(_ payload: ByteBuffer, to channel: String, whenDown: WhenDown = .fail)
        async throws(RedisError) -> Int
    {
        let reply = try await execute(RESPCommand("PUBLISH", channel, payload), whenDown: whenDown)
        return Int(truncatingIfNeeded: reply.integerValue ?? 0)
    }
}
