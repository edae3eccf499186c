// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import SocketIOServer

/// Listens on a Unix domain socket, passes messages on, and tells everybody how many have subscribed to a namespace.
final class UnixHub: Sendable {
    private struct Member {
        let channel: any Channel
        var namespaces: NameSet = []
    }

    private let members = NIOLockedValueBox<[ObjectIdentifier: Member]>([:])

    func listen(path: String) async throws {
        _ = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                self.members.withLockedValue { $0[ObjectIdentifier(channel)] = Member(channel: channel) }
                return FrameHandler.add(
                    to: channel, onFrame: { self.received($0, from: channel) }, onEnd: { self.left(channel) })
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    }

    private func received(_ frame: Frame, from channel: any Channel) {
        let id = ObjectIdentifier(channel)
        switch frame.kind {
        case .subscribe:
            members.withLockedValue { _ = $0[id]?.namespaces.insert(frame.namespace) }
            tellCount(of: frame.namespace)
        case .unsubscribe:
            members.withLockedValue { _ = $0[id]?.namespaces.remove(frame.namespace) }
            tellCount(of: frame.namespace)
        case .message:
            // The sender knows what it has sent.
            for member in subscribers(of: frame.namespace) where member !== channel {
                member.writeAndFlush(frame.bytes, promise: nil)
            }
        case .count: break
        }
    }

    private func left(_ channel: any Channel) {
        let member = members.withLockedValue { $0.removeValue(forKey: ObjectIdentifier(channel)) }
        for namespace in member?.namespaces ?? [] { tellCount(of: namespace) }
    }

    private func subscribers(of namespace: String) -> [any Channel] {
        members.withLockedValue { members in
            members.values.filter { $0.namespaces.contains(namespace) }.map(\.channel)
        }
    }

    private func tellCount(of namespace: String) {
        let subscribers = subscribers(of: namespace)
        let frame = Frame(.count, namespace, ByteBuffer(integer: UInt32(subscribers.count)))
        for subscriber in subscribers { subscriber.writeAndFlush(frame.bytes, promise: nil) }
    }
}
