// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore

/// The socket below a plaintext channel, written to past NIO (design 5): a fan-out of small frames then costs little more
/// than the system calls.
///
/// To be used on the channel's loop only, while the channel is active and NIO holds no bytes for it, or the order is
/// lost. It never closes the descriptor, which stays NIO's.
struct DirectSocket {
    private static let flags = CInt(MSG_DONTWAIT | MSG_NOSIGNAL)

    let descriptor: CInt
    private let channel: (any Channel)?

    /// The descriptor is still the channel's, and not a later connection's.
    var isActive: Bool { channel?.isActive ?? true }

    /// Nil for channels that are no sockets, such as those of tests.
    init?(_ channel: any Channel) {
        let operations = channel.pipeline.syncOperations
        let found = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        guard let found = found ?? nil else { return nil }
        descriptor = found
        self.channel = channel
    }

    init(descriptor: CInt) {
        self.descriptor = descriptor
        channel = nil
    }

    /// Sends what the kernel takes without waiting.
    ///
    /// - Returns: How many bytes it took. Fewer than all when it is full or when the connection is broken; NIO, given the
    ///   rest, finds out which.
    func send(_ buffer: ByteBuffer) -> Int {
        buffer.withUnsafeReadableBytes { bytes in
            while true {
                let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Self.flags)
                if count >= 0 { return count }
                if errno != EINTR { return 0 }
            }
        }
    }
}
