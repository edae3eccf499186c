// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Moves a plaintext connection to another event loop (decisions 4).
///
/// The descriptor is duplicated, the old channel closed, and a new channel made from the duplicate. Closing the old one
/// closes its descriptor only: the kernel's connection lives on in the duplicate, so the peer notices nothing.
enum Rehoming {
    /// A connection between two loops.
    struct Detached: Sendable {
        fileprivate let descriptor: NIOBSDSocket.Handle
    }

    /// Takes the connection off its loop. Nil when it cannot be moved and stays as it was: there is no descriptor of
    /// its own, none is free, or bytes are still to be written.
    ///
    /// On the channel's loop, when no handler but those of NIO is left in its pipeline.
    static func detach(_ channel: any Channel) -> Detached? {
        guard let options = channel.syncOptions, (try? options.getOption(.bufferedWritableBytes)) == 0 else {
            return nil
        }
        let duplicate = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { fcntl($0, F_DUPFD_CLOEXEC, 0) }
        guard let duplicate, duplicate >= 0 else { return nil }
        channel.close(mode: .all, promise: nil)
        return Detached(descriptor: duplicate)
    }

    /// Makes a channel on `eventLoop` whose only handler is `handler`; that hears `channelActive` before any read.
    static func adopt(
        _ connection: Detached, on eventLoop: any EventLoop, handler: WebSocketTransport,
        whenFailed: @escaping @Sendable (any Error) -> Void
    ) {
        // The descriptor belongs to the bootstrap from here on, in failure too.
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let buffer = handler.receiveBuffer { try SharedReceiveAllocator.install(buffer, on: channel) }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .withConnectedSocket(connection.descriptor)
            .whenFailure(whenFailed)
    }
}
