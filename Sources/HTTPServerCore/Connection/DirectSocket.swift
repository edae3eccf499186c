// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
package import NIOCore

/// What an HTTP connection writes its answers to, past NIO. Real ones are sockets; those of tests are full when a test wants it.
protocol AnswerSink {
    /// As ``DirectSocket/send(_:isLast:)``.
    func send(_ buffer: ByteBuffer, isLast: Bool) -> Int
}

/// The socket below a plaintext channel, written to past NIO (decisions 5): a fan-out of small frames then costs little more
/// than the system calls.
///
/// To be used on the channel's loop only, while the channel is active; written to while NIO holds no bytes for it, or the order is
/// lost, and read from before NIO does. It never closes the descriptor, which stays NIO's.
@frozen
package struct DirectSocket: AnswerSink {
    private static let flags = CInt(MSG_DONTWAIT | MSG_NOSIGNAL)

    package let descriptor: CInt

    /// Nil for channels that are no sockets, such as those of tests.
    package init?(_ channel: any Channel) {
        // A cast to the protocol alone. One that names the transport as well, which NIO makes for
        // `withUnsafeTransportIfAvailable`, has the runtime put a type together each time: 13,500 instructions.
        guard let core = channel as? any NIOTransportAccessibleChannelCore, let found = Self.handle(of: core) else {
            return nil
        }
        descriptor = found
    }

    private static func handle(of core: some NIOTransportAccessibleChannelCore) -> NIOBSDSocket.Handle? {
        try? core.withUnsafeTransport { $0 as? NIOBSDSocket.Handle }
    }

    @inlinable
    package init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    /// Sends what the kernel takes without waiting.
    ///
    /// - Parameter isLast: the socket is closed right after this, which sends the rest together with the end of the stream.
    /// - Returns: How many bytes it took. Fewer than all when it is full or when the connection is broken; NIO, given the
    ///   rest, finds out which.
    package func send(_ buffer: ByteBuffer, isLast: Bool = false) -> Int {
        buffer.withUnsafeReadableBytes { send($0, isLast: isLast) }
    }

    /// The same for plain memory.
    package func send(_ bytes: UnsafeRawBufferPointer, isLast: Bool = false) -> Int {
        let flags = isLast ? Self.flags | CInt(MSG_MORE) : Self.flags
        while true {
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags)
            if count >= 0 { return count }
            if errno != EINTR { return 0 }
        }
    }

    /// How many bytes in the kernel the peer has not acknowledged; 0 when that is unknown. The call only queries, so it
    /// may be made from any thread, even for a descriptor that has just been closed.
    package static func unacknowledgedBytes(of descriptor: CInt) -> Int {
        var count: CInt = 0
        guard descriptor >= 0, ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return 0 }
        return Int(count)
    }

    /// Receives what has arrived, without waiting: how many bytes. 0 when there is nothing, at the end of the stream and on failure;
    /// NIO finds out which.
    package func receive(into target: UnsafeMutableRawBufferPointer) -> Int {
        max(0, recv(descriptor, target.baseAddress, target.count, CInt(MSG_DONTWAIT)))
    }
}
