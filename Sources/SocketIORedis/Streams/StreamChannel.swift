// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// A namespace in a stream, and on the publish/subscribe channels of Node's streams adapter (protocol 5.8). From any
/// thread.
///
///     publish ──▶ RedisBus ──▶ XADD `<stream>`, PUBLISH `<key>#<nsp>#[<uid>#]`
///     StreamHub ──▶ own? ──▶ decode ──▶ receiver
final class StreamChannel: ClusterChannel {
    private let uid: String
    private let namespace: String
    private let backend: StreamsBackend
    private let format: StreamsWireFormat
    /// The channels for requests to all nodes, and for messages to this node alone.
    private let channels: (all: String, own: String)
    private let source = PublishSource()
    private let own: LoopBound<OwnMessages>

    private var bus: RedisBus { backend.bus }

    var broadcasts: UInt64 { source.broadcasts }

    init(_ backend: StreamsBackend, namespace: String, uid: String) {
        self.backend = backend
        self.namespace = namespace
        self.uid = uid
        format = StreamsWireFormat(
            uid: uid, namespace: namespace, stream: backend.names.stream(of: namespace), backend.streams)
        let all = Self.channel(key: backend.configuration.key, namespace: namespace)
        channels = (all, "\(all)\(uid)#")
        let stream = backend.names.stream(of: namespace)
        own = LoopBound(with: backend.hub) { [weak backend] hub in
            let own = hub.ownMessages(of: uid, in: namespace, stream: stream)
            backend?.follow(own, in: namespace, uid: uid)
            return own
        }
    }

    /// The channel of requests.
    static func channel(key: String, namespace: String) -> String { "\(key)#\(namespace)#" }

    // MARK: Subscribing

    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        bus.core.run { [self] bus in
            backend.hub.run { [weak self, namespace] hub in
                hub.add(namespace) { [weak self] in self?.received($0, $1, $2, receiver) }
            }
            let (ordered, stream) = (backend.orderedNamespace(namespace), backend.names.stream(of: namespace))
            let (namespace, limits) = (namespace, backend.limits)
            let onMessage: RedisBusCore.Handler = { payload, _ in receiver.received(payload) }
            bus.watch(channels.all)
            bus.subscribe(channels: [(channels.all, onMessage), (channels.own, onMessage)]) { [backend] result in
                guard case .success = result else { return done(result) }
                // Clients are admitted only when nothing that is sent to them is missed.
                backend.hub.run { hub in
                    hub.whenReady {
                        guard let ordered else { return done.succeed() }
                        hub.readHistory(
                            of: namespace, in: stream, to: ordered, limits: limits,
                            onGap: { receiver.runIfHere { $0.noteGap() } }
                        ) { done.succeed() }
                    }
                }
            }
        }
    }

    func settled(isOpen: Bool) {
        source.isHeard = isOpen
        bus.core.run { $0.hearingChanged() }
    }

    func unsubscribe(_ receiver: ClusterReceiver) {
        backend.hub.run { [namespace] in $0.remove(namespace) }
        bus.core.run { [self] bus in
            bus.unwatch(channels.all)
            source.isHeard = false
            bus.hearingChanged()
            bus.unsubscribe(channels: [channels.all, channels.own])
        }
    }

    func countServers(_ done: ClusterCallback<Int>) {
        bus.core.run { [channels] bus in
            bus.subscriberCounts(of: [channels.all]) { done($0.map { $0.first ?? 0 }) }
        }
    }

    // MARK: Receiving

    private func received(
        _ entry: StreamEntry, _ data: ByteBuffer, _ id: RedisStreamID, _ receiver: ClusterReceiver
    ) {
        let isOwn = entry.uid.hasSameBytes(as: uid)
        if isOwn { backend.heardOwn(data) }
        guard backend.orderedNamespace(namespace) != nil else {
            // Without a common order, this node acted on its own entry when it was sent.
            return isOwn ? () : deliver(entry, nil, receiver)
        }
        let position = EventPosition(id)
        _ = own.runIfHere { own in
            guard isOwn else { return own.pass { self.deliver(entry, position, receiver) } }
            own.read(id) { self.deliver(entry, position, receiver, as: $0) }
        }
    }

    /// - Parameters:
    ///   - position: The place in the order of all nodes; nil when there is none.
    ///   - decision: For an entry of this node.
    private func deliver(
        _ entry: StreamEntry, _ position: EventPosition?, _ receiver: ClusterReceiver,
        as decision: OwnMessages.Decision? = nil
    ) {
        do {
            let content = try StreamsWireFormat.message(entry, limits: backend.limits)
            guard case .broadcast(let packet, var options) = content else {
                guard decision != .delivered else { return }
                let sender = decision == nil ? entry.uid : ""
                return receiver.runIfHere {
                    $0.received(ClusterMessage(namespace: namespace, sender: sender, content))
                }
            }
            if case .new(let key) = decision { options.flags.coalescingKey = key }
            receiver.runIfHere { [options] listener in
                if decision == nil { listener.heardBroadcast(from: entry.uid) }
                guard let position else { return listener.deliver(packet, options) }
                listener.deliver(packet, options, at: position, isNew: decision != .delivered)
            }
        } catch {
            receiver.dropped("entry", error)
        }
    }

    // MARK: Publishing

    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws {
        bus.publish(PublishMessage(command: try format.entry(packet, options), source: source, isBroadcast: true))
    }

    func publishInOrder(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, deliver: @escaping @Sendable () -> Void
    ) throws {
        let own = OwnMessage(in: own, coalescingKey: options.flags.coalescingKey, deliver: deliver)
        try publishInOrder(try format.entry(packet, options), isBroadcast: true, own)
    }

    func publishInOrder(_ request: ClusterRequest, deliver: @escaping @Sendable () -> Void) throws {
        try publishInOrder(try format.entry(request), isBroadcast: false, OwnMessage(in: own, deliver: deliver))
    }

    private func publishInOrder(_ command: RedisPublish, isBroadcast: Bool, _ own: OwnMessage) throws {
        let limit = backend.configuration.maxMessageBytes
        guard command.payloadLength <= limit else {
            bus.counters.refused(.sentBytes)
            throw ClusterError.tooLarge(command.payloadLength, limit: limit)
        }
        var message = PublishMessage(command: command, source: source, isBroadcast: isBroadcast)
        message.own = own
        bus.publish(message)
    }

    func publish(
        _ content: ClusterMessage.Content, to destination: ClusterDestination, isForPeer: Bool,
        _ done: ClusterCallback<Void>?
    ) throws {
        let completion = done.map { PublishCompletion($0) }
        switch content {
        case .broadcast(let packet, let options): return try publish(packet, options)
        case .request(let request) where content.isData && !content.isServerSideEmit:
            return bus.publish(
                PublishMessage(command: try format.entry(request), source: source, completion: completion))
        case .peer: return
        case .request, .response, .acknowledgedBroadcast: break
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
        var channel = channels.all
        if case .server(let other) = destination, case .response = content { channel = "\(channels.all)\(other)#" }
        bus.publish(
            PublishMessage(
                command: RedisPublish(payload, to: channel), kind: content.isData ? .data : .signal,
                completion: completion))
    }
}
