// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
package import NIOCore

/// Where an HTTP connection writes its answers without NIO. In the server it is a socket; in tests it is full when a
/// test wants it.
protocol ResponseSocket {
    /// See ``DirectSocket/send(_:isLast:)``.
    func send(_ buffer: ByteBuffer, isLast: Bool) -> Int
}

/// The socket of a plaintext channel, for writing without NIO (decisions 5): sending small frames to many clients then
/// costs little more than the system calls.
///
/// To be used on the channel's loop only, and while the channel is active. It may be written to only while NIO holds no
/// bytes for it, otherwise the order is lost, and read from only before NIO reads. It never closes the descriptor,
/// which stays NIO's.
@frozen
package struct DirectSocket: ResponseSocket {
    private static let flags = CInt(MSG_DONTWAIT | MSG_NOSIGNAL)

    package let descriptor: CInt

    /// Nil for a channel that is not a socket, such as those of tests.
    package init?(_ channel: any Channel) {
        // This casts to the protocol alone. `withUnsafeTransportIfAvailable` makes NIO cast to a type that names the
        // transport as well, for which the runtime builds type metadata each time: 13,500 instructions.
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

    /// Sends the bytes that the kernel accepts without waiting.
    ///
    /// - Parameter isLast: the socket is closed right after this, which sends the rest together with the end of the
    ///   stream.
    /// - Returns: The number of bytes that the kernel accepted. It is less than all when the socket is full or the
    ///   connection is broken; NIO gets the rest and finds out which.
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

    /// How many bytes in the kernel the peer has not acknowledged; 0 when that is unknown. The call only queries the
    /// descriptor, so any thread may make it, even for a descriptor that has just been closed.
    package static func unacknowledgedBytes(of descriptor: CInt) -> Int {
        var count: CInt = 0
        guard descriptor >= 0, ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return 0 }
        return Int(count)
    }

    /// Receives the bytes that have arrived, without waiting, and returns their number. It is 0 when there are none, at
    /// the end of the stream and on failure; NIO finds out which.
    package func receive(into target: UnsafeMutableRawBufferPointer) -> Int {
        max(0, recv(descriptor, target.baseAddress, target.count, CInt(MSG_DONTWAIT)))
    }
}
