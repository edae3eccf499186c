// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
public import NIOCore
internal import NIOPosix
public import SocketIOCluster
internal import SocketIOServer

/// Connects one server to the others over the Unix domain socket of a ``UnixHub``, and reconnects when the hub was away.
public final class UnixTransport: ClusterTransport {
    private struct State {
        var channel: (any Channel)?
        var isClosed = false
        /// The task that connects and reconnects until the transport is closed.
        var connecting: Task<Void, Never>?
        var receivers: NameDictionary<ClusterReceiver> = [:]
        /// Subscriptions that the hub has not confirmed.
        var subscribing: NameDictionary<ClusterCallback<Void>> = [:]
        /// The number of servers of each namespace, as the hub has sent it last.
        var counts: NameDictionary<Int> = [:]
    }

    private let path: String
    private let maximumWaitingBytes: Int
    private let state = NIOLockedValueBox(State())
    /// The bytes of messages that the system has not taken yet.
    private let waitingBytes = NIOLockedValueBox(0)
    private var isClosed: Bool { state.withLockedValue { $0.isClosed } }

    /// Makes a transport to the hub at this path; the hub may start later.
    ///
    /// - Parameter maximumWaitingBytes: How much may wait for a hub that reads too slowly. Further messages are not sent; default 64 MiB.
    public init(path: String, maximumWaitingBytes: Int = 64 << 20) {
        self.path = path
        self.maximumWaitingBytes = maximumWaitingBytes
    }

    // MARK: ClusterTransport

    /// Connects; tries again ten times a second while the hub cannot be reached.
    public func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
        let connecting = Task {
            while !isClosed {
                if let channel = await connect() {
                    statusChanged(.up)
                    try? await channel.closeFuture.get()
                }
                guard !isClosed else { return }
                statusChanged(.down("the hub cannot be reached"))
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
        state.withLockedValue { $0.connecting = connecting }
    }

    /// Ends the connection, also one that is just being made. Subscriptions that wait fail.
    public func close() async {
        let (channel, connecting, waiting) = state.withLockedValue { state in
            defer { state = State(isClosed: true) }
            return (state.channel, state.connecting, state.subscribing.values)
        }
        for done in waiting { done.fail(Failure.unreachable) }
        try? await channel?.close()
        connecting?.cancel()
        await connecting?.value
    }

    /// Subscribes when there is a connection, and again after each reconnection.
    public func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        let (isOpen, earlier) = state.withLockedValue { state -> (Bool, ClusterCallback<Void>?) in
            guard !state.isClosed else { return (false, nil) }
            let earlier = state.subscribing[receiver.namespace]
            state.receivers[receiver.namespace] = receiver
            state.subscribing[receiver.namespace] = done
            return (true, earlier)
        }
        earlier?.fail(Failure.unreachable)
        guard isOpen else { return done.fail(Failure.unreachable) }
        // Without a connection, `connect` sends it as soon as there is one.
        send(Frame(.subscribe, receiver.namespace))
    }

    /// Forgets the receiver, unless a newer one has subscribed to the namespace.
    public func unsubscribe(_ receiver: ClusterReceiver) {
        let (isCurrent, waiting) = state.withLockedValue { state -> (Bool, ClusterCallback<Void>?) in
            guard state.receivers[receiver.namespace] === receiver else { return (false, nil) }
            state.receivers[receiver.namespace] = nil
            return (true, state.subscribing.removeValue(forKey: receiver.namespace))
        }
        waiting?.fail(Failure.unreachable)
        if isCurrent { send(Frame(.unsubscribe, receiver.namespace)) }
    }

    /// Sends the message to all servers with the namespace; each ignores a message for another server.
    public func publish(
        _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination, _ done: ClusterCallback<Void>
    ) {
        guard let channel = openChannel else { return done.fail(Failure.unreachable) }
        let bytes = Frame(.message, namespace, message).bytes
        let size = bytes.readableBytes
        let fits = waitingBytes.withLockedValue { waiting in
            // One message alone may be of any size.
            guard waiting == 0 || waiting + size <= maximumWaitingBytes else { return false }
            waiting += size
            return true
        }
        guard fits else { return done.fail(Failure.tooSlow) }
        channel.writeAndFlush(bytes).whenComplete { [waitingBytes] result in
            waitingBytes.withLockedValue { $0 -= size }
            switch result {
            case .success: done.succeed()
            case .failure: done.fail(Failure.unreachable)
            }
        }
    }

    /// Returns the number that the hub has sent last.
    public func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
        done.succeed(state.withLockedValue { $0.counts[namespace] ?? 1 })
    }

    private enum Failure: String, Error, CustomStringConvertible {
        case unreachable = "the hub cannot be reached"
        case tooSlow = "the hub does not read fast enough"

        var description: String { rawValue }
    }

    // MARK: The connection

    /// Nil when the hub is away, or the transport has been closed.
    private func connect() async -> (any Channel)? {
        let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                FrameHandler.add(to: channel, onFrame: { [weak self] in self?.received($0) })
            }
            .connect(unixDomainSocketPath: path).get()
        guard let channel else { return nil }
        let namespaces = state.withLockedValue { state -> NameSet? in
            guard !state.isClosed else { return nil }
            state.channel = channel
            // The hub sends the numbers again after a subscription.
            state.counts = [:]
            return state.receivers.keys
        }
        guard let namespaces else {
            try? await channel.close()
            return nil
        }
        for namespace in namespaces { send(Frame(.subscribe, namespace)) }
        return channel
    }

    private var openChannel: (any Channel)? {
        state.withLockedValue { $0.channel }.flatMap { $0.isActive ? $0 : nil }
    }

    private func send(_ frame: Frame) { openChannel?.writeAndFlush(frame.bytes, promise: nil) }

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
