// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import SocketIOServer

/// Listens on a Unix domain socket, passes messages on, and tells everybody how many have subscribed to a namespace.
public final class UnixHub: Sendable {
    private struct Member {
        let channel: any Channel
        var namespaces: NameSet = []
    }

    private struct State {
        var listener: (any Channel)?
        var isClosed = false
        var members: [ObjectIdentifier: Member] = [:]
    }

    private let state = NIOLockedValueBox(State())

    /// A hub that does not listen yet.
    public init() {}

    /// How many servers are connected.
    public var connectionCount: Int { state.withLockedValue { $0.members.count } }

    /// Begins to listen. Call it once. A file that an earlier hub has left there is replaced.
    ///
    /// - Throws: `IOError` when that is not possible.
    public func listen(path: String) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // Twice the largest message: more waits for nobody.
            .childChannelOption(
                .writeBufferWaterMark, value: .init(low: Frame.maximumLength, high: 2 * Frame.maximumLength)
            )
            .childChannelInitializer { channel in
                guard self.add(channel) else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                return FrameHandler.add(
                    to: channel, onFrame: { self.received($0, from: channel) }, onEnd: { self.left(channel) })
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        state.withLockedValue { $0.listener = listener }
    }

    /// Ends all connections and listens no more. The file of the socket stays.
    public func close() async {
        let (listener, members) = state.withLockedValue { state in
            defer { state = State(isClosed: true) }
            return (state.listener, state.members.values.map(\.channel))
        }
        try? await listener?.close()
        for channel in members { try? await channel.close() }
    }

    /// False when the hub has been closed.
    private func add(_ channel: any Channel) -> Bool {
        state.withLockedValue { state in
            guard !state.isClosed else { return false }
            state.members[ObjectIdentifier(channel)] = Member(channel: channel)
            return true
        }
    }

    private func received(_ frame: Frame, from channel: any Channel) {
        let id = ObjectIdentifier(channel)
        switch frame.kind {
        case .subscribe:
            state.withLockedValue { _ = $0.members[id]?.namespaces.insert(frame.namespace) }
            tellCount(of: frame.namespace)
        case .unsubscribe:
            state.withLockedValue { _ = $0.members[id]?.namespaces.remove(frame.namespace) }
            tellCount(of: frame.namespace)
        case .message:
            // The sender knows what it has sent.
            for member in subscribers(of: frame.namespace) where member !== channel {
                // A server that does not read is cut off; it connects again when it goes on.
                guard member.isWritable else {
                    member.close(promise: nil)
                    continue
                }
                member.writeAndFlush(frame.bytes, promise: nil)
            }
        case .count: break
        }
    }

    private func left(_ channel: any Channel) {
        let member = state.withLockedValue { $0.members.removeValue(forKey: ObjectIdentifier(channel)) }
        for namespace in member?.namespaces ?? [] { tellCount(of: namespace) }
    }

    private func subscribers(of namespace: String) -> [any Channel] {
        state.withLockedValue { state in
            state.members.values.filter { $0.namespaces.contains(namespace) }.map(\.channel)
        }
    }

    /// Tells the number in the order in which it changes: within the lock, and later on every event loop, also on this one.
    private func tellCount(of namespace: String) {
        state.withLockedValue { state in
            let subscribers = state.members.values.filter { $0.namespaces.contains(namespace) }.map(\.channel)
            let frame = Frame(.count, namespace, ByteBuffer(integer: UInt32(subscribers.count)))
            for subscriber in subscribers {
                subscriber.eventLoop.execute { subscriber.writeAndFlush(frame.bytes, promise: nil) }
            }
        }
    }
}
