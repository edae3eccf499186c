// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// A namespace on the channels of Node's adapter (protocol 5.4). From any thread.
///
///     publish ──▶ RedisBus ──▶ `<key>#<nsp>#[<room>#]`, `<key>-request#<nsp>#`, `<key>-response#<nsp>#[<uid>#]`
///     `<key>#<nsp>#*` ──▶ own? ──▶ room known here? ──▶ decode ──▶ receiver
final class PubSubChannel: ClusterChannel {
    let uid: String
    let namespace: String
    let names: ChannelNames
    let backend: RedisBackend
    /// How every broadcast of this adapter begins.
    let signature: ByteBuffer
    private let source = PublishSource()

    private var bus: RedisBus { backend.bus }
    private var configuration: RedisClusterConfiguration { backend.configuration }

    var broadcasts: UInt64 { source.broadcasts }

    init(_ backend: RedisBackend, namespace: String, uid: String) {
        self.backend = backend
        self.namespace = namespace
        self.uid = uid
        names = ChannelNames(prefix: backend.configuration.key, namespace: namespace)
        signature = PubSubWireFormat.beginning(uid: uid)
    }

    // MARK: Subscribing

    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        bus.core.run { [self] bus in
            bus.watch(names.request)
            // The bus outlives the channel.
            let onBroadcast: RedisBusCore.Handler = { [weak self] in
                self?.receivedBroadcast($0, channel: $1, receiver)
            }
            let onRequest: RedisBusCore.Handler = { [weak self] payload, _ in self?.receivedRequest(payload, receiver) }
            let onResponse: RedisBusCore.Handler = { [weak self] payload, _ in
                self?.receivedResponse(payload, receiver)
            }
            bus.subscribe(
                channels: [
                    (names.request, onRequest), (names.response, onResponse), (names.response(to: uid), onResponse),
                ],
                patterns: [(names.pattern, onBroadcast)]
            ) { done($0) }
        }
    }

    func settled(isOpen: Bool) {
        source.isHeard = isOpen
        bus.core.run { $0.hearingChanged() }
    }

    func unsubscribe(_ receiver: ClusterReceiver) {
        bus.core.run { [self] bus in
            bus.unwatch(names.request)
            source.isHeard = false
            bus.hearingChanged()
            bus.unsubscribe(
                channels: [names.request, names.response, names.response(to: uid)], patterns: [names.pattern])
        }
    }

    func countServers(_ done: ClusterCallback<Int>) {
        bus.core.run { [names] bus in
            bus.subscriberCounts(of: [names.request]) { done($0.map { $0.first ?? 0 }) }
        }
    }

    // MARK: Publishing

    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws {
        let command = try PubSubWireFormat.publish(uid: uid, packet, options: options, channels: names)
        bus.publish(PublishMessage(command: command, source: source, isBroadcast: true))
    }

    func publish(
        _ content: ClusterMessage.Content, to destination: ClusterDestination, isForPeer: Bool,
        _ done: ClusterCallback<Void>?
    ) throws {
        let channel: String
        let payload: ByteBuffer
        switch content {
        case .broadcast(let packet, let options): return try publish(packet, options)
        case .acknowledgedBroadcast(let id, let packet, let options):
            payload = try PubSubWireFormat.acknowledgedBroadcast(uid: uid, requestID: id, packet, options: options)
            channel = names.request
        case .request(let request):
            payload = try PubSubWireFormat.request(request)
            channel = names.request
            if content.isServerSideEmit, payload.readableBytes > configuration.maxMessageBytes {
                bus.counters.refused(.sentBytes)
                throw ClusterError.tooLarge(payload.readableBytes, limit: configuration.maxMessageBytes)
            }
        case .response(let response):
            payload = try PubSubWireFormat.response(response)
            guard payload.readableBytes <= configuration.maxMessageBytes else {
                throw ClusterError.tooLarge(payload.readableBytes, limit: configuration.maxMessageBytes)
            }
            channel = names.response(to: destination, isForPeer: isForPeer, response, configuration)
        case .peer: return
        }
        let isData = content.isData
        bus.publish(
            PublishMessage(
                command: RedisPublish(payload, to: channel), kind: isData ? .data : .signal,
                source: isData ? source : nil, completion: done.map { PublishCompletion($0) }))
    }
}

extension ChannelNames {
    /// Where a response goes: to one node if that is of this kind, or if it is configured so.
    fileprivate func response(
        to destination: ClusterDestination, isForPeer: Bool, _ response: ClusterResponse,
        _ configuration: RedisClusterConfiguration
    ) -> String {
        guard case .server(let uid) = destination else { return self.response }
        if isForPeer { return self.response(to: uid) }
        // Node sends these to everybody, whatever is configured.
        let isServerSideEmit = response.type == ClusterRequestType.serverSideEmit.rawValue && response.error == nil
        return configuration.publishOnSpecificResponseChannel && !isServerSideEmit
            ? self.response(to: uid) : self.response
    }
}
