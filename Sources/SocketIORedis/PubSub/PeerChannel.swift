// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import LoopConfinement
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// What servers of this kind tell each other about themselves, on channels Node.js servers do not listen to (protocol 5.11): one for
/// all, and one for each. From any thread.
final class PeerChannel: ClusterChannel {
    private let bus: RedisBus
    private let configuration: RedisClusterConfiguration
    private let uid: String
    private let isSharded: Bool
    private let all: String
    private let own: String

    /// Not counted here.
    var broadcasts: UInt64 { 0 }

    init(_ bus: RedisBus, _ configuration: RedisClusterConfiguration, uid: String) {
        self.bus = bus
        self.configuration = configuration
        self.uid = uid
        isSharded = configuration.sharded != nil
        all = PeerMessage.channel(key: configuration.key)
        own = PeerMessage.channel(of: uid, key: configuration.key)
    }

    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        bus.core.run { [self] bus in
            bus.watch(all)
            let channels = [all, own].map { channel in
                let isForOne = channel == own
                let handler: RedisBusCore.Handler = { payload, _ in
                    receiver.runIfHere {
                        // Who has sent it stands in the message; this node's own are wanted, too.
                        $0.received(ClusterMessage(namespace: "", sender: "", .peer(payload, isForOne: isForOne)))
                    }
                }
                return (channel, handler)
            }
            bus.subscribe(channels: channels) { done($0) }
        }
    }

    func settled(isOpen: Bool) { bus.core.run { $0.hearingChanged() } }

    func unsubscribe(_ receiver: ClusterReceiver) {
        bus.core.run { [self] bus in
            bus.unwatch(all)
            bus.unsubscribe(channels: [all, own])
        }
    }

    func countServers(_ done: ClusterCallback<Int>) {
        bus.core.run { [all] bus in bus.subscriberCounts(of: [all]) { done($0.map { $0.first ?? 0 }) } }
    }

    /// There are none.
    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws {}

    func publish(
        _ content: ClusterMessage.Content, to destination: ClusterDestination, isForPeer: Bool,
        _ done: ClusterCallback<Void>?
    ) throws {
        guard case .peer(let text, _) = content else { return }
        let channel =
            if case .server(let id) = destination { PeerMessage.channel(of: id, key: configuration.key) } else {
                all
            }
        bus.publish(
            PublishMessage(
                command: RedisPublish(text, to: channel, sharded: isSharded), kind: .signal,
                completion: done.map { PublishCompletion($0) })
        )
    }

    /// A message that comes back to this node alone.
    func echo(_ number: UInt64) -> PublishMessage? {
        var message = PeerMessage(.echo, node: uid)
        message.number = number
        guard let text = try? message.text(to: uid, configuration.cluster) else { return nil }
        var echo = PublishMessage(command: RedisPublish(text, to: own, sharded: isSharded), kind: .signal)
        echo.isEcho = true
        return echo
    }
}
