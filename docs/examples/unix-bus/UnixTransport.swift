// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import SocketIOCluster
internal import SocketIOServer

/// The way of one server to the others, over the Unix domain socket of a ``UnixHub``. Connects again when the hub has been away.
final class UnixTransport: ClusterTransport {
    private struct State {
        var channel: (any Channel)?
        var isClosed = false
        var receivers: NameDictionary<ClusterReceiver> = [:]
        /// Subscriptions that the hub has not confirmed.
        var subscribing: NameDictionary<ClusterCallback<Void>> = [:]
        /// How many servers the hub has told of, by namespace.
        var counts: NameDictionary<Int> = [:]
    }

    private let path: String
    private let state = NIOLockedValueBox(State())

    init(path: String) { self.path = path }

    // MARK: ClusterTransport

    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
        Task {
            while !state.withLockedValue({ $0.isClosed }) {
                do {
                    let channel = try await connect()
                    statusChanged(.up)
                    try await channel.closeFuture.get()
                    statusChanged(.down("the hub has gone"))
                } catch {
                    statusChanged(.down("\(error)"))
                }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    func close() async {
        let channel = state.withLockedValue { state in
            state.isClosed = true
            return state.channel
        }
        try? await channel?.close()
    }

    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        state.withLockedValue { state in
            state.receivers[receiver.namespace] = receiver
            state.subscribing[receiver.namespace] = done
        }
        // Without a connection it is done as soon as there is one.
        send(Frame(.subscribe, receiver.namespace))
    }

    func unsubscribe(_ receiver: ClusterReceiver) {
        state.withLockedValue { $0.receivers[receiver.namespace] = nil }
        send(Frame(.unsubscribe, receiver.namespace))
    }

    func publish(
        _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination, _ done: ClusterCallback<Void>
    ) {
        // All servers with the namespace get everything: they ignore what is for another one.
        if send(Frame(.message, namespace, message)) { done.succeed() } else { done.fail(NotConnected()) }
    }

    func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
        done.succeed(state.withLockedValue { $0.counts[namespace] ?? 1 })
    }

    private struct NotConnected: Error {}

    // MARK: The connection

    private func connect() async throws -> any Channel {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                FrameHandler.add(to: channel, onFrame: { [weak self] in self?.received($0) })
            }
            .connect(unixDomainSocketPath: path).get()
        let namespaces = state.withLockedValue { state in
            state.channel = channel
            return Array(state.receivers.keys)
        }
        for namespace in namespaces { send(Frame(.subscribe, namespace)) }
        return channel
    }

    /// False when there is no connection.
    @discardableResult
    private func send(_ frame: Frame) -> Bool {
        guard let channel = state.withLockedValue({ $0.channel }), channel.isActive else { return false }
        channel.writeAndFlush(frame.bytes, promise: nil)
        return true
    }

    private func received(_ frame: Frame) {
        switch frame.kind {
        case .message: state.withLockedValue { $0.receivers[frame.namespace] }?.received(frame.body)
        case .count:
            let count = frame.body.getInteger(at: frame.body.readerIndex, as: UInt32.self) ?? 1
            let done = state.withLockedValue { state in
                state.counts[frame.namespace] = Int(count)
                return state.subscribing.removeValue(forKey: frame.namespace)
            }
            done?.succeed()
        case .subscribe, .unsubscribe: break
        }
    }
}
