// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import SocketIOCluster
public import SocketIOCore
internal import SocketIOServer

/// Whom an event of a ``RedisEmitter`` is for, and how it is sent. A value, usable any number of times.
public struct EmitterOperator: Sendable {
    /// The uid that is never a node's.
    static let uid = "emitter"

    private let emitter: RedisEmitter
    private let namespace: String
    private let channels: ChannelNames
    private var options = BroadcastOptions()

    init(emitter: RedisEmitter, namespace: String) {
        self.emitter = emitter
        self.namespace = namespace
        self.channels = ChannelNames(prefix: emitter.key, namespace: namespace)
    }

    /// How entries are written; nil without streams.
    private var streamsFormat: StreamsWireFormat? {
        emitter.streams.map { streams in
            let names = StreamNames(name: streams.name, count: streams.count)
            return StreamsWireFormat(
                uid: Self.uid, namespace: namespace, stream: names.stream(of: namespace), streams)
        }
    }

    /// How messages for sharded publish/subscribe are written; nil without it.
    private var shardedFormat: ShardedWireFormat? {
        emitter.isSharded ? ShardedWireFormat(uid: Self.uid, namespace: namespace) : nil
    }

    // MARK: Whom

    /// Adds rooms: whoever is in any of them is meant, once.
    public func to(_ rooms: String...) -> EmitterOperator { to(rooms) }

    /// Adds rooms: whoever is in any of them is meant, once.
    public func to(_ rooms: [String]) -> EmitterOperator {
        with { options in for room in rooms { options.add(room: room) } }
    }

    /// Another word for `to`.
    public func `in`(_ rooms: String...) -> EmitterOperator { to(rooms) }

    /// Another word for `to`.
    public func `in`(_ rooms: [String]) -> EmitterOperator { to(rooms) }

    /// Leaves out whoever is in any of these rooms.
    public func except(_ rooms: String...) -> EmitterOperator { except(rooms) }

    /// Leaves out whoever is in any of these rooms.
    public func except(_ rooms: [String]) -> EmitterOperator {
        with { options in for room in rooms { options.add(except: room) } }
    }

    /// Drops the event for clients whose transport is not ready for it.
    public var volatile: EmitterOperator { with { $0.flags.isVolatile = true } }

    /// Whether transports may compress the event; they may unless told otherwise.
    public func compress(_ compress: Bool) -> EmitterOperator { with { $0.flags.compress = compress } }

    private func with(_ change: (inout BroadcastOptions) -> Void) -> EmitterOperator {
        var copy = self
        change(&copy.options)
        return copy
    }

    // MARK: Sending

    /// Sends an event.
    ///
    /// - Returns: How many subscribers Redis passed it on to.
    /// - Throws: `SocketError` for a reserved name, `EncodingError`, `RedisError` when Redis did not take it.
    @discardableResult
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> Int {
        try await broadcast(event, try .event(event, repeat each arguments))
    }

    /// As ``emit(_:_:)``, with a list of arguments whose length is known at run time only.
    @discardableResult
    public func emit(_ event: String, arguments: [SocketValue]) async throws -> Int {
        try await broadcast(event, try .event(event, list: arguments))
    }

    /// The same with arguments that are JSON already.
    @_disfavoredOverload
    @discardableResult
    public func emit(_ event: String, arguments: [RawJSON]) async throws -> Int {
        try await broadcast(event, try .event(event, list: arguments))
    }

    private func broadcast(_ event: String, _ data: EncodedArguments) async throws -> Int {
        let packet = BroadcastPacket(namespace: namespace, event: event, data: data)
        if let format = streamsFormat {
            return try await emitter.send(try format.entry(packet, options), in: namespace)
        }
        if let format = shardedFormat {
            // All servers listen to this channel, whichever rooms have one of their own.
            let command = try format.publish(
                packet, options, to: RedisPublish.Head(to: channels.broadcast, sharded: true))
            return try await emitter.send(
                command.payload, to: channels.broadcast, requests: channels.broadcast)
        }
        let payload = try PubSubWireFormat.broadcast(uid: Self.uid, packet, options: options, style: .emitter)
        return try await emitter.send(payload, to: channels.broadcast(to: options.rooms), requests: channels.request)
    }

    /// Makes the sockets meant join rooms. Returns how many servers it was passed on to.
    @discardableResult
    public func socketsJoin(_ rooms: String...) async throws -> Int { try await socketsJoin(rooms) }

    /// Makes the sockets meant join rooms. Returns how many servers it was passed on to.
    @discardableResult
    public func socketsJoin(_ rooms: [String]) async throws -> Int {
        try await send(ClusterRequest(uid: nil, type: .remoteJoin, opts: options, rooms: rooms))
    }

    /// Makes the sockets meant leave rooms. Returns how many servers it was passed on to.
    @discardableResult
    public func socketsLeave(_ rooms: String...) async throws -> Int { try await socketsLeave(rooms) }

    /// Makes the sockets meant leave rooms. Returns how many servers it was passed on to.
    @discardableResult
    public func socketsLeave(_ rooms: [String]) async throws -> Int {
        try await send(ClusterRequest(uid: nil, type: .remoteLeave, opts: options, rooms: rooms))
    }

    /// Disconnects the sockets meant; with `close` their whole connections. Returns how many servers it was passed on to.
    @discardableResult
    public func disconnectSockets(close: Bool = false) async throws -> Int {
        try await send(ClusterRequest(uid: nil, type: .remoteDisconnect, opts: options, close: close))
    }

    /// Sends an event to the servers, where the namespace's own `on` listens. Rooms do not count.
    ///
    /// - Returns: How many servers it was passed on to.
    @discardableResult
    public func serverSideEmit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> Int {
        try await serverSide(try .unchecked(event, repeat each arguments))
    }

    /// As ``serverSideEmit(_:_:)``, with a list of arguments whose length is known at run time only.
    @discardableResult
    public func serverSideEmit(_ event: String, arguments: [SocketValue]) async throws -> Int {
        try await serverSide(try .unchecked(event, list: arguments))
    }

    /// The same with arguments that are JSON already.
    @_disfavoredOverload
    @discardableResult
    public func serverSideEmit(_ event: String, arguments: [RawJSON]) async throws -> Int {
        try await serverSide(try .unchecked(event, list: arguments))
    }

    private func serverSide(_ data: EncodedArguments) async throws -> Int {
        try await send(
            ClusterRequest(uid: Self.uid, type: .serverSideEmit, data: try NodeBuffer.text(RawJSON(data))))
    }

    @discardableResult
    private func send(_ request: ClusterRequest) async throws -> Int {
        if let format = streamsFormat { return try await emitter.send(try format.entry(request), in: namespace) }
        if let format = shardedFormat {
            return try await emitter.send(
                try format.message(.request(request)), to: channels.broadcast, requests: channels.broadcast)
        }
        return try await emitter.send(try request.text, to: channels.request, requests: channels.request)
    }
}
