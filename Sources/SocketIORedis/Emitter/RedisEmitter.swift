// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import HiredisNIO
public import Logging
public import NIOCore
public import SocketIOCore
internal import SocketIOServer

/// Sends events to the clients of a cluster from a process that is no server; on the wire that of
/// `@socket.io/redis-emitter` (protocol 5.5), of `@socket.io/redis-streams-emitter` (protocol 5.8), or that of a server with
/// the sharded adapter (protocol 5.7).
///
/// ```swift
/// let emitter = try RedisEmitter(url: "redis://127.0.0.1:6379", eventLoop: group.next())
/// try await emitter.to("lobby").emit("news", "we are open")
/// await emitter.close()
/// ```
///
/// Each call returns when Redis has the message, with the number of subscribers it passed it on to: about that of the
/// servers, and 0 when there are none. May be used from any thread; messages sent one after the other keep their order.
public final class RedisEmitter: Sendable {
    /// Sends a payload to a channel and tells how many subscribers got it.
    package typealias Publish = @Sendable (_ payload: ByteBuffer, _ channel: String) async throws -> Int

    /// Adds an entry to a stream and tells how many subscribers a channel has.
    package typealias Append = @Sendable (_ entry: RedisPublish, _ channel: String) async throws -> Int

    /// Counts the subscribers of a channel.
    package typealias Count = @Sendable (_ channel: String) async throws -> Int

    /// First part of all channel names.
    public let key: String
    /// Whether the servers use sharded publish/subscribe.
    let isSharded: Bool
    /// The streams of the servers; nil when they use publish/subscribe.
    let streams: RedisStreams?
    private let publish: Publish
    private let append: Append
    /// Counts the subscribers of a channel; nil when those that `publish` tells are all.
    private let count: Count?
    private let end: @Sendable () async -> Void

    /// Connects to Redis and keeps connected.
    ///
    /// - Parameters:
    ///   - key: That of the servers' ``ClusterConfiguration/key``.
    ///   - streams: That of the servers, ``RedisClusterConfiguration/streams``.
    ///   - isSharded: Whether the servers have ``RedisClusterConfiguration/sharded``; not together with `streams`.
    ///   - patience: How long a call may wait for a connection; after it the call throws.
    /// - Throws: `RedisError` for settings that cannot be used.
    public convenience init(
        redis: RedisConfiguration, key: String = "socket.io", streams: RedisStreams? = nil, isSharded: Bool = false,
        patience: Duration = .seconds(5), eventLoop: any EventLoop, logger: Logger = Logger(label: "socketio.emitter")
    ) throws {
        try redis.validate()
        if case .cluster = redis.endpoint {
            guard streams == nil else {
                throw RedisError(.configuration, "streams do not work with a Redis Cluster")
            }
            self.init(
                key: key, isSharded: isSharded, patience: TimeAmount(patience),
                RedisTool(redis, isSharded: isSharded, eventLoop: eventLoop, logger: logger))
            return
        }
        let client = RedisClient(configuration: redis, eventLoop: eventLoop, logger: logger, name: "emit")
        client.start()
        let whenDown = RedisClient.WhenDown.wait(TimeAmount(patience))
        self.init(
            key: key, streams: streams, isSharded: isSharded,
            publish: { payload, channel in
                let command = isSharded ? "SPUBLISH" : "PUBLISH"
                let reply = try await client.execute(RESPCommand(command, channel, payload), whenDown: whenDown)
                return Int(truncatingIfNeeded: reply.integerValue ?? 0)
            },
            append: { entry, channel in
                _ = try await client.execute(RESPCommand(entry), whenDown: whenDown)
                let reply = try await client.execute(RESPCommand("PUBSUB NUMSUB", channel), whenDown: whenDown)
                return Int(truncatingIfNeeded: reply.arrayValue?.last?.integerValue ?? 0)
            },
            end: { await client.close() })
    }

    /// Over a Redis Cluster.
    private convenience init(key: String, isSharded: Bool, patience: TimeAmount, _ tool: RedisTool) {
        let publish: Publish = { payload, channel in
            try await tool.publish(RedisPublish(payload, to: channel, sharded: isSharded), within: patience)
        }
        // What a server of the cluster answers to PUBLISH counts its own subscribers only.
        let count: Count = { channel in try await tool.subscriberCounts(of: [channel]).first ?? 0 }
        self.init(
            key: key, isSharded: isSharded, publish: publish, count: isSharded ? nil : count,
            end: { await tool.close() })
    }

    /// Connects to the Redis at this URL and keeps connected.
    ///
    /// - Throws: `RedisError` for a URL that cannot be used.
    public convenience init(
        url: String, key: String = "socket.io", eventLoop: any EventLoop,
        logger: Logger = Logger(label: "socketio.emitter")
    ) throws {
        try self.init(redis: try RedisConfiguration(url: url), key: key, eventLoop: eventLoop, logger: logger)
    }

    package init(
        key: String, streams: RedisStreams? = nil, isSharded: Bool = false, publish: @escaping Publish,
        append: @escaping Append = { _, _ in 0 }, count: Count? = nil,
        end: @escaping @Sendable () async -> Void = {}
    ) {
        self.key = key
        self.streams = streams
        self.isSharded = isSharded
        self.publish = publish
        self.append = append
        self.count = count
        self.end = end
    }

    /// Disconnects.
    public func close() async { await end() }

    /// Everybody in `/`.
    public var everyone: EmitterOperator { of("/") }

    /// Everybody in a namespace; a missing slash in front is added.
    public func of(_ namespace: String) -> EmitterOperator {
        EmitterOperator(emitter: self, namespace: namespace.beginsWithBytes(of: "/") ? namespace : "/" + namespace)
    }

    /// - Parameter requests: The channel to which all servers of the namespace subscribe.
    func send(_ payload: ByteBuffer, to channel: String, requests: String) async throws -> Int {
        let receivers = try await publish(payload, channel)
        return try await count?(requests) ?? receivers
    }

    func send(_ entry: RedisPublish, in namespace: String) async throws -> Int {
        try await append(entry, StreamChannel.channel(key: key, namespace: namespace))
    }
}

/// The calls of ``EmitterOperator`` for everybody in `/`.
extension RedisEmitter {
    /// Whoever is in any of these rooms.
    public func to(_ rooms: String...) -> EmitterOperator { everyone.to(rooms) }
    /// Another word for `to`.
    public func `in`(_ rooms: String...) -> EmitterOperator { everyone.to(rooms) }
    /// Everybody but whoever is in any of these rooms.
    public func except(_ rooms: String...) -> EmitterOperator { everyone.except(rooms) }
    /// Drops the event for clients whose transport is not ready for it.
    public var volatile: EmitterOperator { everyone.volatile }
    /// Whether transports may compress the event.
    public func compress(_ compress: Bool) -> EmitterOperator { everyone.compress(compress) }

    /// Sends an event to everybody, see ``EmitterOperator/emit(_:_:)``.
    @discardableResult
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> Int {
        try await everyone.emit(event, repeat each arguments)
    }

    /// Sends an event with a list of arguments to everybody, see ``EmitterOperator/emit(_:arguments:)``.
    @discardableResult
    public func emit(_ event: String, arguments: [SocketValue]) async throws -> Int {
        try await everyone.emit(event, arguments: arguments)
    }

    /// Makes all sockets join rooms.
    @discardableResult
    public func socketsJoin(_ rooms: String...) async throws -> Int { try await everyone.socketsJoin(rooms) }
    /// Makes all sockets leave rooms.
    @discardableResult
    public func socketsLeave(_ rooms: String...) async throws -> Int { try await everyone.socketsLeave(rooms) }
    /// Disconnects all sockets; with `close` their whole connections.
    @discardableResult
    public func disconnectSockets(close: Bool = false) async throws -> Int {
        try await everyone.disconnectSockets(close: close)
    }

    /// Sends an event to all servers, see ``EmitterOperator/serverSideEmit(_:_:)``.
    @discardableResult
    public func serverSideEmit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> Int {
        try await everyone.serverSideEmit(event, repeat each arguments)
    }

    /// Sends an event with a list of arguments to all servers.
    @discardableResult
    public func serverSideEmit(_ event: String, arguments: [SocketValue]) async throws -> Int {
        try await everyone.serverSideEmit(event, arguments: arguments)
    }
}
