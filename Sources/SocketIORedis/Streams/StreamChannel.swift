// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// A namespace in a stream, and on the channels of Node's adapter for streams (protocol 5.8). From any thread.
///
///     publish ──▶ RedisBus ──▶ XADD `<stream>`, PUBLISH `<key>#<nsp>#[<uid>#]`
///     StreamHub ──▶ own? ──▶ decode ──▶ receiver
final class StreamChannel: ClusterChannel {
    private let uid: String
    private let namespace: String
    private let backend: StreamsBackend
    private let format: StreamsWireFormat
    /// Requests of all, and what is for this node alone.
    private let channels: (all: String, own: String)
    private let source = PublishSource()

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
    }

    /// Where requests go.
    static func channel(key: String, namespace: String) -> String { "\(key)#\(namespace)#" }

    // MARK: Subscribing

    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        bus.core.run { [self] bus in
            backend.hub.run { [weak self, namespace] hub in
                hub.add(namespace) { [weak self] entry, data, _ in self?.received(entry, data, receiver) }
            }
            let onMessage: RedisBusCore.Handler = { payload, _ in receiver.received(payload) }
            bus.watch(channels.all)
            bus.subscribe(channels: [(channels.all, onMessage), (channels.own, onMessage)]) { [backend] result in
                guard case .success = result else { return done(result) }
                // Clients are let in when what is sent to them is not missed.
                backend.hub.run { hub in hub.whenReady { done.succeed() } }
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

    private func received(_ entry: StreamEntry, _ data: ByteBuffer, _ receiver: ClusterReceiver) {
        // It has been acted on when it was sent.
        guard !entry.uid.hasSameBytes(as: uid) else { return backend.heardOwn(data) }
        do {
            let content = try StreamsWireFormat.message(entry, limits: backend.limits)
            guard case .broadcast(let packet, let options) = content else {
                return receiver.deliver(ClusterMessage(namespace: namespace, sender: entry.uid, content))
            }
            receiver.runIfHere { listener in
                listener.heardBroadcast(from: entry.uid)
                listener.deliver(packet, options)
            }
        } catch {
            receiver.dropped("entry", error)
        }
    }

    // MARK: Publishing

    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws {
        bus.publish(PublishMessage(command: try format.entry(packet, options), source: source, isBroadcast: true))
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
