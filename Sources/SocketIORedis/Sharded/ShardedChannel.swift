// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// A namespace on the channels of Node's sharded adapter (protocol 5.7). From any thread.
///
///     publish ──▶ RedisBus ──▶ SPUBLISH `<key>#<nsp>#[<room>#]`, `<key>#<nsp>#<uid>#`
///     own? ──▶ room known here? ──▶ decode ──▶ receiver
final class ShardedChannel: ClusterChannel {
    private let uid: String
    private let namespace: String
    private let backend: ShardedBackend
    private let names: ShardedNames
    private let format: ShardedWireFormat
    private let allHead: RedisPublish.Head
    private let source = PublishSource()
    private let recentJoins = RecentJoins()
    private let rooms = NIOLockedValueBox<RoomSubscriptions?>(nil)

    private var bus: RedisBus { backend.bus }

    /// Broadcasts to rooms are not counted, because not every server receives them.
    var broadcasts: UInt64 { source.broadcasts }

    init(_ backend: ShardedBackend, namespace: String, uid: String) {
        self.backend = backend
        self.namespace = namespace
        self.uid = uid
        names = ShardedNames(prefix: backend.configuration.key, namespace: namespace, uid: uid)
        format = ShardedWireFormat(uid: uid, namespace: namespace)
        allHead = RedisPublish.Head(to: names.all, sharded: true)
    }

    // MARK: Subscribing

    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        let user = ObjectIdentifier(self)
        backend.subscriptions.run { [self] subscriptions in
            subscriptions.countNamespace(1)
            var missing = 2
            var failure: (any Error)?
            let confirmed: (Result<Void, any Error>) -> Void = { result in
                missing -= 1
                if case .failure(let error) = result, failure == nil { failure = error }
                // Called once, also when both are refused.
                guard missing == 0 else { return }
                if let failure { done.fail(failure) } else { done.succeed() }
            }
            subscriptions.add(
                names.all, for: user, { [weak self] payload, _ in self?.received(payload, receiver) }, confirmed)
            subscriptions.add(
                names.own, for: user, { [weak self] payload, _ in self?.receivedResponse(payload, receiver) }, confirmed
            )
        }
        bus.core.run { [names] in $0.watch(names.all) }
        guard backend.mode != .static, let local = receiver.local else { return }
        let rooms = RoomSubscriptions(
            backend.mode, names: names, local: local, subscriptions: backend.subscriptions
        ) { [weak self] room in
            { payload, _ in self?.received(payload, in: room, receiver) }
        }
        self.rooms.withLockedValue { $0 = rooms }
        rooms.start()
    }

    func settled(isOpen: Bool) {
        source.isHeard = isOpen
        bus.core.run { $0.hearingChanged() }
    }

    func unsubscribe(_ receiver: ClusterReceiver) {
        let user = ObjectIdentifier(self)
        rooms.withLockedValue { $0 }?.close()
        backend.subscriptions.run { [names] subscriptions in
            subscriptions.countNamespace(-1)
            subscriptions.remove(names.all, for: user)
            subscriptions.remove(names.own, for: user)
        }
        bus.core.run { [self] bus in
            bus.unwatch(names.all)
            source.isHeard = false
            bus.hearingChanged()
        }
    }

    func countServers(_ done: ClusterCallback<Int>) {
        bus.core.run { [names] bus in bus.subscriberCounts(of: [names.all]) { done($0.map { $0.first ?? 0 }) } }
    }

    /// Whether Redis has confirmed the subscriptions to all rooms that there are.
    var areRoomsSettled: Bool { rooms.withLockedValue { $0 }?.isSettled ?? true }

    // MARK: Receiving

    /// A message on the channel of all servers.
    private func received(_ message: ByteBuffer, _ receiver: ClusterReceiver) {
        if format.isOwn(message) { return backend.heardOwn(message) }
        if let (sender, packet, options) = format.plainBroadcast(message, limits: backend.limits) {
            return receiver.runIfHere { listener in
                listener.heardBroadcast(from: sender)
                listener.deliver(packet, options)
            }
        }
        read(message, receiver) { message in
            receiver.runIfHere { $0.received(message) }
        }
    }

    /// A message on the channel of a room.
    private func received(_ message: ByteBuffer, in room: String, _ receiver: ClusterReceiver) {
        guard !format.isOwn(message) else { return }
        // The last socket has left, and Redis does not know it yet.
        guard receiver.hasRoom(room) else { return bus.counters.filtered.increment() }
        if let (_, packet, options) = format.plainBroadcast(message, limits: backend.limits) {
            return receiver.runIfHere { $0.deliver(packet, options) }
        }
        read(message, receiver) { message in
            guard case .broadcast(let packet, let options) = message.content else {
                return receiver.dropped("message", WireFormatError.shape("not a broadcast on the channel of a room"))
            }
            receiver.runIfHere { $0.deliver(packet, options) }
        }
    }

    /// A message on the channel of this server, on which only responses have a meaning.
    private func receivedResponse(_ message: ByteBuffer, _ receiver: ClusterReceiver) {
        read(message, receiver) { message in
            guard case .response = message.content else {
                return receiver.dropped("message", WireFormatError.shape("not a response on the channel of one server"))
            }
            receiver.runIfHere { $0.received(message) }
        }
    }

    private func read(_ message: ByteBuffer, _ receiver: ClusterReceiver, _ use: (ClusterMessage) -> Void) {
        do {
            let message = try ShardedWireFormat.read(message, limits: backend.limits)
            guard message.namespace.hasSameBytes(as: namespace), !message.sender.hasSameBytes(as: uid) else { return }
            use(message)
        } catch {
            receiver.dropped("message", error)
        }
    }

    // MARK: Publishing

    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws {
        let room = options.rooms.count == 1 ? options.rooms[0] : nil
        if let room, backend.mode.hasChannel(for: room), !recentJoins.contains(room) {
            let head = RedisPublish.Head(to: names.room(room), sharded: true)
            // Without a source: this node hears the message only if it has the room.
            return bus.publish(PublishMessage(command: try format.publish(packet, options, to: head)))
        }
        bus.publish(
            PublishMessage(
                command: try format.publish(packet, options, to: allHead), source: source, isBroadcast: true))
    }

    func publish(
        _ content: ClusterMessage.Content, to destination: ClusterDestination, isForPeer: Bool,
        _ done: ClusterCallback<Void>?
    ) throws {
        switch content {
        case .broadcast(let packet, let options): return try publish(packet, options)
        case .peer: return
        case .acknowledgedBroadcast, .request, .response: break
        }
        if case .request(let request) = content, request.type == ClusterRequestType.remoteJoin.rawValue,
            backend.mode != .static
        {
            recentJoins.add(request.rooms?.names ?? [])
        }
        let payload = try format.message(content)
        let limit = backend.configuration.maxMessageBytes
        if payload.readableBytes > limit {
            let error = ClusterError.tooLarge(payload.readableBytes, limit: limit)
            if case .response = content { throw error }
            if content.isServerSideEmit {
                bus.counters.refused(.sentBytes)
                throw error
            }
        }
        var message = PublishMessage(
            command: RedisPublish(payload, to: names.all, sharded: true), kind: content.isData ? .data : .signal,
            // Everything on this channel is heard here and counts, see `EchoTracker`.
            source: source, completion: done.map { PublishCompletion($0) })
        if case .server(let other) = destination, case .response = content {
            message = PublishMessage(
                command: RedisPublish(payload, to: names.server(other), sharded: true), kind: .signal,
                completion: message.completion)
        }
        bus.publish(message)
    }
}
