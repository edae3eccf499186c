// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import Logging
internal import NIOCore
internal import SocketIOServer

/// What never changes of an adapter, and how it sends: for its handle, its core, and the tasks that answer in its name. From any
/// thread.
final class PubSubSender: Sendable {
    let context: AdapterContext
    let uid: String
    let channels: ChannelNames
    let configuration: RedisClusterConfiguration
    let bus: RedisBus
    let source = PublishSource()

    init(context: AdapterContext, uid: String, configuration: RedisClusterConfiguration, bus: RedisBus) {
        self.context = context
        self.uid = uid
        self.configuration = configuration
        self.bus = bus
        channels = ChannelNames(prefix: configuration.key, namespace: context.namespace)
    }

    func send(_ payload: ByteBuffer, to channel: String, kind: PublishMessage.Kind) {
        bus.publish(
            PublishMessage(
                command: RedisPublish(payload, to: channel), kind: kind, source: kind == .data ? source : nil))
    }

    /// What was to be sent to other servers cannot be written.
    func notSent(_ error: any Error) {
        bus.log.log(.notTold, level: .error, ["nsp": "\(context.namespace)", "error": "\(error)"])
    }
}
