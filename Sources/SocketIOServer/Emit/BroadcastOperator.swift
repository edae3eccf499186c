// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import SocketIOCore

/// The recipients of an event and the way it is sent: made with `to`, `except`, `volatile` and similar calls, used with `emit`.
///
/// A value: each call returns a new operator and changes nothing else. Usable from any thread, any number of times.
public struct BroadcastOperator: Sendable {
    /// Where the sockets are.
    enum Target: Sendable {
        case namespace(Namespace)
        case parent(ParentNamespace)
    }

    let target: Target
    /// Rooms, exceptions and flags collected so far.
    public private(set) var options: BroadcastOptions

    init(_ target: Target, _ options: BroadcastOptions = BroadcastOptions()) {
        self.target = target
        self.options = options
    }

    // MARK: Recipients

    /// Adds rooms. Every socket in at least one of the rooms receives the event, once.
    public func to(_ rooms: String...) -> BroadcastOperator { to(rooms) }

    /// Adds rooms. Every socket in at least one of the rooms receives the event, once.
    public func to(_ rooms: [String]) -> BroadcastOperator {
        with { options in for room in rooms { options.add(room: room) } }
    }

    /// The same as `to`.
    public func `in`(_ rooms: String...) -> BroadcastOperator { to(rooms) }

    /// The same as `to`.
    public func `in`(_ rooms: [String]) -> BroadcastOperator { to(rooms) }

    /// Excludes the sockets in these rooms. The id of a socket is the name of a room that only this socket is in.
    public func except(_ rooms: String...) -> BroadcastOperator { except(rooms) }

    /// Excludes the sockets in these rooms.
    public func except(_ rooms: [String]) -> BroadcastOperator {
        with { options in for room in rooms { options.add(except: room) } }
    }

    // MARK: How

    /// Limits the recipients to sockets connected to this server.
    public var local: BroadcastOperator { with { $0.flags.isLocal = true } }

    /// Drops the event for clients whose transport is not ready for it at this moment.
    public var volatile: BroadcastOperator { with { $0.flags.isVolatile = true } }

    /// Sets whether transports may compress the event; default true.
    public func compress(_ compress: Bool) -> BroadcastOperator { with { $0.flags.compress = compress } }

    /// Replaces an earlier event with the same key in the same namespace that is still queued for a client of this
    /// server. A slow client then receives only the newest event, at the position of the newest. Keys are compared by
    /// their bytes.
    public func coalescing(_ key: String) -> BroadcastOperator {
        with { $0.flags.coalescingKey = CoalescingKey(key) }
    }

    /// Sends no faster than the slowest client of this server reads, see ``SuspendingBroadcast``.
    public var suspending: SuspendingBroadcast { SuspendingBroadcast(self) }

    /// Sets how long to wait for acknowledgements; default ``ServerConfiguration/broadcastAcknowledgementTimeout``.
    public func timeout(_ timeout: Duration) -> BroadcastOperator {
        with { $0.flags.timeout = timeout }
    }

    /// Tells other servers that only one socket is to answer, as Node does.
    mutating func expectSingleResponse() { options.flags.expectsSingleResponse = true }

    private func with(_ change: (inout BroadcastOptions) -> Void) -> BroadcastOperator {
        var copy = self
        change(&copy.options)
        return copy
    }

    // MARK: Sending

    /// Sends an event. A reserved name, or an argument that cannot be encoded, is logged and nothing is sent.
    public func emit<each Argument: Encodable & Sendable>(_ event: String, _ arguments: repeat each Argument) {
        send(event) { try .event(event, repeat each arguments) }
    }

    /// Sends an event with arguments that were received; their bytes are copied unchanged.
    public func emit(_ event: String, arguments: EventArguments) {
        send(event) { try .relay(event, arguments) }
    }

    /// Sends the event `message`.
    public func send<each Argument: Encodable & Sendable>(_ arguments: repeat each Argument) {
        emit("message", repeat each arguments)
    }

    func send(_ event: String, encode: () throws -> EncodedArguments) {
        do {
            let data = try encode()
            switch target {
            case .namespace(let namespace):
                namespace.adapter.broadcast(
                    BroadcastPacket(namespace: namespace.name, event: event, data: data), options: options)
            case .parent(let parent):
                for child in parent.children {
                    child.adapter.broadcast(
                        BroadcastPacket(namespace: child.name, event: event, data: data), options: options)
                }
            }
        } catch {
            switch target {
            case .namespace(let namespace): namespace.report(error)
            case .parent(let parent): parent.children.first?.report(error)
            }
        }
    }

    /// Sends an event and collects the first argument of each client's acknowledgement, in the order of arrival.
    ///
    /// - Throws: ``BroadcastAckError`` when not all have answered in time, or some have disconnected instead: it has the
    ///   answers there are. ``SocketError`` for a reserved name, an answer of another type, or a parent namespace.
    public func emitWithAck<each Argument: Encodable & Sendable, Answer: Decodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument, as type: Answer.Type
    ) async throws -> [Answer] {
        try await acknowledgements(event, try .event(event, repeat each arguments)).map { try $0.decode(type) }
    }

    /// As the typed form; returns each client's arguments without decoding them.
    public func emitWithAck<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> [EventArguments] {
        try await acknowledgements(event, try .event(event, repeat each arguments))
    }

    /// The callback form of ``emitWithAck(_:_:)``; `ack` is called once, on any thread.
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument,
        ack: @escaping @Sendable (Result<[EventArguments], any Error>) -> Void
    ) {
        collect(event, ack) { try .event(event, repeat each arguments) }
    }

    func collect(
        _ event: String, _ ack: @escaping @Sendable (Result<[EventArguments], any Error>) -> Void,
        encode: () throws -> EncodedArguments
    ) {
        do {
            let data = try encode()
            // Begun here, not in a task: events sent one after the other leave in that order.
            guard case .namespace(let namespace) = target else { throw Self.noParent("emitWithAck") }
            try Questions.admitWithoutWaiting(isLocal: options.flags.isLocal)
            collect(event, data, in: namespace, expectsSingle: false) { answers in
                ack(Result { try answers.get().get() })
            }
        } catch {
            ack(.failure(error))
        }
    }

    func acknowledgements(
        _ event: String, _ data: EncodedArguments, expectsSingle: Bool = false
    ) async throws -> [EventArguments] {
        try await answers(event, data, expectsSingle: expectsSingle).get(expectsSingle: expectsSingle)
    }

    func answers(
        _ event: String, _ data: EncodedArguments, expectsSingle: Bool = false
    ) async throws -> BroadcastAnswers {
        guard case .namespace(let namespace) = target else { throw Self.noParent("emitWithAck") }
        try await Questions.admit(isLocal: options.flags.isLocal)
        return try await withCheckedThrowingContinuation { continuation in
            collect(event, data, in: namespace, expectsSingle: expectsSingle) { continuation.resume(with: $0) }
        }
    }

    private func collect(
        _ event: String, _ data: EncodedArguments, in namespace: Namespace, expectsSingle: Bool,
        _ done: @escaping BroadcastAcknowledgements.Done
    ) {
        var options = options
        let timeout = options.flags.timeout ?? namespace.context.broadcastAcknowledgementTimeout
        options.flags.timeout = timeout
        let packet = BroadcastPacket(namespace: namespace.name, event: event, data: data)
        BroadcastAcknowledgements.collect(
            packet, options: options, timeout: timeout, namespace: namespace, expectsSingle: expectsSingle, done)
    }

    // MARK: Sockets

    /// Describes the selected sockets of all servers.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for other servers; nil, the default, as the adapter's settings say.
    ///   - partialResults: What happens when some have not answered by then; nil, the default, as the settings say.
    /// - Throws: ``SocketError`` with code `notSupported` on a parent namespace; what the adapter throws.
    public func fetchSockets(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> [RemoteSocket] {
        guard case .namespace(let namespace) = target else { throw Self.noParent("fetchSockets()") }
        try await Questions.admit(isLocal: options.flags.isLocal)
        return try await QueryOptions(timeout: timeout, partialResults: partialResults).ask {
            try await namespace.adapter.fetchSockets(options)
        }.map { RemoteSocket($0, namespace: namespace) }
    }

    /// The ids of the sockets in the selected rooms, or of all sockets; exceptions and flags are ignored. See
    /// ``fetchSockets(timeout:partialResults:)`` for the parameters.
    public func allSockets(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> NameSet {
        guard case .namespace(let namespace) = target else { throw Self.noParent("allSockets()") }
        try await Questions.admit()
        return try await QueryOptions(timeout: timeout, partialResults: partialResults).ask {
            try await namespace.adapter.sockets(in: NameSet(options.rooms))
        }
    }

    /// Makes the selected sockets join rooms. Returns before they have joined.
    public func socketsJoin(_ rooms: String...) { socketsJoin(rooms) }

    /// Makes the selected sockets join rooms. Returns before they have joined.
    public func socketsJoin(_ rooms: [String]) {
        for namespace in namespaces { namespace.adapter.addSockets(options, rooms: rooms) }
    }

    /// Makes the selected sockets leave rooms. Returns before they have left.
    public func socketsLeave(_ rooms: String...) { socketsLeave(rooms) }

    /// Makes the selected sockets leave rooms. Returns before they have left.
    public func socketsLeave(_ rooms: [String]) {
        for namespace in namespaces { namespace.adapter.removeSockets(options, rooms: rooms) }
    }

    /// Disconnects the selected sockets; with `close` their whole connections. Returns before they are disconnected.
    public func disconnectSockets(close: Bool = false) {
        for namespace in namespaces { namespace.adapter.disconnectSockets(options, close: close) }
    }

    var namespaces: [Namespace] {
        switch target {
        case .namespace(let namespace): [namespace]
        case .parent(let parent): parent.children
        }
    }

    private static func noParent(_ call: String) -> SocketError {
        SocketError(.notSupported, "\(call) is not supported on parent namespaces")
    }
}
